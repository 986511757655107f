import { describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { Prng } from '../prng.js';
import { frameHeadBytes, frameType } from './constants.js';
import { FrameWriter } from './frame-writer.js';

/** A socket that sends one write after the other, each in a later turn. */
class Sink extends Writable {
  /** The memory that writes came in. */
  readonly memory = new Set<ArrayBufferLike>();
  #sent: Buffer[] = [];

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }

  override _writev(
    chunks: { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    setImmediate(() => {
      // The memory is the writer's again from here on.
      for (const { chunk } of chunks) {
        this.memory.add(chunk.buffer);
        this.#sent.push(Buffer.from(chunk));
      }
      done();
    });
  }

  taken(): Buffer {
    const sent = Buffer.concat(this.#sent);
    this.#sent = [];
    return sent;
  }
}

function newWriter(): { sink: Sink; writer: FrameWriter; drained: () => Promise<void> } {
  const sink = new Sink();
  let onDrain = (): void => undefined;
  const writer = new FrameWriter(sink as unknown as Socket, () => onDrain());
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      onDrain = resolve;
    });
  return { sink, writer, drained };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function allOf(sink: Sink): Promise<Buffer> {
  await turn();
  while (sink.writableLength > 0) await turn();
  return sink.taken();
}

describe('frames of one turn', () => {
  const random = new Prng(7);
  const lengths = [0, 1, 4_000, 4_087, 4_088, 16_384, 65_527, 65_535, 65_536, 65_537, 200_000];

  it.each([1, 2, 3, 4, 5])('leave in order, whatever their lengths', async () => {
    const { sink, writer } = newWriter();
    const wanted: Buffer[] = [];
    for (let count = 0; count < 40; count++) {
      const length = lengths[random.below(lengths.length)] ?? 0;
      const payload = Buffer.alloc(length, count + 1);
      writer.frame(frameType.data, 0, 3, payload);
      const head = Buffer.alloc(frameHeadBytes);
      head.writeUIntBE(length, 0, 3);
      head.writeUInt32BE(3, 5);
      wanted.push(head, payload);
      if (random.below(4) === 0) await turn();
    }
    expect((await allOf(sink)).equals(Buffer.concat(wanted))).toBe(true);
  });

  it('a message that is cut is one frame', async () => {
    const { sink, writer } = newWriter();
    writer.message(1, 5, [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('c')], 1);
    const sent = await allOf(sink);
    expect(sent.toString('hex')).toBe('0000080001000000050100000003616263');
  });

  it('long answers use the same memory again and again', async () => {
    const { sink, writer, drained } = newWriter();
    const part = Buffer.alloc(16 * 1024, 1);
    const total = 64 * 1024 * 1024;
    for (let sent = 0; sent < total; sent += part.length) {
      writer.frame(frameType.data, 0, 1, part);
      if (writer.full) await drained();
      sink.taken();
    }
    // Some fourteen, of a thousand that were filled.
    expect(sink.memory.size).toBeLessThan(32);
  });
});
