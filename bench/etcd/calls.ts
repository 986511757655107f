/** etcd calls over a {@link GrpcConnection}, as promises, and request bytes made for speed. */
import {
  LeaseGrantRequest,
  LeaseGrantResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  StatusRequest,
  StatusResponse,
} from '../../src/gen/etcd/rpc.js';
import type { GrpcConnection } from '../lib/grpc-connection.js';
import { within } from '../lib/wait.js';

export const paths = {
  put: '/etcdserverpb.KV/Put',
  range: '/etcdserverpb.KV/Range',
  txn: '/etcdserverpb.KV/Txn',
  watch: '/etcdserverpb.Watch/Watch',
  grant: '/etcdserverpb.Lease/LeaseGrant',
  keepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
  status: '/etcdserverpb.Maintenance/Status',
  snapshot: '/etcdserverpb.Maintenance/Snapshot',
  defragment: '/etcdserverpb.Maintenance/Defragment',
  compact: '/etcdserverpb.KV/Compact',
} as const;

const none = Buffer.alloc(0);
const callMs = 15_000;

/** The answer's bytes. @throws why the call failed */
export function call(
  connection: GrpcConnection,
  path: string,
  request: Uint8Array,
  deadlineMs = callMs,
): Promise<Buffer> {
  const answer = new Promise<Buffer>((resolve, reject) => {
    let bytes: Buffer | undefined;
    connection.unary(path, request, {
      onMessage: (message) => {
        bytes = Buffer.from(message);
      },
      onEnd: (failure) => {
        if (bytes !== undefined && failure === undefined) resolve(bytes);
        else reject(new Error(`${path}: ${failure ?? 'no answer'}`));
      },
    });
  });
  return within(deadlineMs, path, answer);
}

/** A put as bytes. @param lease 0n for none */
export function putRequest(key: Uint8Array, value: Uint8Array, lease = 0n): Buffer {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  const request = { key: Buffer.from(key), value: Buffer.from(value), lease, ...flags };
  return Buffer.from(PutRequest.encode(request).finish());
}

export function rangeRequest(
  key: Uint8Array,
  options: {
    readonly serializable?: boolean;
    readonly end?: Buffer;
    readonly count?: boolean;
  } = {},
): Buffer {
  return Buffer.from(
    RangeRequest.encode({
      key: Buffer.from(key),
      rangeEnd: options.end ?? none,
      limit: 0,
      revision: 0,
      sortOrder: 0,
      sortTarget: 0,
      serializable: options.serializable ?? false,
      keysOnly: false,
      countOnly: options.count ?? false,
      minModRevision: 0,
      maxModRevision: 0,
      minCreateRevision: 0,
      maxCreateRevision: 0,
    }).finish(),
  );
}

export async function put(
  connection: GrpcConnection,
  key: Uint8Array,
  value: Uint8Array,
): Promise<PutResponse> {
  return PutResponse.decode(await call(connection, paths.put, putRequest(key, value)));
}

export async function range(connection: GrpcConnection, request: Buffer): Promise<RangeResponse> {
  return RangeResponse.decode(await call(connection, paths.range, request));
}

/** The store's revision, read through the quorum. */
export async function revisionOf(connection: GrpcConnection): Promise<number> {
  return (await range(connection, rangeRequest(Buffer.from('revision')))).header?.revision ?? 0;
}

/** Asks a member for its status: its own id, and the leader's. */
export async function status(connection: GrpcConnection): Promise<StatusResponse> {
  const request = StatusRequest.encode({}).finish();
  return StatusResponse.decode(await call(connection, paths.status, request));
}

/** @returns the new lease's id */
export async function grantLease(connection: GrpcConnection, ttlSeconds: number): Promise<bigint> {
  const request = LeaseGrantRequest.encode({ TTL: ttlSeconds, ID: 0n }).finish();
  const answer = LeaseGrantResponse.decode(await call(connection, paths.grant, request));
  if (answer.error !== '') throw new Error(`no lease: ${answer.error}`);
  return answer.ID;
}
