import { describe, expect, test } from '@jest/globals';
import type { MemberReport, MemberState, WatchRequest } from '../../gen/telemetry.js';
import { ManualClock } from '../../lib/clock.js';
import type { CallContext, Sender } from '../../lib/grpc/types.js';
import { maxTelemetryStreams } from '../guards/limits.js';
import { EventJournal } from '../telemetry/event-journal.js';
import { shellEvent } from '../telemetry/member-events.js';
import { TelemetryService } from './telemetry.js';

const state = { role: 'follower' } as MemberState;

/** A reader that takes so many reports before the transport is full, until it reads on. */
class Reader implements Sender<MemberReport> {
  readonly reports: MemberReport[] = [];
  ended = false;
  room = Infinity;
  readOn: () => void = () => undefined;

  send(report: MemberReport): boolean {
    this.reports.push(report);
    this.room--;
    return this.room > 0;
  }

  sendEncoded(): boolean {
    throw new Error('not used here');
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.readOn = resolve;
    });
  }

  get sequences(): number[] {
    return this.reports.flatMap(({ events }) => events.map(({ sequence }) => sequence));
  }
}

function rig(capacity = 16) {
  const clock = new ManualClock(5000);
  const journal = new EventJournal(clock, capacity);
  const member = { config: { clock, name: 'm1' }, memberId: 7n, journal, state: () => state };
  let mayAsk = true;
  const service = new TelemetryService(member, {
    known: async () => {
      if (!mayAsk) throw new Error('not you');
      return undefined;
    },
  });
  const ending = new AbortController();
  const context = { signal: ending.signal } as CallContext;
  const watch = (reader: Reader, request: Partial<WatchRequest> = {}): Promise<void> =>
    service.watch(
      { startedMs: 0, afterSequence: 0, stateIntervalMs: 0, ...request },
      reader,
      context,
    );
  const happen = (): void => journal.record(shellEvent({ kind: 'started' }, 1));
  const forbid = (): void => {
    mayAsk = false;
  };
  return { clock, journal, watch, happen, ending, forbid };
}

/** Lets what waits for nothing but its turn run. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

describe('the telemetry of a member', () => {
  test('is what is known, then what happens, and the state when it is due', async () => {
    const { clock, watch, happen, ending } = rig();
    happen();
    const reader = new Reader();
    const call = watch(reader);
    await turns();
    happen();
    await turns();
    expect(reader.sequences).toEqual([1, 2]);
    expect(reader.reports[0]).toMatchObject({ member: 7n, name: 'm1', startedMs: 5000, state });
    clock.advance(500);
    await turns();
    expect(reader.reports).toHaveLength(3);
    ending.abort();
    await call;
    expect(clock.pending).toBe(0);
  });

  test('goes on after the event that the caller knows, in the same run alone', async () => {
    const { watch, happen, ending } = rig();
    for (let n = 0; n < 3; n++) happen();
    const [same, other] = [new Reader(), new Reader()];
    const calls = [
      watch(same, { startedMs: 5000, afterSequence: 2 }),
      watch(other, { startedMs: 4000, afterSequence: 2 }),
    ];
    await turns();
    expect(same.sequences).toEqual([3]);
    expect(other.sequences).toEqual([1, 2, 3]);
    ending.abort();
    await Promise.all(calls);
  });

  test('waits for a slow reader, which is told how many events it has missed', async () => {
    const { watch, happen, ending } = rig(4);
    const reader = new Reader();
    reader.room = 1;
    const call = watch(reader);
    await turns();
    for (let n = 0; n < 10; n++) happen();
    await turns();
    expect(reader.reports).toHaveLength(1);
    reader.room = Infinity;
    reader.readOn();
    await turns();
    expect(reader.reports[1]?.missed).toBe(6);
    expect(reader.sequences).toEqual([7, 8, 9, 10]);
    ending.abort();
    await call;
  });

  test('ends at once for a slow reader that goes, and gives its place free', async () => {
    const { clock, watch, ending } = rig();
    const reader = new Reader();
    reader.room = 1;
    const call = watch(reader);
    await turns();
    ending.abort();
    reader.readOn();
    await turns();
    expect(clock.pending).toBe(0);
    await call;
    expect(reader.reports).toHaveLength(1);
  });

  test('is for those who may ask for the status, and for so many at once', async () => {
    const { watch, ending, forbid } = rig();
    const calls = Array.from({ length: maxTelemetryStreams }, () => watch(new Reader()));
    await turns();
    await expect(watch(new Reader())).rejects.toThrow('too many requests');
    forbid();
    await expect(watch(new Reader())).rejects.toThrow('not you');
    ending.abort();
    await Promise.all(calls);
  });
});
