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

export function getOp(key: string): RequestOp {
  const value = rangeRequest({ key: Buffer.from(key) });
  return { request: { $case: 'requestRange', value } };
}

export function deleteOp(key: string): RequestOp {
  const value = { key: Buffer.from(key), rangeEnd: none, prevKv: false };
  return { request: { $case: 'requestDeleteRange', value } };
}

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
        watchId: 0,
        fragment: true,
      },
    },
  };
}

export const progressRequest: WatchRequest = {
  requestUnion: { $case: 'progressRequest', value: {} },
};
