/** Certificates in files that somebody else writes, taken up while the process runs. */
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { FileChanges } from './file-change.js';
import { mustBePair } from './key-pair.js';
import { RenewableTls } from './tls-source.js';
import type { TlsSource } from './tls-source.js';

/** A source that looks at its files until it is stopped. */
export interface TlsFileSource<T> extends TlsSource<T> {
  stop(): void;
}

/** The certificate files of a client, and the authority that it trusts; each may be absent. */
export interface ClientFiles<Content> {
  readonly ca?: Content;
  readonly cert?: Content;
  readonly key?: Content;
}

/** The certificate files of a server, and the authority that verifies its clients. */
export interface ServerFiles<Content> {
  readonly ca: Content;
  readonly cert: Content;
  readonly key: Content;
}

interface Tools {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reads PEM files for connections to a server, now and whenever one of them has changed. A certificate whose key is
 * written a moment later is not taken up before: the pair of before stays.
 * @throws the system's error when a file cannot be read now
 */
export function clientTlsFromFiles(
  { ca, cert, key }: ClientFiles<string | undefined>,
  tools: Tools,
): TlsFileSource<ClientFiles<Buffer>> {
  const paths = [ca, cert, key].filter((path) => path !== undefined);
  return watched(paths, tools, () => ({
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
  }));
}

/** {@link clientTlsFromFiles} for a server. */
export function serverTlsFromFiles(
  { ca, cert, key }: ServerFiles<string>,
  tools: Tools,
): TlsFileSource<ServerFiles<Buffer>> {
  return watched([ca, cert, key], tools, () => ({
    ca: readFileSync(ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
  }));
}

function watched<T extends ClientFiles<Buffer>>(
  paths: readonly string[],
  { clock, log }: Tools,
  read: () => T,
): TlsFileSource<T> {
  // Looked at before they are read: what changes in between is taken up later.
  const changes = new FileChanges(paths);
  const source = new RenewableTls(read());
  const stop = changes.follow({
    clock,
    log,
    reload: async () => {
      const contents = read();
      const { cert, key } = contents;
      if (cert !== undefined && key !== undefined) mustBePair({ cert, key });
      source.renew(contents);
    },
  });
  return {
    get current() {
      return source.current;
    },
    onChange: (listener) => source.onChange(listener),
    stop,
  };
}
