import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BootstrapDefinition } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { Code, createGrpcChannel, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { pinnedTo } from '../../lib/pki/pinning.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { createClusterKeys, writeKeyFiles } from '../../master/cluster/pki.js';
import type { ClusterSettings } from '../../master/cluster/settings.js';
import { settingsFromMap, settingsToMap } from '../../master/cluster/settings.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { mustNotKnowCluster } from './known-cluster.js';
import type { MasterOptions } from './options.js';

/** The state of a master from its first start: how its store member came to be. */
export interface MasterState {
  readonly initialCluster: string;
  readonly initialClusterState: 'new' | 'existing';
  readonly clusterToken: string;
  readonly settings: ClusterSettings;
  /** Masters known when we joined, `host:port` of gRPC. */
  readonly masters: readonly string[];
  /** Client URLs of the store's members when we joined. */
  readonly storeEndpoints: readonly string[];
}

/** A joining master gives up after this long. */
const joinPatienceMs = 60_000;

/** The state of the first start, made now if this is it: a new cluster's keys, or those of the cluster that we join. */
export async function prepareMaster(
  options: MasterOptions,
  clock: Clock,
  log: Logger,
): Promise<MasterState> {
  const path = join(options.dataDir, 'master.json');
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8')) as MasterState;
  if (options.join === undefined) await mustNotKnowCluster(options.dataDir);
  const state =
    options.join === undefined
      ? await createCluster(options, clock)
      : await joinCluster(options, options.join, clock, log);
  await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`);
  return state;
}

/** Returns the directory of a master's certificates and keys. */
export function pkiDirectory(options: MasterOptions): string {
  return join(options.dataDir, 'pki');
}

/** Returns the URL at which the store's members reach this one. */
export function peerUrl(options: MasterOptions): string {
  return `https://${options.address}:${options.ports.etcdPeer}`;
}

async function createCluster(options: MasterOptions, clock: Clock): Promise<MasterState> {
  await createClusterKeys(pkiDirectory(options), clock);
  return {
    initialCluster: `${options.name}=${peerUrl(options)}`,
    initialClusterState: 'new',
    clusterToken: `trireme-${options.name}`,
    settings: options.settings,
    masters: [],
    storeEndpoints: [],
  };
}

async function joinCluster(
  options: MasterOptions,
  target: NonNullable<MasterOptions['join']>,
  clock: Clock,
  log: Logger,
): Promise<MasterState> {
  const giveUpMs = clock.monotonicMs() + joinPatienceMs;
  for (let attempt = 0; ; attempt++) {
    const server = target.servers[attempt % target.servers.length] ?? '';
    const channel = createGrpcChannel({
      target: server,
      tls: fixedTls({ verify: pinnedTo(target.caHash) }),
      log,
      clock,
    });
    try {
      const answer = await channel.client(BootstrapDefinition).joinMaster(
        {
          name: options.name,
          address: options.address,
          peerUrl: peerUrl(options),
          clientUrl: `https://${options.address}:${options.ports.etcdClient}`,
        },
        { metadata: new Map([['authorization', `Bearer ${target.token}`]]), deadlineMs: 10_000 },
      );
      await writeKeyFiles(pkiDirectory(options), answer.files);
      return {
        initialCluster: answer.initialCluster,
        initialClusterState: 'existing',
        clusterToken: answer.clusterToken,
        settings: settingsFromMap({ ...settingsToMap(options.settings), ...answer.settings }),
        masters: answer.masters,
        storeEndpoints: answer.storeEndpoints,
      };
    } catch (error) {
      const retryable =
        isGrpcError(error) &&
        (error.code === Code.Unavailable ||
          error.code === Code.DeadlineExceeded ||
          error.code === Code.Unknown);
      if (!retryable || clock.monotonicMs() >= giveUpMs) throw error;
      log.info({ server, reason: error.message }, 'could not join yet; trying again');
      await delay(clock, 200);
    } finally {
      channel.close();
    }
  }
}
