/** Whole etcd messages from the few fields that the API server sets. */
import type {
  Compare,
  PutRequest,
  RangeRequest,
  RequestOp,
  WatchRequest,
} from '../../../gen/etcd/rpc.js';
import type { Guard } from './store.js';

const none = Buffer.alloc(0);

/** A RangeRequest: the present, in the order of keys, without a limit, but for what is given. */
export function rangeRequest(
  options: Partial<RangeRequest> & { readonly key: Buffer },
): RangeRequest {
  return {
    rangeEnd: none,
    limit: 0,
    revision: 0,
    sortOrder: 0,
    sortTarget: 0,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...options,
  };
}

/** A PutRequest. @param lease 0 for none */
export function putRequest(key: string, value: Buffer, lease: bigint): PutRequest {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { key: Buffer.from(key), value, lease, ...flags };
}

/** Exactly the key's mod revision; 0 holds for a key that is not there. */
export function modRevisionIs(guard: Guard): Compare {
  return {
    result: 0,
    target: 2,
    key: Buffer.from(guard.key),
    targetUnion: { $case: 'modRevision', value: guard.modRevision },
    rangeEnd: none,
  };
}

/** The read of one key, in a transaction. */
export function getOp(key: string): RequestOp {
  const value = rangeRequest({ key: Buffer.from(key) });
  return { request: { $case: 'requestRange', value } };
}

/** The deletion of one key, in a transaction. */
export function deleteOp(key: string): RequestOp {
  const value = { key: Buffer.from(key), rangeEnd: none, prevKv: false };
  return { request: { $case: 'requestDeleteRange', value } };
}

/** Begins to watch a range of keys, in fragments where an answer would be too large. */
export function watchCreate(start: string, end: string, fromRevision: number): WatchRequest {
  return {
    requestUnion: {
      $case: 'createRequest',
      value: {
        key: Buffer.from(start),
        rangeEnd: Buffer.from(end),
        startRevision: fromRevision,
        progressNotify: true,
        filters: [],
        prevKv: false,
        watchId: 0n,
        fragment: true,
      },
    },
  };
}

/** Asks a watch stream how far it has got. */
export const progressRequest: WatchRequest = {
  requestUnion: { $case: 'progressRequest', value: {} },
};
