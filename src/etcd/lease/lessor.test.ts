import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { BackendLessor } from './lessor.js';

let directory = '';
let clock = new ManualClock();
let backend: SqliteBackend;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-lease-'));
  clock = new ManualClock();
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
});

afterEach(() => {
  backend.abandon();
  rmSync(directory, { recursive: true });
});

function make(): BackendLessor {
  return new BackendLessor({ backend, clock, minTtlSeconds: 2 });
}

const nobody = { deleteKeys: (): void => undefined };

describe('Lessor', () => {
  test('grant raises the TTL to the minimum and refuses what etcd refuses', () => {
    const lessor = make();
    expect(lessor.grant(5n, 1).grantedTtlSeconds).toBe(2);
    expect(() => lessor.grant(5n, 9)).toThrow('etcdserver: lease already exists');
    expect(() => lessor.grant(0n, 9)).toThrow('etcdserver: requested lease not found');
    expect(() => lessor.grant(6n, 9_000_000_001)).toThrow('etcdserver: too large lease TTL');
    expect(() => lessor.renew(5n)).toThrow(expect.objectContaining({ code: 'LEASE_NOT_PRIMARY' }));
  });

  test('only the primary counts time; expired leases are named until they are revoked', () => {
    const lessor = make();
    lessor.grant(1n, 10);
    lessor.grant(2n, 5);
    clock.advance(60_000);
    expect(lessor.expired()).toEqual([]);
    expect(lessor.timeToLive(1n).remainingTtlSeconds).toBe(-1);
    lessor.promote(1);
    expect(lessor.list()).toEqual([2n, 1n]);
    expect(lessor.timeToLive(2n).remainingTtlSeconds).toBe(6);
    clock.advance(5999);
    expect(lessor.expired()).toEqual([]);
    clock.advance(1);
    expect(lessor.expired()).toEqual([2n]);
    expect(lessor.expired()).toEqual([]);
    expect(() => lessor.renew(2n)).toThrow('etcdserver: requested lease not found');
    clock.advance(3000);
    expect(lessor.expired()).toEqual([2n]);
    lessor.revoke(2n, nobody);
    clock.advance(3000);
    expect(lessor.expired()).toEqual([1n]);
    lessor.demote();
    clock.advance(60_000);
    expect(lessor.expired()).toEqual([]);
    expect(lessor.nextWakeMs()).toBeUndefined();
  });

  test('renewals put the expiry off', () => {
    const lessor = make();
    lessor.promote(0);
    lessor.grant(1n, 10);
    for (let round = 0; round < 10; round++) {
      clock.advance(9000);
      expect(lessor.expired()).toEqual([]);
      expect(lessor.renew(1n)).toBe(10);
    }
    clock.advance(10_000);
    expect(lessor.expired()).toEqual([1n]);
  });

  test('revoke deletes the attached keys in sorted order', () => {
    const lessor = make();
    lessor.grant(1n, 10);
    for (const key of ['c', 'a', 'b', 'd']) lessor.attach(1n, key);
    lessor.detach(1n, 'd');
    expect(lessor.timeToLive(1n).keys).toEqual(['a', 'b', 'c']);
    const deleted: string[] = [];
    lessor.revoke(1n, { deleteKeys: (keys) => void deleted.push(...keys) });
    expect(deleted).toEqual(['a', 'b', 'c']);
    expect(() => lessor.revoke(1n, nobody)).toThrow('etcdserver: requested lease not found');
  });

  test('leases and checkpoints survive a restart; the new primary goes on from the checkpoint', () => {
    const lessor = make();
    lessor.promote(0);
    lessor.grant(-3n, 1000);
    clock.advance(400_000);
    expect(lessor.checkpointsDue()).toEqual([{ id: -3n, remainingTtlSeconds: 600 }]);
    lessor.checkpoint(-3n, 600);
    backend.commit();
    const again = make();
    expect(again.needsCheckpointClear(-3n)).toBe(true);
    again.promote(0);
    expect(again.timeToLive(-3n)).toMatchObject({
      grantedTtlSeconds: 1000,
      remainingTtlSeconds: 600,
    });
    expect(again.renew(-3n)).toBe(1000);
    expect(again.timeToLive(-3n).remainingTtlSeconds).toBe(1000);
  });

  test('leases that come and go leave nothing behind, however long they would have lasted', () => {
    const lessor = make();
    lessor.promote(0);
    lessor.grant(1n, 100_000);
    for (let id = 2n; id < 5000n; id++) {
      lessor.grant(id, 100_000);
      lessor.revoke(id, nobody);
    }
    expect(lessor.deadlineCount).toBeLessThan(2100);
    clock.advance(100_000_000);
    expect(lessor.expired()).toEqual([1n]);
  });

  test('a pile of leases is spread out after an election', () => {
    const lessor = make();
    for (let id = 1n; id <= 3000n; id++) lessor.grant(id, 10);
    lessor.promote(0);
    clock.advance(10_000);
    expect(lessor.expired(10_000).length).toBeLessThanOrEqual(750);
    clock.advance(10_000);
    let sum = 750;
    for (let round = 0; round < 10; round++) sum += lessor.expired(1000).length;
    expect(sum).toBeGreaterThanOrEqual(3000);
  });
});
