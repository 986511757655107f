import { describe, expect, test } from '@jest/globals';
import type { Recorded } from './history.js';
import { checkAcknowledged, checkReads, checkRealTime, settle } from './history.js';
import type { Input, Output } from './register-model.js';
import { isDefinite } from './traffic.js';
import { Code, GrpcError } from '../../src/lib/grpc/index.js';
import type { WatchedEvent } from './watch-guarantees.js';

function call(calledAt: number, input: Input, output?: Output): Recorded {
  const returnedAt = output === undefined ? Infinity : calledAt + 1;
  return { client: 0, member: 0, serializable: false, calledAt, returnedAt, input, output };
}
const put = (at: number, key: string, value: string, revision?: number): Recorded =>
  call(at, { kind: 'put', key, value }, revision ? { revision, changed: true } : undefined);
const get = (at: number, key: string, revision: number, value?: string, mod = 0): Recorded => {
  const found = value === undefined ? undefined : { value, modRevision: mod, version: 1 };
  return call(at, { kind: 'get', key }, { revision, changed: false, found });
};
const log: WatchedEvent[] = [
  { type: 'put', key: 'a', revision: 2, value: '1', version: 1 },
  { type: 'put', key: 'b', revision: 3, value: '2', version: 1 },
  { type: 'delete', key: 'a', revision: 4 },
];

describe('checks against the log of events', () => {
  test('an acknowledged write without its event is lost', () => {
    expect(checkAcknowledged([put(0, 'a', '1', 2), put(2, 'b', '2', 3)], log)).toEqual([]);
    expect(checkAcknowledged([put(0, 'a', '1', 5)], log)).toHaveLength(1);
    expect(checkAcknowledged([put(0, 'a', 'x', 2)], log)).toHaveLength(1);
  });

  test('a read shows its key as of the revision in its header', () => {
    const good = [get(0, 'a', 1), get(0, 'a', 3, '1', 2), get(0, 'a', 4), get(0, 'b', 4, '2', 3)];
    expect(checkReads(good, log)).toEqual([]);
    const bad = [get(0, 'a', 2), get(0, 'a', 4, '1', 2), get(0, 'b', 3, '1', 3)];
    expect(checkReads(bad, log)).toHaveLength(bad.length);
  });

  test('revisions follow real time across keys', () => {
    expect(checkRealTime([put(0, 'a', '1', 2), get(2, 'b', 2)])).toEqual([]);
    expect(checkRealTime([put(0, 'a', '1', 5), get(0.5, 'b', 4)])).toEqual([]);
    expect(checkRealTime([put(0, 'a', '1', 5), get(2, 'b', 4)])).toHaveLength(1);
    expect(checkRealTime([put(0, 'a', '1', 5), put(2, 'b', '1', 5)])).toHaveLength(1);
  });

  test('writes of unknown outcome are settled by their unique values', () => {
    const remove = call(0, { kind: 'delete', key: 'a' });
    const settled = settle([put(0, 'a', '1'), put(0, 'a', 'never'), remove], log);
    expect(settled).toEqual([{ ...put(0, 'a', '1', 2), returnedAt: Infinity }, remove]);
  });
});

test.each<[boolean, unknown]>([
  [true, new GrpcError(Code.OutOfRange, 'etcdserver: mvcc: required revision has been compacted')],
  [true, new GrpcError(Code.Unavailable, 'connect ECONNREFUSED')],
  [false, new GrpcError(Code.Unavailable, 'the connection broke', { definite: false })],
  [false, new GrpcError(Code.Unavailable, 'etcdserver: request timed out')],
  [false, new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded', { definite: false })],
  [false, new GrpcError(Code.Unknown, 'what?')],
  [false, new Error('what?')],
])('definite: %s of %s', (definite, error) => {
  expect(isDefinite(error)).toBe(definite);
});
