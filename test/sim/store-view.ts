/** A whole member as the checker of Raft's invariants sees it. */
import type { EtcdServer } from '../../src/etcd/member/server.js';
import type { MemoryStorage, RaftNode } from '../../src/raft/index.js';
import type { CheckedMember } from './raft-checker.js';
import type { SimProcess } from './store-process.js';

export interface StoreProcessView extends CheckedMember {
  readonly node: RaftNode;
}

export function viewOf(
  process: SimProcess,
  server: EtcdServer,
  storage: MemoryStorage,
): StoreProcessView {
  const { node } = server;
  return {
    id: server.memberId,
    node,
    storage,
    get state() {
      return { applied: process.server?.backend.consistentIndex.index ?? 0 };
    },
    get durableHardState() {
      return storage.initialState().hardState;
    },
  };
}
