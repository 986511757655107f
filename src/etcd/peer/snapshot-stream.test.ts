import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SnapshotChunk } from '../../gen/raft.js';
import { crc32c } from '../../lib/crc32c.js';
import { Code } from '../../lib/grpc/types.js';
import type { MsgSnap } from '../../raft/index.js';
import { emptyConfState } from '../../raft/index.js';
import { toWire } from './message-codec.js';
import { receiveSnapshot } from './snapshot-stream.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-stream-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const body = [Buffer.from('the first piece, '), Buffer.from('the second')];
const message: MsgSnap = {
  type: 'MsgSnap',
  to: 1n,
  from: 2n,
  term: 3,
  snapshot: {
    data: new Uint8Array(0),
    metadata: { index: 9, term: 3, confState: emptyConfState },
  },
};

/** As a leader sends them. */
function chunks(): SnapshotChunk[] {
  const whole = Buffer.concat(body);
  const nothing = { message: undefined, totalBytes: 0, crc32c: 0, last: false };
  return [
    { ...nothing, message: toWire(message), totalBytes: whole.length, data: Buffer.alloc(0) },
    { ...nothing, data: body[0] ?? Buffer.alloc(0) },
    { ...nothing, data: body[1] ?? Buffer.alloc(0), crc32c: crc32c(whole), last: true },
  ];
}

async function* arriving(list: readonly SnapshotChunk[]): AsyncGenerator<SnapshotChunk> {
  await Promise.resolve();
  yield* list;
}

test('a snapshot arrives as it was sent', async () => {
  const { message: got, path } = await receiveSnapshot(arriving(chunks()), directory, 'in.db');
  expect(got.snapshot.metadata.index).toBe(9);
  expect(readFileSync(path).equals(Buffer.concat(body))).toBe(true);
});

test.each<[string, (list: SnapshotChunk[]) => SnapshotChunk[]]>([
  ['a flipped bit', (list) => list.map((one, at) => (at === 1 ? flipped(one) : one))],
  ['a missing piece', (list) => list.filter((_, at) => at !== 1)],
  ['a missing end', (list) => list.slice(0, 2)],
  ['a repeated piece', (list) => [...list.slice(0, 2), ...list.slice(1)]],
  ['no head', (list) => list.slice(1)],
])('%s is noticed, and nothing is kept', async (_, change) => {
  const damaged = receiveSnapshot(arriving(change(chunks())), directory, 'in.db');
  await expect(damaged).rejects.toMatchObject({ code: Code.DataLoss });
  expect(readdirSync(directory)).toEqual([]);
});

test('a stream that breaks leaves nothing behind', async () => {
  const breaking = async function* (): AsyncGenerator<SnapshotChunk> {
    yield* arriving(chunks().slice(0, 2));
    throw new Error('the peer is gone');
  };
  await expect(receiveSnapshot(breaking(), directory, 'in.db')).rejects.toThrow('is gone');
  expect(readdirSync(directory)).toEqual([]);
});

function flipped(chunk: SnapshotChunk): SnapshotChunk {
  const data = Buffer.from(chunk.data);
  data[3] = (data[3] ?? 0) ^ 1;
  return { ...chunk, data };
}
