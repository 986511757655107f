import { join } from 'node:path';
import { clusterDnsAddress } from '../../master/cluster/settings.js';
import type { ComponentSpec } from '../../master/supervisor/supervisor.js';
import type { ApiserverThreadFlags } from '../components/apiserver.js';
import type { MasterState } from './join.js';
import { pkiDirectory } from './join.js';
import type { MasterOptions } from './options.js';

/**
 * The threads of a master, in the order of their start: each with the flags that it would have as a program of its own.
 */
export function componentSpecs(options: MasterOptions, state: MasterState): ComponentSpec[] {
  return [
    {
      name: 'etcd',
      module: new URL('../components/etcd.js', import.meta.url),
      entry: 'main',
      argv: [...storeFlags(options, state), ...options.passed.etcd],
      youngMbMax: fewYoungMb,
    },
    {
      name: 'apiserver',
      module: new URL('../components/apiserver.js', import.meta.url),
      entry: 'main',
      argv: [JSON.stringify(apiserverThread(options, state))],
    },
    {
      name: 'control',
      module: new URL('../components/control.js', import.meta.url),
      entry: 'main',
      argv: [
        JSON.stringify({
          scheduler: [
            ...clientFlags(options, 'scheduler'),
            ...doorFlags(options, options.ports.scheduler),
            ...options.passed.scheduler,
          ],
          controllerManager: [
            ...clientFlags(options, 'controller-manager'),
            ...doorFlags(options, options.ports.controllerManager),
            ...controllerFlags(options, state),
            ...options.passed.controllerManager,
          ],
        }),
      ],
      youngMbMax: fewYoungMb,
    },
  ];
}

/**
 * Milliseconds: half as many as by etcd's default, since heartbeats are most of what an idle master does. An election
 * begins no later for it: a connection that breaks is seen at once, and time-outs count from the last heartbeat.
 */
const rareHeartbeats = '200';

/**
 * MiB for the young objects of the store, and of scheduler and controllers: garbage does not wait there with its
 * buffers, and they are about as quick with it. The API server keeps V8's own, since lists make many at once.
 */
const fewYoungMb = 12;

/** The file in which the master hands its store the schedule that the administrator has set. */
export function backupSettingsFile({ dataDir }: MasterOptions): string {
  return join(dataDir, 'backup-settings.json');
}

/** The flags of the store's member, but for those that the operator passed on. */
export function storeFlags(options: MasterOptions, state: MasterState): string[] {
  const pki = pkiDirectory(options);
  const clientUrl = (host: string): string => `https://${host}:${options.ports.etcdClient}`;
  const isPassed = (name: string): boolean =>
    options.passed.etcd.some((word) => word.startsWith(`--${name}`));
  const peerUrl = `https://${options.address}:${options.ports.etcdPeer}`;
  const clientUrls =
    options.address === '127.0.0.1'
      ? clientUrl('127.0.0.1')
      : `${clientUrl(options.address)},${clientUrl('127.0.0.1')}`;
  return flags({
    name: options.name,
    'data-dir': join(options.dataDir, 'etcd'),
    'listen-client-urls': clientUrls,
    'advertise-client-urls': clientUrl(options.address),
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': state.initialCluster,
    'initial-cluster-state': state.initialClusterState,
    'initial-cluster-token': state.clusterToken,
    'cert-file': join(pki, 'etcd-server.crt'),
    'key-file': join(pki, 'etcd-server.key'),
    'client-cert-auth': 'true',
    'trusted-ca-file': join(pki, 'etcd-ca.crt'),
    'peer-cert-file': join(pki, 'etcd-peer.crt'),
    'peer-key-file': join(pki, 'etcd-peer.key'),
    'peer-client-cert-auth': 'true',
    'peer-trusted-ca-file': join(pki, 'etcd-ca.crt'),
    ...(isPassed('heartbeat-interval') || isPassed('election-timeout')
      ? {}
      : { 'heartbeat-interval': rareHeartbeats }),
    // Masters join one after another, each once the one before it votes and is reached by all.
    'strict-reconfig-settle-time': '0s',
    'auto-compaction-mode': 'periodic',
    // So far back reach `history`, `get --at`, `diff --since` and `rewind`: an hour, and 256 MiB of writes at most.
    'auto-compaction-retention': '1h',
    'auto-compaction-max-bytes': String(256 * 1024 * 1024),
    // Every four hours, and two days of them, unless --etcd-arg says otherwise.
    'backup-dir': join(options.dataDir, 'backups'),
    ...(isPassed('backup-schedule') ? {} : { 'backup-interval': '4h' }),
    'backup-keep-count': '12',
    'backup-settings-file': backupSettingsFile(options),
  });
}

