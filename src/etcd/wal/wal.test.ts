import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
import { nodeDisk } from './node-disk.js';
import { SimDisk } from './testkit/sim-disk.js';
import type { WalEntry } from './types.js';
import { Wal } from './wal.js';
import { mustEqual } from '../../lib/testkit/must-equal.js';

const metadata = { clusterId: 0xffff_ffff_ffff_fff1n, memberId: 42n };

function entry(index: number, term = 1, size = 20): WalEntry {
  return { index, term, type: 'normal', data: Buffer.alloc(size, index & 0xff) };
}

function indexes(entries: readonly WalEntry[]): number[] {
  return entries.map((one) => one.index);
}

describe('Wal on a real disk', () => {
  test('keeps what was synced, over several segments', async () => {
    const base = mkdtempSync(join(tmpdir(), 'trireme-wal-'));
    const directory = join(base, 'wal');
    const options = { disk: nodeDisk, segmentBytes: 4096 };
    const wal = Wal.create(directory, metadata, options);
    for (let index = 1; index <= 100; index++) {
      wal.append({ term: 1, vote: 42n, commit: index - 1 }, [entry(index, 1, 200)]);
      if (index % 3 === 0) await wal.sync();
    }
    await wal.close();
    expect(nodeDisk.list(directory).length).toBeGreaterThan(3);
    const { wal: again, contents } = Wal.open(directory, 0, options);
    expect(contents.metadata).toEqual(metadata);
    expect(contents.hardState).toEqual({ term: 1, vote: 42n, commit: 99 });
    expect(indexes(contents.entries)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(contents.entries[41]).toEqual(entry(42, 1, 200));
    expect(contents.tornBytes).toBe(0);
    again.saveSnapshot({ index: 90, term: 1, confState: Buffer.from('cs') });
    await again.sync();
    expect(again.releaseTo(90)).toBeGreaterThan(0);
    again.append(undefined, [entry(101)]);
    await again.close();
    const last = Wal.open(directory, 90, options);
    expect(indexes(last.contents.entries)).toEqual(Array.from({ length: 11 }, (_, i) => i + 91));
    expect(last.contents.snapshots).toEqual([{ index: 90, term: 1, confState: Buffer.from('cs') }]);
    await last.wal.close();
    rmSync(base, { recursive: true });
  });
});

describe('Wal on a simulated disk', () => {
  test('one sync is in flight; the next takes all that came meanwhile', async () => {
    const held: (() => void)[] = [];
    const disk = new SimDisk(new Prng(1), (fn) => held.push(fn));
    const wal = Wal.create('/m/wal', metadata, { disk });
    wal.append(undefined, [entry(1)]);
    const first = wal.sync();
    wal.append(undefined, [entry(2)]);
    const second = wal.sync();
    wal.append(undefined, [entry(3)]);
    expect(wal.sync()).toBe(second);
    expect(held).toHaveLength(1);
    held.shift()?.();
    await first;
    expect(wal.durableIndex).toBe(1);
    expect(held).toHaveLength(1);
    held.shift()?.();
    await second;
    expect(wal.durableIndex).toBe(3);
    expect(wal.pendingBytes).toBe(0);
  });

  test('a replaced entry does not count as durable', async () => {
    const held: (() => void)[] = [];
    const disk = new SimDisk(new Prng(1), (fn) => held.push(fn));
    const wal = Wal.create('/m/wal', metadata, { disk });
    wal.append(undefined, [entry(1), entry(2), entry(3)]);
    const first = wal.sync();
    wal.append(undefined, [entry(2, 2)]);
    held.shift()?.();
    await first;
    expect([wal.durableIndex, wal.lastIndex]).toEqual([1, 2]);
    const second = wal.sync();
    held.shift()?.();
    await second;
    expect(wal.durableIndex).toBe(2);
    disk.crash();
    const { contents } = Wal.open('/m/wal', 0, { disk });
    expect(contents.entries.map((one) => [one.index, one.term])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('what is read at the start is durable from then on, also if the process before died in its sync', async () => {
    const held: (() => void)[] = [];
    const disk = new SimDisk(new Prng(1), (fn) => held.push(fn));
    const wal = Wal.create('/m/wal', metadata, { disk });
    wal.append(undefined, [entry(1), entry(2)]);
    void wal.sync();
    disk.killProcess();
    const again = Wal.open('/m/wal', 0, { disk });
    expect(indexes(again.contents.entries)).toEqual([1, 2]);
    expect(again.wal.durableIndex).toBe(2);
    disk.crash({ keepUnsynced: 'none' });
    expect(indexes(Wal.open('/m/wal', 0, { disk }).contents.entries)).toEqual([1, 2]);
  });

  test('a full disk is reported, rolled back, and forgiven once there is space', async () => {
    const disk = new SimDisk(new Prng(1));
    const wal = Wal.create('/m/wal', metadata, { disk, segmentBytes: 4096 });
    wal.append(undefined, [entry(1, 1, 100)]);
    await wal.sync();
    disk.capacityBytes = disk.usedBytes() + 70;
    wal.append({ term: 1, vote: 0n, commit: 1 }, [entry(2, 1, 100)]);
    await expect(wal.sync()).rejects.toMatchObject({ code: 'WAL_NO_SPACE', retryable: true });
    wal.append(undefined, [entry(3, 1, 100)]);
    await expect(wal.sync()).rejects.toMatchObject({ code: 'WAL_NO_SPACE' });
    expect(wal.durableIndex).toBe(1);
    disk.crash({ keepUnsynced: 'all' });
    const half = Wal.open('/m/wal', 0, { disk, segmentBytes: 4096 });
    expect(indexes(half.contents.entries)).toEqual([1]);
    half.wal.append(undefined, [entry(2, 1, 100)]);
    await expect(half.wal.sync()).rejects.toMatchObject({ code: 'WAL_NO_SPACE' });
    disk.capacityBytes = Infinity;
    half.wal.append(undefined, [entry(3, 1, 100)]);
    await half.wal.close();
    expect(indexes(Wal.open('/m/wal', 0, { disk }).contents.entries)).toEqual([1, 2, 3]);
  });

  test('a disk without room for the next segment is full, not broken', async () => {
    const disk = new SimDisk(new Prng(1));
    const options = { disk, segmentBytes: 4096 };
    const wal = Wal.create('/m/wal', metadata, options);
    wal.append(undefined, [entry(1, 1, 5000)]);
    await wal.sync();
    disk.capacityBytes = disk.usedBytes() + 100;
    for (const index of [2, 3]) {
      wal.append({ term: 1, vote: 0n, commit: 1 }, [entry(index, 1, 10)]);
      await expect(wal.sync()).rejects.toMatchObject({ code: 'WAL_NO_SPACE', retryable: true });
    }
    expect(wal.durableIndex).toBe(1);
    disk.capacityBytes = Infinity;
    await wal.sync();
    expect(wal.durableIndex).toBe(3);
    expect(disk.list('/m/wal')).toHaveLength(2);
    disk.crash({ keepUnsynced: 'none' });
    const { contents } = Wal.open('/m/wal', 0, options);
    expect(contents.hardState).toEqual({ term: 1, vote: 0n, commit: 1 });
    expect(indexes(contents.entries)).toEqual([1, 2, 3]);
  });

  test('a failed sync is final', async () => {
    const disk = new SimDisk(new Prng(1));
    const wal = Wal.create('/m/wal', metadata, { disk });
    disk.failingSyncs = 1;
    wal.append(undefined, [entry(1)]);
    await expect(wal.sync()).rejects.toMatchObject({ code: 'WAL_WRITE', retryable: false });
    await expect(wal.sync()).rejects.toMatchObject({ code: 'WAL_WRITE' });
  });

  test('crashes at any moment lose nothing that was synced and never invent anything', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const prng = new Prng(seed);
      const disk = new SimDisk(prng.fork());
      const options = { disk, segmentBytes: 2048 };
      let wal = Wal.create('/m/wal', metadata, options);
      let next = 1;
      for (let life = 0; life < 4; life++) {
        let synced = wal.durableIndex;
        for (let step = 0; step < prng.below(30); step++) {
          const count = prng.between(1, 4);
          const batch = Array.from({ length: count }, () => entry(next++, 1, prng.below(900)));
          wal.append({ term: 1, vote: 42n, commit: synced }, batch);
          if (prng.chance({ numerator: 1, denominator: 2 })) {
            await wal.sync();
            synced = wal.durableIndex;
          } else if (prng.chance({ numerator: 1, denominator: 3 })) {
            void wal.sync().catch(() => undefined);
          }
        }
        disk.crash();
        const opened = Wal.open('/m/wal', 0, options);
        const found = indexes(opened.contents.entries);
        mustEqual(
          found,
          Array.from({ length: found.length }, (_, i) => i + 1),
        );
        mustEqual([found.length >= synced, found.length < next], [true, true]);
        for (const one of opened.contents.entries) {
          mustEqual(
            one.data.every((byte) => byte === (one.index & 0xff)),
            true,
          );
        }
        wal = opened.wal;
        next = found.length + 1;
      }
    }
  });

  test('a flipped bit in what was durable is never served', async () => {
    let refused = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const prng = new Prng(seed);
      const disk = new SimDisk(prng.fork());
      const wal = Wal.create('/m/wal', metadata, { disk, segmentBytes: 8192 });
      for (let index = 1; index <= 20; index++) {
        wal.append(undefined, [entry(index, 1, 60)]);
        await wal.sync();
      }
      const used = disk.usedBytes();
      disk.flipBit(`/m/wal/${disk.list('/m/wal')[0] ?? ''}`, prng.below(used * 8));
      try {
        const { contents } = Wal.open('/m/wal', 0, { disk });
        // Only zero padding between records is not covered by a checksum.
        expect(contents.entries).toHaveLength(20);
        for (const one of contents.entries) mustEqual(one, entry(one.index, 1, 60));
      } catch (error) {
        refused += 1;
        expect(error).toMatchObject({ code: 'WAL_CORRUPT', path: expect.any(String) });
      }
    }
    expect(refused).toBeGreaterThan(350);
  });
});
