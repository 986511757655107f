import { describe, expect, test } from '@jest/globals';
import type { Asked, Queuing, Seat } from './fair-queue.js';
import { FairQueue } from './fair-queue.js';
import { dealHand } from './shuffle-shard.js';

const queuing: Queuing = { queues: 64, handSize: 6, queueLengthLimit: 50 };

/** A level whose requests run for so long as they say, on a clock of its own. */
class Level {
  readonly queue: FairQueue;
  readonly served = new Map<string, number>();
  readonly refused = new Map<string, number>();
  readonly #running: { readonly seat: Seat; readonly endMs: number }[] = [];
  nowMs = 0;

  constructor(limit: number, queues: Queuing | 'none' = queuing) {
    this.queue = new FairQueue(limit, queues === 'none' ? undefined : queues);
  }

  ask(flow: string, options: { seats?: number; workMs?: number } = {}): Asked {
    const { seats = 1, workMs = 10 } = options;
    const asked: Asked = {
      flow,
      seats,
      onSeat: (seat) => {
        this.served.set(flow, (this.served.get(flow) ?? 0) + 1);
        this.#running.push({ seat, endMs: this.nowMs + workMs });
      },
    };
    if (this.queue.enter(asked, this.nowMs) !== undefined) {
      this.refused.set(flow, (this.refused.get(flow) ?? 0) + 1);
    }
    return asked;
  }

  tick(): void {
    this.nowMs += 1;
    for (const one of this.#running.filter(({ endMs }) => endMs <= this.nowMs)) {
      this.#running.splice(this.#running.indexOf(one), 1);
      this.queue.leave(one.seat, this.nowMs);
    }
  }

  /** The requests of a flow that were served so far. */
  count(flow: string): number {
    return this.served.get(flow) ?? 0;
  }
}

describe('a level', () => {
  test('without queues refuses what finds no seat', () => {
    const level = new Level(2, 'none');
    for (let asked = 0; asked < 5; asked++) level.ask('a');
    expect([level.count('a'), level.refused.get('a'), level.queue.inUse]).toEqual([2, 3, 2]);
  });

  test('with queues refuses what finds its own full, and no other', () => {
    const level = new Level(1, { queues: 8, handSize: 1, queueLengthLimit: 3 });
    const [other = ''] = ['b', 'c', 'd', 'e'].filter(
      (flow) => dealHand(flow, 8, 1)[0] !== dealHand('a', 8, 1)[0],
    );
    for (let asked = 0; asked < 10; asked++) level.ask('a');
    level.ask(other);
    expect([level.refused.get('a'), level.refused.get(other)]).toEqual([6, undefined]);
    expect(level.queue.waiting).toBe(4);
  });

  test('lets one that wants more seats than there are have its turn alone', () => {
    const level = new Level(2);
    level.ask('a', { seats: 1, workMs: 5 });
    level.ask('big', { seats: 4, workMs: 5 });
    level.ask('a');
    expect([level.count('a'), level.count('big')]).toEqual([1, 0]);
    while (level.nowMs < 6) level.tick();
    expect([level.count('big'), level.queue.inUse]).toEqual([1, 4]);
  });

  test('takes back a request that waits no longer', () => {
    const level = new Level(1);
    level.ask('a');
    const waits = level.ask('b');
    expect(level.queue.abandon(waits)).toBe(true);
    expect([level.queue.waiting, level.queue.abandon(waits)]).toEqual([0, false]);
    while (level.nowMs < 20) level.tick();
    expect(level.count('b')).toBe(0);
  });
});

describe('a flow that floods', () => {
  /** Each flow has one queue: what is fair between queues is fair between flows. */
  const oneEach: Queuing = { queues: 64, handSize: 1, queueLengthLimit: 50 };

  /** A flood that keeps all of its queues full, and a client that asks for one thing after the other. */
  function flooded(flood: (level: Level) => void): Level {
    const level = new Level(4);
    let waiting = 0;
    while (level.nowMs < 3_000) {
      flood(level);
      if (level.count('gentle') === waiting) {
        level.ask('gentle');
        waiting += 1;
      }
      level.tick();
    }
    return level;
  }

  test('by numbers makes nobody wait for more than itself', () => {
    const level = flooded((target) => {
      for (let asked = 0; asked < 20; asked++) target.ask('flood');
    });
    // Four seats for 3,000 ms and 10 ms each are 1,200: the flood has what nobody else wants.
    expect(level.count('flood') + level.count('gentle')).toBeGreaterThan(1_150);
    // One after the other, each waits for a seat at most (10 ms / 4) and runs for 10 ms.
    expect(level.count('gentle')).toBeGreaterThan(3_000 / 16);
    expect(level.refused.get('gentle')).toBeUndefined();
    expect(level.refused.get('flood')).toBeGreaterThan(10_000);
  });

  test('by long requests has no more of the time for it', () => {
    const level = new Level(1, oneEach);
    while (level.nowMs < 6_000) {
      level.ask('long', { workMs: 50 });
      level.ask('short', { workMs: 5 });
      level.tick();
    }
    const [long, short] = [level.count('long') * 50, level.count('short') * 5];
    expect(long / short).toBeLessThan(1.3);
    expect(short / long).toBeLessThan(1.3);
  });

  test('by many seats neither', () => {
    const level = new Level(4, oneEach);
    while (level.nowMs < 6_000) {
      level.ask('wide', { seats: 4 });
      level.ask('narrow', { seats: 1 });
      level.tick();
    }
    const [wide, narrow] = [level.count('wide') * 4, level.count('narrow')];
    expect(wide / narrow).toBeLessThan(1.6);
    expect(narrow / wide).toBeLessThan(1.6);
  });

  test('a queue that was idle has saved nothing up', () => {
    const level = new Level(1);
    for (let asked = 0; asked < 40; asked++) level.ask('busy');
    while (level.nowMs < 200) level.tick();
    for (let asked = 0; asked < 10; asked++) level.ask('late');
    const [before, start] = [level.count('busy'), level.nowMs];
    while (level.nowMs < start + 100) level.tick();
    expect(level.count('busy') - before).toBeGreaterThanOrEqual(4);
    expect(level.count('late')).toBeGreaterThanOrEqual(4);
  });
});

describe('a hand', () => {
  test('is of different queues, the same for the same flow', () => {
    for (let flow = 0; flow < 200; flow++) {
      const hand = dealHand(`flow ${flow}`, 16, 4);
      expect(new Set(hand).size).toBe(4);
      expect(hand.every((queue) => queue >= 0 && queue < 16)).toBe(true);
      expect(dealHand(`flow ${flow}`, 16, 4)).toEqual(hand);
    }
  });

  test('all queues are dealt, and hardly any two flows share a hand', () => {
    const hands = Array.from({ length: 500 }, (_, flow) => dealHand(`flow ${flow}`, 64, 6));
    const counts = new Map<number, number>();
    for (const queue of hands.flat()) counts.set(queue, (counts.get(queue) ?? 0) + 1);
    expect(counts.size).toBe(64);
    // 3,000 cards in 64 queues are 47 in each.
    expect(Math.max(...counts.values())).toBeLessThan(80);
    expect(new Set(hands.map((hand) => hand.toSorted((a, b) => a - b).join())).size).toBe(500);
  });
});