function apiserverThread(options: MasterOptions, state: MasterState): ApiserverThreadFlags {
  return {
    name: options.name,
    pkiDirectory: pkiDirectory(options),
    grpcPort: options.ports.grpc,
    etcdUrl: `https://127.0.0.1:${options.ports.etcdClient}`,
    clusterToken: state.clusterToken,
    settings: state.settings,
    apiserver: [...apiserverFlags(options, state), ...options.passed.apiserver],
  };
}

function apiserverFlags(options: MasterOptions, state: MasterState): string[] {
  const pki = pkiDirectory(options);
  return flags({
    'master-name': options.name,
    'advertise-address': options.address,
    'bind-address': bindAddress(options),
    'secure-port': String(options.ports.rest),
    'grpc-port': String(options.ports.grpc),
    'data-dir': join(options.dataDir, 'apiserver'),
    'pki-dir': pki,
    'etcd-servers': `https://127.0.0.1:${options.ports.etcdClient}`,
    'etcd-cafile': join(pki, 'etcd-ca.crt'),
    'etcd-certfile': join(pki, 'apiserver-etcd-client.crt'),
    'etcd-keyfile': join(pki, 'apiserver-etcd-client.key'),
    'client-ca-file': join(pki, 'ca.crt'),
    'tls-cert-file': join(pki, 'apiserver.crt'),
    'tls-private-key-file': join(pki, 'apiserver.key'),
    'service-account-key-file': join(pki, 'sa.pub'),
    'service-account-signing-key-file': join(pki, 'sa.key'),
    'service-account-issuer': `https://kubernetes.default.svc.${state.settings.clusterDomain}`,
    'kubelet-certificate-authority': join(pki, 'ca.crt'),
    'kubelet-client-certificate': join(pki, 'apiserver-kubelet-client.crt'),
    'kubelet-client-key': join(pki, 'apiserver-kubelet-client.key'),
    'requestheader-client-ca-file': join(pki, 'front-proxy-ca.crt'),
    'proxy-client-cert-file': join(pki, 'front-proxy-client.crt'),
    'proxy-client-key-file': join(pki, 'front-proxy-client.key'),
    'encryption-key-file': join(pki, 'encryption.key'),
    'service-cluster-ip-range': state.settings.serviceCidr,
    'authorization-mode': 'Node,RBAC',
    dashboard: String(options.dashboard),
  });
}

function clientFlags(options: MasterOptions, component: string): string[] {
  const pki = pkiDirectory(options);
  return flags({
    server: `127.0.0.1:${options.ports.grpc}`,
    identity: options.name,
    'ca-file': join(pki, 'ca.crt'),
    'cert-file': join(pki, `${component}.crt`),
    'key-file': join(pki, `${component}.key`),
    'leader-elect': 'true',
  });
}

/** A master that only this machine reaches keeps to the loopback, beside whatever else uses its ports. */
function bindAddress({ address }: MasterOptions): string {
  return address === '127.0.0.1' ? address : '0.0.0.0';
}

/** The port of a component's health and metrics, under the certificate that is the master's. */
function doorFlags(options: MasterOptions, port: number): string[] {
  const pki = pkiDirectory(options);
  return flags({
    'bind-address': bindAddress(options),
    'secure-port': String(port),
    'tls-cert-file': join(pki, 'apiserver.crt'),
    'tls-private-key-file': join(pki, 'apiserver.key'),
    'client-ca-file': join(pki, 'ca.crt'),
  });
}

function controllerFlags(options: MasterOptions, state: MasterState): string[] {
  const pki = pkiDirectory(options);
  return flags({
    'cluster-cidr': state.settings.clusterCidr,
    'node-cidr-mask-size': String(state.settings.nodeCidrMaskSize),
    'cluster-dns': clusterDnsAddress(state.settings),
    'root-ca-file': join(pki, 'ca.crt'),
    'cluster-signing-cert-file': join(pki, 'ca.crt'),
    'cluster-signing-key-file': join(pki, 'ca.key'),
    'service-account-private-key-file': join(pki, 'sa.key'),
  });
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
