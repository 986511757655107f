/** Requests with etcd's defaults, which are those of the wire. */
import { PutRequest, RangeRequest } from '../../src/gen/etcd/rpc.js';

const nothing = new Uint8Array(0);

/** For one key or a range. */
export function rangeOf(
  key: string,
  options: { rangeEnd?: string; serializable?: boolean } = {},
): RangeRequest {
  return {
    ...RangeRequest.decode(nothing),
    key: Buffer.from(key),
    rangeEnd: Buffer.from(options.rangeEnd ?? ''),
    serializable: options.serializable ?? false,
  };
}

export function putOf(key: string, value: string): PutRequest {
  return { ...PutRequest.decode(nothing), key: Buffer.from(key), value: Buffer.from(value) };
}
