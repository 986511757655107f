import { beforeEach, describe, expect, test } from '@jest/globals';
import { Telemetry } from '../telemetry/telemetry.js';
import { ReadIndexQueue } from './read-index.js';

let nowMs = 0;
let appliedIndex = 0;
let asked: Uint8Array[] = [];
let queue: ReadIndexQueue;
let told: string[] = [];

beforeEach(() => {
  nowMs = 0;
  appliedIndex = 4;
  asked = [];
  told = [];
  queue = start(1);
});

/** A member's queue from its start on. */
function start(origin: number): ReadIndexQueue {
  const source = {
    readIndex: (context: Uint8Array) => asked.push(context) > 0,
    get appliedIndex() {
      return appliedIndex;
    },
  };
  return new ReadIndexQueue(source, {
    origin,
    nowMs: () => nowMs,
    metrics: new Telemetry().server,
  });
}

function wait(name: string, deadlineMs: number): void {
  const fail = (error: unknown): number => told.push(`${name}: ${String(error)}`);
  queue.wait(deadlineMs, () => told.push(`${name}: read`), fail);
}

function confirm(index: number): void {
  const context = asked.at(-1);
  if (context === undefined) throw new Error('nothing was asked');
  queue.onReadStates([{ context, index }]);
}

const tick = (): void => queue.tick(() => 'too late');

describe('reads that are confirmed and wait for apply', () => {
  test('share a turn with other work when they take long', () => {
    const fail = (error: unknown): number => told.push(String(error));
    for (const name of ['a', 'b', 'c', 'd']) {
      const run = (): void => {
        nowMs += 6;
        told.push(name);
      };
      queue.wait(1000, run, fail);
    }
    wait('late', 20);
    queue.flush();
    confirm(4);
    expect(queue.serve()).toBe(true);
    expect(told).toEqual(['a', 'b']);
    expect(queue.pending).toBe(3);
    expect(queue.serve()).toBe(true);
    expect(told).toEqual(['a', 'b', 'c', 'd']);
    // A deadline that passes between two turns ends the wait as any other.
    tick();
    expect(told.at(-1)).toBe('late: too late');
    expect(queue.serve()).toBe(false);
    expect(queue.pending).toBe(0);
  });

  test('outlive any number of ticks', () => {
    wait('a', 1000);
    wait('b', 1000);
    queue.flush();
    confirm(5);
    queue.serve();
    for (nowMs = 100; nowMs <= 300; nowMs += 100) tick();
    expect(told).toEqual([]);
    appliedIndex = 5;
    queue.serve();
    expect(told).toEqual(['a: read', 'b: read']);
    expect(queue.pending).toBe(0);
  });

  test('end when their time is over, and only those', () => {
    wait('short', 200);
    wait('long', 1000);
    queue.flush();
    confirm(5);
    nowMs = 300;
    tick();
    expect(told).toEqual(['short: too late']);
    appliedIndex = 5;
    queue.serve();
    expect(told).toEqual(['short: too late', 'long: read']);
    expect(queue.pending).toBe(0);
  });
});

test('a round whose answer is lost is asked again, with those that came meanwhile', () => {
  wait('a', 60_000);
  queue.flush();
  wait('b', 60_000);
  queue.flush();
  expect(asked).toHaveLength(1);
  nowMs = 30_000;
  tick();
  queue.flush();
  expect(asked).toHaveLength(2);
  confirm(4);
  queue.serve();
  expect(told).toEqual(['a: read', 'b: read']);
});

test('an answer to a question of before the restart confirms nothing', () => {
  wait('before', 1000);
  queue.flush();
  const late = asked[0] as Uint8Array;
  queue = start(2);
  wait('after', 1000);
  queue.flush();
  queue.onReadStates([{ context: late, index: 4 }]);
  queue.serve();
  expect(told).toEqual([]);
  confirm(4);
  queue.serve();
  expect(told).toEqual(['after: read']);
});
