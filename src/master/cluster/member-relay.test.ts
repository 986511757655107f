import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { MemberReport } from '../../gen/telemetry.js';
import { ManualClock } from '../../lib/clock.js';
import { MemberRelay } from './member-relay.js';
import { FakeStore } from './testkit/fake-store.js';

const url = 'https://10.0.0.1:2379';

let clock: ManualClock;
let store: FakeStore;
let told: string[];
let relay: MemberRelay;

/** Told by a member, with the numbers of its events. */
function report(startedMs: number, ...sequences: number[]): MemberReport {
  const events = sequences.map((sequence) => ({ sequence, kind: 'started' }));
  return { startedMs, events, missed: 0 } as unknown as MemberReport;
}

/** A member that says these things one after the other, and then as `then` says. */
async function* says(
  reports: readonly MemberReport[],
  then: 'nothing' | 'end',
): AsyncIterable<MemberReport> {
  yield* reports;
  if (then === 'nothing') await new Promise(() => undefined);
}

async function turns(): Promise<void> {
  for (let n = 0; n < 50; n++) await Promise.resolve();
}

beforeEach(() => {
  clock = new ManualClock();
  store = new FakeStore();
  store.add(1);
  told = [];
  relay = new MemberRelay({
    store,
    clock,
    url,
    known: { startedMs: 10, sequence: 4 },
    report: async ({ startedMs, events, state }) =>
      void told.push(
        `${startedMs}: ${events.map(({ sequence }) => sequence).join()} ${state?.role ?? ''}`.trim(),
      ),
    silent: async (error) => void told.push(`silent: ${String(error)}`),
  });
});

afterEach(() => relay.stop());

test('asks for what follows the last event that was passed on, also across a restart', async () => {
  const answers = [
    says([report(10, 5, 6), report(10)], 'end'),
    says([report(20)], 'end'),
    says([report(20, 1)], 'end'),
    says([], 'nothing'),
  ];
  store.telemetry = () => answers.shift() ?? says([], 'nothing');
  void relay.run();
  for (let n = 0; n < 4; n++) {
    await turns();
    clock.advance(300);
  }
  await turns();
  expect(store.watched.map(({ startedMs, afterSequence }) => [startedMs, afterSequence])).toEqual([
    [10, 4],
    [10, 6],
    [20, 0],
    [20, 1],
  ]);
  expect(told).toEqual(['10: 5,6', '10:', '20:', '20: 1']);
});

test('a member that says nothing is silent, which is told once, and asked anew', async () => {
  const signals: AbortSignal[] = [];
  store.telemetry = (_url, signal) => {
    signals.push(signal);
    return says([], 'nothing');
  };
  void relay.run();
  for (let n = 0; n < 3; n++) {
    await turns();
    clock.advance(2000);
    await turns();
    clock.advance(300);
  }
  await turns();
  expect(told).toEqual(['silent: Error: it has said nothing for 2 s']);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, false]);
});

test('a store without telemetry is asked for its status', async () => {
  void relay.run();
  await turns();
  clock.advance(500);
  await turns();
  expect(told).toEqual(['0:  leader', '0:  leader']);
});
