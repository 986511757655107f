import { describe, expect, test } from '@jest/globals';
import { MessageBatch } from '../../gen/raft.js';
import { Prng } from '../../lib/prng.js';
import type { Entry, EntryType, Message } from '../../raft/index.js';
import { batchCodec } from './batch-codec.js';
import { fromWire, toWire } from './message-codec.js';

const entryTypes: readonly EntryType[] = ['normal', 'confChange', 'confChangeV2'];

/** Messages of all kinds, with the sizes at which varints and buffers change. */
class MessageMaker {
  readonly #prng: Prng;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  #number(): number {
    const prng = this.#prng;
    return prng.pick([0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 40 + 3, prng.below(2 ** 20)]);
  }

  #id(): bigint {
    const prng = this.#prng;
    const wide = (BigInt(prng.uint32()) << 32n) | BigInt(prng.uint32());
    return prng.pick([1n, 2n ** 64n - 1n, 2n ** 63n, wide]);
  }

  #bytes(): Buffer {
    const length = this.#prng.pick([0, 1, 11, 127, 128, 300, 5000]);
    return Buffer.alloc(length, this.#prng.below(256));
  }

  #entries(): Entry[] {
    return Array.from({ length: this.#prng.below(4) }, () => ({
      term: this.#number(),
      index: this.#number(),
      type: this.#prng.pick(entryTypes),
      data: this.#bytes(),
    }));
  }

  one(): Message {
    const head = { to: this.#id(), from: this.#id(), term: this.#number() };
    const index = this.#number();
    const logTerm = this.#number();
    const commit = this.#number();
    const commitTerm = this.#number();
    const round = this.#number();
    const flag = this.#prng.below(2) === 1;
    const context = this.#bytes();
    const confState = {
      voters: [this.#id(), this.#id()],
      learners: [this.#id()],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: flag,
    };
    const metadata = { index, term: logTerm, confState };
    const entries = this.#entries();
    return this.#prng.pick<Message>([
      { ...head, type: 'MsgApp', index, logTerm, commit, entries, quiet: flag },
      { ...head, type: 'MsgApp', index, logTerm, commit, entries, quiet: flag },
      {
        ...head,
        type: 'MsgProp',
        onlyInTerm: logTerm,
        entries: entries.map((entry) => ({ ...entry, term: 0, index: 0 })),
      },
      { ...head, type: 'MsgAppResp', index, logTerm, reject: flag, rejectHint: commit },
      { ...head, type: 'MsgHeartbeat', commit, round },
      { ...head, type: 'MsgHeartbeatResp', round },
      { ...head, type: 'MsgVote', index, logTerm, transfer: flag, commit, commitTerm },
      { ...head, type: 'MsgPreVoteResp', reject: flag, commit, commitTerm },
      { ...head, type: 'MsgSnap', snapshot: { data: Buffer.alloc(0), metadata } },
      { ...head, type: 'MsgTimeoutNow' },
      { ...head, type: 'MsgTransferLeader', transferee: this.#id() },
      { ...head, type: 'MsgReadIndex', context },
      { ...head, type: 'MsgReadIndexResp', index, context },
      {
        ...head,
        type: 'MsgPropDropped',
        entries: entries.map((entry) => ({ ...entry, term: 0, index: 0 })),
        reason: flag ? 'noLeader' : 'transferring',
      },
    ]);
  }

  batch(): Message[] {
    return Array.from({ length: this.#prng.below(6) }, () => this.one());
  }
}

describe('batches of messages', () => {
  test('are what the generated code writes and reads', () => {
    const maker = new MessageMaker(7);
    for (let round = 0; round < 60; round++) {
      const messages = maker.batch();
      const ours = Buffer.from(batchCodec.encode(messages).finish());
      const theirs = Buffer.from(MessageBatch.encode({ messages: messages.map(toWire) }).finish());
      expect(batchCodec.decode(ours)).toEqual(messages);
      expect(batchCodec.decode(theirs)).toEqual(messages);
      expect(MessageBatch.decode(ours).messages.map(fromWire)).toEqual(messages);
    }
  });

  test('what a later version adds is passed over', () => {
    const first = new MessageMaker(1).one();
    const wire = MessageBatch.encode({ messages: [toWire(first)] }).finish();
    const unknown = Buffer.from([0x7a, 3, 1, 2, 3, 0x70, 5]);
    expect(batchCodec.decode(Buffer.concat([unknown, wire]))).toEqual([first]);
  });

  test('entries own their bytes', () => {
    const data = Buffer.from('value');
    const entry: Entry = { term: 1, index: 2, type: 'normal', data };
    const head = { to: 1n, from: 2n, term: 3, index: 1, logTerm: 1, commit: 1 };
    const wire = Buffer.from(
      batchCodec.encode([{ ...head, type: 'MsgApp', entries: [entry], quiet: false }]).finish(),
    );
    const [decoded] = batchCodec.decode(wire);
    wire.fill(0);
    expect(decoded).toMatchObject({ entries: [{ data }] });
  });

  test('bytes that are cut short or damaged are refused, never taken for something else', () => {
    const maker = new MessageMaker(3);
    for (let round = 0; round < 60; round++) {
      const messages = [maker.one()];
      const bytes = Buffer.from(batchCodec.encode(messages).finish());
      const cut = bytes.subarray(0, 1 + (round % (bytes.length - 1)));
      expect(() => batchCodec.decode(cut)).toThrow(RangeError);
    }
  });
});
