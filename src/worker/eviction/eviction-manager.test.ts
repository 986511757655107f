import { expect, test } from '@jest/globals';
import { quantityOf } from '../../api/quantity.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { PodFailure } from '../pod/state.js';
import { EvictionManager } from './eviction-manager.js';
import type { Candidate } from './eviction-manager.js';
import { defaultEvictionFlags, readEvictionFlags } from './thresholds.js';

/** A node with a disk of 1000 bytes: what images and pods hold of it. */
function node(images: number, pods: Readonly<Record<string, number>>) {
  const clock = new ManualClock();
  const held = new Map(Object.entries(pods));
  const evicted: [string, PodFailure][] = [];
  const said: string[] = [];
  const reports: string[] = [];
  let ofImages = images;
  const over = new Set<string>();
  const manager = new EvictionManager({
    nodeName: 'n',
    settings: readEvictionFlags({ ...defaultEvictionFlags, evictionHard: 'nodefs.available<10%' }),
    observe: () => {
      const used = [...held.values()].reduce((sum, bytes) => sum + bytes, ofImages);
      const disk = {
        available: quantityOf(1000 - used, 'BinarySI'),
        capacity: quantityOf(1000, 'BinarySI'),
      };
      return Promise.resolve(new Map([['nodefs.available' as const, disk]]));
    },
    candidates: () =>
      [...held.keys()].map((name): Candidate => ({
        pod: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name },
          spec: { containers: [], ...(name === 'critical' ? { priority: 2_000_000_001 } : {}) },
        },
        use() {
          return Promise.resolve({
            pod: this.pod,
            total: held.get(name),
            containers: new Map<string, number>(),
          });
        },
        evict: (failure) => evicted.push([name, failure]),
        isOver: () => over.has(name),
      })),
    removeUnusedImages: () => {
      ofImages = 0;
      said.push('images removed');
      return Promise.resolve();
    },
    onChange: () => reports.push(manager.conditions.join()),
    events: {
      warning: (_: unknown, reason: string, message: string) => said.push(`${reason} ${message}`),
    } as unknown as EventRecorder,
    clock,
    log: silentLogger,
  });
  const goes = (name: string): void => {
    held.delete(name);
    over.add(name);
  };
  return { manager, evicted, said, reports, goes, clock };
}

test('unused images go before any pod', async () => {
  const { manager, evicted, said, reports } = node(500, { a: 450 });
  await manager.round();
  expect(said).toEqual([
    'EvictionThresholdMet Attempting to reclaim ephemeral-storage',
    'images removed',
  ]);
  expect(evicted).toEqual([]);
  expect(reports).toEqual(['DiskPressure']);
});

test('then the pod that holds most, one after the other, and none that is critical', async () => {
  const { manager, evicted, goes, clock } = node(50, { critical: 400, small: 100, large: 900 });
  await manager.round();
  const message =
    'The node was low on resource: ephemeral-storage. Threshold quantity: 100, available: -450. ';
  const failure = { reason: 'Evicted', message, graceSeconds: 1, isDisruption: true };
  expect(evicted).toEqual([['large', failure]]);
  // Until it has given back what it had, nobody else goes; but not for ever.
  await manager.round();
  expect(evicted).toHaveLength(1);
  clock.advance(30_001);
  await manager.round();
  expect(evicted.map(([name]) => name)).toEqual(['large', 'large']);
  goes('large');
  await manager.round();
  expect(evicted).toHaveLength(2);
  expect(manager.conditions).toEqual(['DiskPressure']);
  clock.advance(300_001);
  await manager.round();
  expect(manager.conditions).toEqual([]);
});
