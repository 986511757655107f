import { hostname } from 'node:os';
import { systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { errorMessage } from '../../lib/errors.js';
import type { LogLevel } from '../../lib/log.js';
import { LogThreshold } from '../../lib/log.js';
import { surviveRejections } from '../../lib/rejections.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import { readAdmissionConfiguration } from './admission/configuration-file.js';
import { ApiServerCertificates } from './certificates.js';
import type { ApiServerOptions, AuthorizationMode } from './options.js';
import { startApiServer } from './server.js';

/** The services that a master adds to its API server's gRPC, and paths to its HTTP. */
export type Extension = Partial<Pick<ApiServerOptions, 'extendGrpc' | 'streams'>>;

const modes: readonly AuthorizationMode[] = ['Node', 'RBAC', 'AlwaysAllow', 'AlwaysDeny'];

/** The flags of `trireme apiserver`. */
export interface ServeFlags {
  masterName?: string;
  advertiseAddress?: string;
  bindAddress: string;
  securePort: string;
  grpcPort: string;
  etcdServers: string;
  etcdCafile?: string;
  etcdCertfile?: string;
  etcdKeyfile?: string;
  clientCaFile: string;
  tlsCertFile: string;
  tlsPrivateKeyFile: string;
  serviceAccountKeyFile?: string[];
  serviceAccountSigningKeyFile: string;
  serviceAccountIssuer: string;
  apiAudiences?: string;
  kubeletCertificateAuthority?: string;
  kubeletClientCertificate?: string;
  kubeletClientKey?: string;
  requestheaderClientCaFile?: string;
  proxyClientCertFile?: string;
  proxyClientKeyFile?: string;
  serviceClusterIpRange: string;
  serviceNodePortRange: string;
  authorizationMode: string;
  anonymousAuth: string;
  auditLogPath?: string;
  dashboard: string;
  disableAdmissionPlugins: string;
  admissionControlConfigFile?: string;
  logLevel: LogLevel;
}

function readModes(text: string): AuthorizationMode[] {
  return text.split(',').map((name) => {
    const mode = modes.find((candidate) => candidate === name);
    if (mode === undefined) throw new Error(`unknown authorization mode ${name}`);
    return mode;
  });
}

function readOptions(flags: ServeFlags, certificates: ApiServerCertificates): ApiServerOptions {
  const [first = '', last = ''] = flags.serviceNodePortRange.split('-');
  return {
    log: certificates.log,
    clock: certificates.clock,
    metrics: [certificates.registry],
    masterName: flags.masterName ?? hostname(),
    advertiseAddress: flags.advertiseAddress ?? '127.0.0.1',
    bindAddress: flags.bindAddress,
    securePort: Number(flags.securePort),
    grpcPort: Number(flags.grpcPort),
    serving: certificates.serving,
    etcd: { servers: flags.etcdServers.split(','), tls: certificates.etcd },
    serviceAccount: {
      issuer: flags.serviceAccountIssuer,
      audiences: (flags.apiAudiences ?? flags.serviceAccountIssuer).split(','),
      keys: certificates.serviceAccount,
    },
    kubelet: certificates.kubelet,
    frontProxy: certificates.frontProxy,
    encryptionKeys: certificates.encryptionKeys,
    serviceClusterIpRange: flags.serviceClusterIpRange,
    nodePortRange: { first: Number(first), last: Number(last) },
    authorizationModes: readModes(flags.authorizationMode),
    anonymousAuth: flags.anonymousAuth !== 'false',
    auditLogPath: flags.auditLogPath,
    dashboard: flags.dashboard !== 'false',
    disabledAdmission: new Set(flags.disableAdmissionPlugins.split(',').filter(Boolean)),
    ...readAdmissionConfiguration(flags.admissionControlConfigFile),
  };
}

/**
 * Runs an API server until SIGTERM or SIGINT.
 * @returns the exit code: 0 after a stop that was asked for, 1 when it could not start, 2 for bad values of flags
 */
export async function serve(flags: ServeFlags, extension: Extension): Promise<number> {
  let options: ApiServerOptions;
  let certificates: ApiServerCertificates | undefined;
  try {
    const threshold = new LogThreshold(flags.logLevel);
    const log = createLogger({ component: 'apiserver', level: threshold });
    certificates = new ApiServerCertificates(flags, { clock: systemClock(), log });
    options = { ...readOptions(flags, certificates), threshold, ...extension };
  } catch (error) {
    certificates?.stop();
    process.stderr.write(`trireme apiserver: ${errorMessage(error)}\n`);
    return 2;
  }
  surviveRejections({ component: 'apiserver', log: options.log });
  try {
    const server = await startApiServer(options);
    const stopping = shutdownSignal();
    await new Promise<void>((resolve) => {
      stopping.addEventListener('abort', () => resolve(), { once: true });
    });
    await server.stop();
    return 0;
  } catch (error) {
    options.log.error({ error }, 'the API server could not start');
    return 1;
  } finally {
    certificates.stop();
  }
}
