import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { ApiClient } from '../../client/types.js';
import type { OpenDoor } from '../../client/door/component-door.js';
import { openComponentDoor } from '../../client/door/component-door.js';
import { componentTimes, DelegatedAccess } from '../../client/door/delegated-access.js';
import type { Clock } from '../../lib/clock.js';
import type { ServerTls } from '../../lib/grpc/index.js';
import type { HealthCheck } from '../../lib/health-checks.js';
import type { Logger, LogThreshold } from '../../lib/log.js';
import type { Registry } from '../../lib/metrics.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { serverTlsFromFiles } from '../../lib/pki/tls-files.js';
import { derivedTls, fixedTls } from '../../lib/pki/tls-source.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import { UsageError } from '../../lib/usage-error.js';
import type { CommonFlags } from './command.js';

/** What the HTTPS port of a component shows, and what it works with. */
export interface DoorParts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly threshold: LogThreshold;
  readonly registries: readonly Registry[];
  readonly checks: (root: string) => readonly HealthCheck[];
}

/** Opens the port that the flags name, if they name one. @throws UsageError; the system's error when it is taken */
export async function openDoor(
  flags: CommonFlags,
  parts: DoorParts,
): Promise<OpenDoor | undefined> {
  const { bindAddress: host, securePort: port } = flags;
  if (port === 0) return undefined;
  const { client, clock, ...rest } = parts;
  const { tls, stop } = await servingTls(flags, parts);
  const access = new DelegatedAccess({
    client,
    clock,
    times: componentTimes,
    allowAnonymous: true,
  });
  try {
    const door = await openComponentDoor({ ...rest, clock, tls, access }, { host, port });
    return {
      port: door.port,
      close: async () => {
        stop();
        await door.close();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/** The certificate of the port: of the files that are named, else one of its own that nobody else has signed. */
async function servingTls(
  flags: CommonFlags,
  { clock, log }: DoorParts,
): Promise<{ readonly tls: TlsSource<ServerTls>; readonly stop: () => void }> {
  const { tlsCertFile: cert, tlsPrivateKeyFile: key } = flags;
  const clientCa = flags.clientCaFile ?? flags.caFile;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('--tls-cert-file and --tls-private-key-file belong together');
  }
  const requestClientCert = 'optional';
  if (cert !== undefined && key !== undefined && clientCa !== undefined) {
    const files = serverTlsFromFiles({ ca: clientCa, cert, key }, { clock, log });
    return {
      tls: derivedTls(files, (pair) => ({ ...pair, requestClientCert })),
      stop: () => files.stop(),
    };
  }
  const pair =
    cert !== undefined && key !== undefined
      ? { cert: readFileSync(cert), key: readFileSync(key) }
      : await selfSigned(flags.bindAddress, clock);
  const tls: ServerTls =
    clientCa === undefined ? pair : { ...pair, ca: readFileSync(clientCa), requestClientCert };
  return { tls: fixedTls(tls), stop: () => undefined };
}

/** As kube-scheduler makes one when it is given none: for a year, and for whoever does not ask whose it is. */
async function selfSigned(address: string, clock: Clock): Promise<{ cert: string; key: string }> {
  const ca = await createCertificateAuthority({ commonName: `${hostname()}-ca`, clock });
  const hosts = [hostname(), 'localhost', '127.0.0.1'];
  if (address !== '0.0.0.0' && !hosts.includes(address)) hosts.push(address);
  const subject = { commonName: hostname(), hosts, usages: ['server'] as const };
  return issueCertificate({ ca, subject, clock });
}
