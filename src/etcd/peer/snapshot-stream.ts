/**
 * A database image on its way to a follower: chunks with a checksum over all, never more in memory than the transport
 * takes.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotChunk } from '../../gen/raft.js';
import { crc32c } from '../../lib/crc32c.js';
import type { Client, Metadata } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { MsgSnap } from '../../raft/index.js';
import { snapshotChunkBytes } from '../guards/limits.js';
import { fromWire, toWire } from './message-codec.js';
import type { peerDefinition } from './peer-definition.js';

const noBytes = Buffer.alloc(0);

/** A snapshot that is to be sent. */
export interface OutgoingSnapshot {
  readonly message: MsgSnap;
  /** The image. */
  readonly path: string;
  /** Names the sender; see `callerMetadata`. */
  readonly metadata: Metadata;
}

/** Sends the file. Rejects when the peer did not take it whole. */
export async function streamSnapshot(
  client: Client<typeof peerDefinition>,
  { message, path, metadata }: OutgoingSnapshot,
): Promise<void> {
  const file = await open(path, 'r');
  const stream = client.snapshot({ metadata });
  try {
    const { size } = await file.stat();
    stream.send({
      message: toWire(message),
      totalBytes: size,
      data: noBytes,
      crc32c: 0,
      last: false,
    });
    let checksum = 0;
    for (let at = 0; at < size && !stream.ended;) {
      const data = Buffer.allocUnsafe(Math.min(snapshotChunkBytes, size - at));
      const { bytesRead } = await file.read(data, 0, data.length, at);
      if (bytesRead === 0) throw new GrpcError(Code.DataLoss, `${path} became shorter`);
      const chunk = data.subarray(0, bytesRead);
      checksum = crc32c(chunk, checksum);
      at += bytesRead;
      const last = at >= size;
      const more = stream.send({
        message: undefined,
        totalBytes: 0,
        data: chunk,
        crc32c: last ? checksum : 0,
        last,
      });
      if (!more) await stream.drained();
    }
    stream.end();
    for await (const ack of stream) if (ack !== undefined) return;
    throw new GrpcError(Code.Unavailable, 'the peer did not acknowledge the snapshot');
  } finally {
    await file.close();
    stream.cancel();
  }
}

/** A snapshot that has arrived whole. */
export interface ReceivedSnapshot {
  readonly message: MsgSnap;
  readonly path: string;
}

/**
 * Writes the incoming image to a file of `directory`.
 * @throws GrpcError DATA_LOSS when something is missing or damaged; nothing is kept then
 */
export async function receiveSnapshot(
  chunks: AsyncIterable<SnapshotChunk>,
  directory: string,
  name: string,
): Promise<ReceivedSnapshot> {
  const path = join(directory, name);
  try {
    return { message: await receiveInto(chunks, path), path };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function receiveInto(chunks: AsyncIterable<SnapshotChunk>, path: string): Promise<MsgSnap> {
  const file = await open(path, 'w', 0o600);
  let message: MsgSnap | undefined;
  let totalBytes = 0;
  let seenBytes = 0;
  let checksum = 0;
  let complete = false;
  try {
    for await (const chunk of chunks) {
      if (chunk.message !== undefined) {
        const first = fromWire(chunk.message);
        if (first.type !== 'MsgSnap') throw damaged('the first chunk names no snapshot');
        message = first;
        ({ totalBytes } = chunk);
      }
      if (chunk.data.length > 0) {
        await file.write(chunk.data);
        checksum = crc32c(chunk.data, checksum);
        seenBytes += chunk.data.length;
      }
      if (chunk.last) complete = chunk.crc32c === checksum && seenBytes === totalBytes;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (message === undefined || !complete) throw damaged('the snapshot arrived damaged');
  return message;
}

function damaged(text: string): GrpcError {
  return new GrpcError(Code.DataLoss, text);
}
