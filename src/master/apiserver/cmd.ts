import { Command, Option } from 'commander';
import { errorMessage } from '../../lib/errors.js';
import type { Parsed } from '../../lib/flags.js';
import { parseFlags, repeatable } from '../../lib/flags.js';
import type { Extension, ServeFlags } from './serve.js';

function command(): Command {
  return new Command('apiserver')
    .description('Serves the Kubernetes API over REST (HTTPS) and gRPC')
    .option(
      '--master-name <name>',
      'name of this server among the masters (default: the host name)',
    )
    .option('--advertise-address <ip>', 'address at which others reach this server')
    .option('--bind-address <ip>', 'address to listen on', '0.0.0.0')
    .option('--secure-port <port>', 'port of the REST API', '6443')
    .option('--grpc-port <port>', 'port of the gRPC API', '6444')
    .option('--data-dir <dir>', 'accepted, without effect')
    .option('--pki-dir <dir>', 'accepted, without effect')
    .requiredOption('--etcd-servers <urls>', 'any etcd v3 cluster, comma-separated')
    .option('--etcd-cafile <file>', "authority of the store's certificates")
    .option('--etcd-certfile <file>', 'client certificate for the store')
    .option('--etcd-keyfile <file>', 'key of that certificate')
    .requiredOption('--client-ca-file <file>', 'authority of client certificates')
    .requiredOption('--tls-cert-file <file>', "the server's certificate")
    .requiredOption('--tls-private-key-file <file>', 'key of that certificate')
    .option('--service-account-key-file <file>', 'public key of tokens; repeatable', repeatable)
    .requiredOption('--service-account-signing-key-file <file>', 'private key that signs tokens')
    .option(
      '--service-account-issuer <url>',
      'issuer of tokens',
      'https://kubernetes.default.svc.cluster.local',
    )
    .option('--api-audiences <names>', 'audiences of tokens, comma-separated (default: the issuer)')
    .option('--kubelet-certificate-authority <file>', "authority of the nodes' certificates")
    .option('--kubelet-client-certificate <file>', 'client certificate for nodes')
    .option('--kubelet-client-key <file>', 'key of that certificate')
    .option(
      '--requestheader-client-ca-file <file>',
      "authority of front proxies' certificates, which servers of APIServices learn",
    )
    .option('--proxy-client-cert-file <file>', 'certificate that servers of APIServices are shown')
    .option('--proxy-client-key-file <file>', 'key of that certificate')
    .option(
      '--encryption-key-file <file>',
      'key of 32 bytes, also as base64 or hex, with which Secrets are stored encrypted',
    )
    .option('--service-cluster-ip-range <cidr>', 'addresses of services', '10.96.0.0/16')
    .option('--service-node-port-range <range>', 'node ports of services', '30000-32767')
    .option('--authorization-mode <modes>', 'Node, RBAC, AlwaysAllow, AlwaysDeny', 'Node,RBAC')
    .option(
      '--anonymous-auth <boolean>',
      'serve requests without credentials as user system:anonymous',
      'true',
    )
    .option('--dashboard <boolean>', 'serve the dashboard at /ui/', 'true')
    .option('--audit-log-path <file>', 'file of the audit log, one line per event')
    .option('--disable-admission-plugins <names>', 'admission plugins to leave out', '')
    .option(
      '--admission-control-config-file <file>',
      'file with an AdmissionConfiguration, of which PodSecurity is read',
    )
    .addOption(
      new Option('--log-level <level>', 'least level of lines that are logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    );
}

/**
 * `trireme apiserver`: runs until SIGTERM or SIGINT.
 * @param argv flags only
 * @returns the exit code: 0 after a stop that was asked for, 1 when it could not start, 2 for bad flags
 */
export async function runApiserver(
  argv: readonly string[],
  extension: Extension = {},
): Promise<number> {
  let parsed: Parsed<ServeFlags>;
  try {
    parsed = parseFlags<ServeFlags>(command(), argv);
  } catch (error) {
    process.stderr.write(`trireme apiserver: ${errorMessage(error)}\n`);
    return 2;
  }
  if (parsed.help) return 0;
  // Loaded when it runs: help starts without.
  return (await import('./serve.js')).serve(parsed.options, extension);
}
