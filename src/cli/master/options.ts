import { Command } from 'commander';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { readJoinToken } from '../../lib/join-token.js';
import { errorMessage } from '../../lib/errors.js';
import type { ClusterSettings } from '../../master/cluster/settings.js';
import { addressInRange, defaultSettings } from '../../master/cluster/settings.js';
import { parseFlags, repeatable, wholeNumber } from '../../lib/flags.js';
import { ownAddress } from '../../lib/own-address.js';
import { UsageError } from '../../lib/usage-error.js';

/** The options of `trireme master`. */
export interface MasterOptions {
  readonly name: string;
  readonly dataDir: string;
  /** The address under which the other machines reach this one. */
  readonly address: string;
  /** Further names and addresses for the certificates. */
  readonly extraHosts: readonly string[];
  readonly join:
    | { readonly servers: readonly string[]; readonly token: string; readonly caHash: string }
    | undefined;
  readonly settings: ClusterSettings;
  readonly ports: {
    readonly rest: number;
    readonly grpc: number;
    readonly etcdClient: number;
    readonly etcdPeer: number;
    /** Health and metrics of the scheduler. 0: none */
    readonly scheduler: number;
    /** Those of the controllers. 0: none */
    readonly controllerManager: number;
  };
  /** The API server serves the dashboard. */
  readonly dashboard: boolean;
  /** Given on to the component as they are. */
  readonly passed: {
    readonly etcd: readonly string[];
    readonly apiserver: readonly string[];
    readonly scheduler: readonly string[];
    readonly controllerManager: readonly string[];
  };
}

/** The flags as commander gives them. */
export interface MasterFlags {
  readonly name?: string;
  readonly dataDir: string;
  readonly address?: string;
  readonly extraHost?: readonly string[];
  readonly join?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly caHash?: string;
  readonly clusterCidr: string;
  readonly serviceClusterIpRange: string;
  readonly clusterDomain: string;
  readonly nodeCidrMaskSize: string;
  readonly restPort: string;
  readonly grpcPort: string;
  readonly etcdClientPort: string;
  readonly etcdPeerPort: string;
  readonly schedulerPort: string;
  readonly controllerManagerPort: string;
  readonly dashboard: string;
  readonly etcdArg?: readonly string[];
  readonly apiserverArg?: readonly string[];
  readonly schedulerArg?: readonly string[];
  readonly controllerManagerArg?: readonly string[];
}

/** @returns undefined when help was printed. @throws UsageError */
export function parseMasterOptions(argv: readonly string[]): MasterOptions | undefined {
  const parsed = parseFlags<MasterFlags>(masterCommand('trireme master'), argv);
  return parsed.help ? undefined : readMasterFlags(parsed.options);
}

/** A command with all flags of a master. */
export function masterCommand(name: string): Command {
  return new Command(name)
    .option('--name <name>', 'this master; unique in the cluster (default: the host name)')
    .option('--data-dir <dir>', 'directory of keys and the store', '/var/lib/trireme/master')
    .option('--address <ip>', 'address at which other machines reach this one')
    .option(
      '--extra-host <name>',
      'one more name or address for the certificates (may be repeated)',
      repeatable,
    )
    .option('--join <host:port,...>', 'masters of the cluster to join (gRPC); else a new cluster')
    .option('--token <token>', 'from `trireme token create --for master`')
    .option('--token-file <file>', 'the token in a file, unseen by other users (-: standard input)')
    .option('--ca-hash <sha256:hex>', "hash of the cluster's authority, from the same command")
    .option('--cluster-cidr <cidr>', 'pod addresses', defaultSettings.clusterCidr)
    .option('--service-cluster-ip-range <cidr>', 'service addresses', defaultSettings.serviceCidr)
    .option('--cluster-domain <domain>', 'suffix of service names', defaultSettings.clusterDomain)
    .option('--node-cidr-mask-size <bits>', "a node's part of the pod addresses", '24')
    .option('--rest-port <port>', 'port of the Kubernetes API', '6443')
    .option('--grpc-port <port>', 'port of the gRPC API', '6444')
    .option('--etcd-client-port <port>', 'port of the store for clients', '2379')
    .option('--etcd-peer-port <port>', 'port of the store for other members', '2380')
    .option('--scheduler-port <port>', "port of the scheduler's metrics; 0: none", '10259')
    .option(
      '--controller-manager-port <port>',
      "port of the controllers' metrics; 0: none",
      '10257',
    )
    .option('--dashboard <boolean>', 'serve the dashboard at https://ADDRESS:REST-PORT/ui/', 'true')
    .option('--etcd-arg <arg>', 'a flag for the store (may be repeated)', repeatable)
    .option('--apiserver-arg <arg>', 'a flag for the API server (may be repeated)', repeatable)
    .option('--scheduler-arg <arg>', 'a flag for the scheduler (may be repeated)', repeatable)
    .option(
      '--controller-manager-arg <arg>',
      'a flag for the controllers (may be repeated)',
      repeatable,
    );
}

/** @throws UsageError */
export function readMasterFlags(
  flags: MasterFlags & { readonly args: readonly string[] },
): MasterOptions {
  const address = flags.address ?? ownAddress();
  const settings = {
    clusterCidr: flags.clusterCidr,
    serviceCidr: flags.serviceClusterIpRange,
    clusterDomain: flags.clusterDomain,
    nodeCidrMaskSize: wholeNumber('--node-cidr-mask-size', flags.nodeCidrMaskSize, 8, 30),
  };
  for (const cidr of [settings.clusterCidr, settings.serviceCidr]) {
    try {
      addressInRange(cidr, 10);
    } catch (error) {
      throw new UsageError(errorMessage(error));
    }
  }
  const port = (name: string, text: string): number => wholeNumber(name, text, 1, 65_535);
  const metricsPort = (name: string, text: string): number => wholeNumber(name, text, 0, 65_535);
  return {
    name: flags.name ?? hostname().toLowerCase(),
    dataDir: resolve(flags.dataDir),
    address,
    extraHosts: flags.extraHost ?? [],
    join: readJoin(flags),
    settings,
    ports: {
      rest: port('--rest-port', flags.restPort),
      grpc: port('--grpc-port', flags.grpcPort),
      etcdClient: port('--etcd-client-port', flags.etcdClientPort),
      etcdPeer: port('--etcd-peer-port', flags.etcdPeerPort),
      scheduler: metricsPort('--scheduler-port', flags.schedulerPort),
      controllerManager: metricsPort('--controller-manager-port', flags.controllerManagerPort),
    },
    dashboard: flags.dashboard !== 'false',
    passed: {
      etcd: flags.etcdArg ?? [],
      apiserver: flags.apiserverArg ?? [],
      scheduler: flags.schedulerArg ?? [],
      controllerManager: flags.controllerManagerArg ?? [],
    },
  };
}

function readJoin(flags: MasterFlags): MasterOptions['join'] {
  if (flags.join === undefined) return undefined;
  const token = readJoinToken(flags, process.env);
  if (token === undefined || flags.caHash === undefined) {
    throw new UsageError(
      '--join needs --token or --token-file, and --ca-hash: `trireme token create` prints them',
    );
  }
  return { servers: flags.join.split(','), token, caHash: flags.caHash };
}
