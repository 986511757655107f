import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { systemClock } from '../../lib/clock.js';
import { parseFlags, repeatable } from '../../lib/flags.js';
import type { LogLevel } from '../../lib/log.js';
import { createLogger } from '../../lib/create-logger.js';
import { surviveRejections } from '../../lib/rejections.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import { errorMessage } from '../../lib/errors.js';
import { readAdmissionConfiguration } from './admission/configuration-file.js';
import { ApiServerCertificates } from './certificates.js';
import type { ApiServerOptions, AuthorizationMode } from './options.js';
import { startApiServer } from './server.js';

const modes: readonly AuthorizationMode[] = ['Node', 'RBAC', 'AlwaysAllow', 'AlwaysDeny'];

interface Flags {
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
  encryptionKeyFile?: string;
  serviceClusterIpRange: string;
  serviceNodePortRange: string;
  authorizationMode: string;
  anonymousAuth: string;
  auditLogPath?: string;
  disableAdmissionPlugins: string;
  admissionControlConfigFile?: string;
  logLevel: LogLevel;
}

function command(): Command {
  return new Command('apiserver')
    .description('Serves the Kubernetes API over REST (HTTPS) and gRPC')
    .option('--master-name <name>', 'this server among the masters (default: the host name)')
    .option('--advertise-address <ip>', 'address at which others reach this server')
    .option('--bind-address <ip>', 'address to listen on', '0.0.0.0')
    .option('--secure-port <port>', 'port of the REST API', '6443')
    .option('--grpc-port <port>', 'port of the gRPC API', '6444')
    .option('--data-dir <dir>', "kept for the component's own files")
    .option('--pki-dir <dir>', 'where the keys of the cluster are')
    .requiredOption('--etcd-servers <urls>', 'any etcd v3 cluster, comma-separated')
    .option('--etcd-cafile <file>', "authority of the store's certificates")
    .option('--etcd-certfile <file>', 'client certificate for the store')
    .option('--etcd-keyfile <file>', 'its key')
    .requiredOption('--client-ca-file <file>', 'authority of client certificates')
    .requiredOption('--tls-cert-file <file>', "the server's certificate")
    .requiredOption('--tls-private-key-file <file>', 'its key')
    .option('--service-account-key-file <file>', 'public key of tokens; repeatable', repeatable)
    .requiredOption('--service-account-signing-key-file <file>', 'private key that signs tokens')
    .option(
      '--service-account-issuer <url>',
      'issuer of tokens',
      'https://kubernetes.default.svc.cluster.local',
    )
    .option('--api-audiences <names>', 'audiences of tokens, comma-separated (the issuer)')
    .option('--kubelet-certificate-authority <file>', "authority of the nodes' certificates")
    .option('--kubelet-client-certificate <file>', 'client certificate for nodes')
    .option('--kubelet-client-key <file>', 'its key')
    .option(
      '--encryption-key-file <file>',
      '32 bytes (or their base64): Secrets are stored encrypted',
    )
    .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
    .option('--service-node-port-range <range>', 'node ports of services', '30000-32767')
    .option('--authorization-mode <modes>', 'Node, RBAC, AlwaysAllow, AlwaysDeny', 'Node,RBAC')
    .option('--anonymous-auth <boolean>', 'let requests without credentials be anonymous', 'true')
    .option('--audit-log-path <file>', 'writes one line per request')
    .option('--disable-admission-plugins <names>', 'admission plugins to leave out', '')
    .option('--admission-control-config-file <file>', 'AdmissionConfiguration; for PodSecurity')
    .addOption(
      new Option('--log-level <level>', 'how much to say')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    );
}

/** 32 bytes as they are, or as base64 or hexadecimal text. @throws Error for any other length */
export function readEncryptionKey(content: Buffer): Buffer {
  if (content.length === 32) return content;
  const text = content.toString().trim();
  for (const encoding of ['base64', 'hex'] as const) {
    const decoded = Buffer.from(text, encoding);
    if (decoded.length === 32) return decoded;
  }
  throw new Error('the encryption key must have 32 bytes');
}

function readModes(text: string): AuthorizationMode[] {
  return text.split(',').map((name) => {
    const mode = modes.find((candidate) => candidate === name);
    if (mode === undefined) throw new Error(`unknown authorization mode ${name}`);
    return mode;
  });
}

function readOptions(flags: Flags, certificates: ApiServerCertificates): ApiServerOptions {
  const [first = '', last = ''] = flags.serviceNodePortRange.split('-');
  const { encryptionKeyFile } = flags;
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
      signingKey: readFileSync(flags.serviceAccountSigningKeyFile),
      publicKeys: (flags.serviceAccountKeyFile ?? []).map((file) => readFileSync(file)),
    },
    kubelet: certificates.kubelet,
    encryptionKey:
      encryptionKeyFile === undefined
        ? undefined
        : readEncryptionKey(readFileSync(encryptionKeyFile)),
    serviceClusterIpRange: flags.serviceClusterIpRange,
    nodePortRange: { first: Number(first), last: Number(last) },
    authorizationModes: readModes(flags.authorizationMode),
    anonymousAuth: flags.anonymousAuth !== 'false',
    auditLogPath: flags.auditLogPath,
    disabledAdmission: new Set(flags.disableAdmissionPlugins.split(',').filter(Boolean)),
    ...readAdmissionConfiguration(flags.admissionControlConfigFile),
  };
}

/**
 * `trireme apiserver`: runs until SIGTERM or SIGINT.
 * @param argv flags only
 * @returns the exit code: 0 after a stop that was asked for, 1 when it could not start, 2 for bad flags
 */
export async function runApiserver(
  argv: readonly string[],
  extend: Partial<Pick<ApiServerOptions, 'extendGrpc'>> = {},
): Promise<number> {
  let options: ApiServerOptions;
  let certificates: ApiServerCertificates | undefined;
  try {
    const parsed = parseFlags<Flags>(command(), argv);
    if (parsed.help) return 0;
    const flags = parsed.options;
    const log = createLogger({ component: 'apiserver', level: flags.logLevel });
    certificates = new ApiServerCertificates(flags, { clock: systemClock(), log });
    options = { ...readOptions(flags, certificates), ...extend };
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
