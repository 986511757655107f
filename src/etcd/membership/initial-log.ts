/** The raft log of a new cluster: every member computes the same one from the same flags. */
import type { Member } from '../../gen/etcd/rpc.js';
import type { Entry, HardState } from '../../raft/index.js';
import { BootstrapError } from '../config.js';
import type { ServerConfig } from '../config.js';
import { encodeChange } from './change-entry.js';
import { clusterIdOf, memberIdOf } from './ids.js';

/** The log that every member of a new cluster begins with. */
export interface InitialLog {
  /** Sorted by id. */
  readonly members: readonly Member[];
  readonly metadata: { readonly clusterId: bigint; readonly memberId: bigint };
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** Computes it from the flags. @throws BootstrapError where they contradict each other */
export function initialLog(
  config: Pick<ServerConfig, 'name' | 'peerUrls' | 'initialCluster' | 'initialClusterToken'>,
): InitialLog {
  const members = config.initialCluster.map(({ name, peerUrls }) => ({
    ID: memberIdOf(peerUrls, config.initialClusterToken),
    name,
    peerURLs: [...peerUrls].sort(),
    clientURLs: [],
    isLearner: false,
  }));
  members.sort((a, b) => (a.ID < b.ID ? -1 : 1));
  const local = members.find((member) => member.name === config.name);
  if (local === undefined) {
    throw new BootstrapError(
      `couldn't find local name "${config.name}" in the initial cluster configuration`,
    );
  }
  if (!sameUrls(local.peerURLs, config.peerUrls)) {
    throw new BootstrapError(
      `--initial-cluster has ${config.name}=${local.peerURLs.join(',')} but missing from ` +
        `--initial-advertise-peer-urls=${config.peerUrls.join(',')}`,
    );
  }
  const entries = members.map((member, at) => firstEntry(at + 1, member));
  const clusterId = clusterIdOf(members.map((member) => member.ID));
  return {
    members,
    metadata: { clusterId, memberId: local.ID },
    entries,
    hardState: { term: 1, vote: 0n, commit: entries.length },
  };
}

/** The log of a new cluster opens with its members, the same on each of them. */
function firstEntry(index: number, member: Member): Entry {
  const { ID: id, name, peerURLs: peerUrls, clientURLs: clientUrls, isLearner } = member;
  const data = encodeChange({ kind: 'add', member: { id, name, peerUrls, clientUrls, isLearner } });
  return { term: 1, index, type: 'confChange', data };
}

/** Tells whether both lists name the same addresses, in any order. */
export function sameUrls(a: readonly string[], b: readonly string[]): boolean {
  const normal = (urls: readonly string[]): string => [...urls].sort().join(',');
  return normal(a) === normal(b);
}
