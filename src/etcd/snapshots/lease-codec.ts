/** `leasepb.Lease`, the value of etcd's lease bucket. @see etcd server/lease/leasepb/lease.proto */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/** A lease as etcd stores it; seconds. */
export interface LeaseRecord {
  readonly id: bigint;
  readonly ttl: bigint;
  /** 0: the full TTL. */
  readonly remainingTtl: bigint;
}

/** The bytes of a lease in the store. */
export function encodeLease({ id, ttl, remainingTtl }: LeaseRecord): Buffer {
  const writer = new BinaryWriter();
  if (id !== 0n) writer.uint32(8).int64(id);
  if (ttl !== 0n) writer.uint32(16).int64(ttl);
  if (remainingTtl !== 0n) writer.uint32(24).int64(remainingTtl);
  return Buffer.from(writer.finish());
}

/** @throws RangeError and others on malformed bytes */
export function decodeLease(bytes: Uint8Array): LeaseRecord {
  const reader = new BinaryReader(bytes);
  const fields: [bigint, bigint, bigint] = [0n, 0n, 0n];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field >= 1 && field <= 3) fields[field - 1] = BigInt(reader.int64());
    else reader.skip(wireType);
  }
  const [id, ttl, remainingTtl] = fields;
  return { id, ttl, remainingTtl };
}
