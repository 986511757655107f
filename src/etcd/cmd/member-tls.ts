/** A member's certificates: taken up when their files change, and watched until they end. */
import type { ChannelTls, ServerTls } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import type { Registry } from '../../lib/metrics.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { FileChanges } from '../../lib/pki/file-change.js';
import { mustBePair } from '../../lib/pki/key-pair.js';
import { RenewableTls } from '../../lib/pki/tls-source.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import type { ServerConfig } from '../config.js';
import type { Flags } from './typed-flags.js';
import { certificatePaths, loadTls } from './tls.js';

/** The certificates that a member listens and connects with; undefined where it does so in the clear. */
export interface MemberTls {
  readonly clientTls: TlsSource<ServerTls> | undefined;
  readonly peerTls: TlsSource<ServerTls> | undefined;
  readonly peerClientTls: TlsSource<ChannelTls> | undefined;
  readonly clientCertAuth: boolean;
  /** Looks at the files no more. */
  stop(): void;
}

/** @throws UsageError as {@link loadTls} */
export async function followTls(
  flags: Flags,
  config: ServerConfig,
  tools: { readonly log: Logger; readonly registry: Registry },
): Promise<MemberTls> {
  const { log, registry } = tools;
  const { clock } = config;
  const changes = new FileChanges(certificatePaths(flags));
  const loaded = await loadTls(flags, config, log);
  const clientTls = renewable(loaded.clientTls);
  const peerTls = renewable(loaded.peerTls);
  const peerClientTls = renewable(loaded.peerClientTls);
  const stopFollowing = changes.follow({
    clock,
    log,
    reload: async () => {
      const renewed = await loadTls(flags, config, log);
      for (const pair of [renewed.clientTls, renewed.peerTls, renewed.peerClientTls]) {
        if (pair?.cert !== undefined && pair.key !== undefined) {
          mustBePair({ cert: pair.cert, key: pair.key });
        }
      }
      if (renewed.clientTls !== undefined) clientTls?.renew(renewed.clientTls);
      if (renewed.peerTls !== undefined) peerTls?.renew(renewed.peerTls);
      if (renewed.peerClientTls !== undefined) peerClientTls?.renew(renewed.peerClientTls);
    },
  });
  const certificates = {
    server: () => clientTls?.current.cert,
    peer: () => peerTls?.current.cert,
    'peer-client': () => peerClientTls?.current.cert,
    'client-ca': () => clientTls?.current.ca,
    'peer-ca': () => peerTls?.current.ca,
  };
  const stopWatching = watchExpiry(certificates, { registry, clock, log });
  return {
    clientTls,
    peerTls,
    peerClientTls,
    clientCertAuth: loaded.clientCertAuth,
    stop() {
      stopFollowing();
      stopWatching();
    },
  };
}

function renewable<T extends object>(first: T | undefined): RenewableTls<T> | undefined {
  return first === undefined ? undefined : new RenewableTls(first);
}
