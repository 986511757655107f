import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { ContainerState, ImageInfo } from '../../runtime/types.js';
import { RuntimeError } from '../../runtime/types.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import { ImageCollector } from './image-collector.js';

/** A runtime with images and containers of a moment, that notes what is removed. */
class FullRuntime extends FakeRuntime {
  readonly removed: string[] = [];

  override listImages(): Promise<ImageInfo[]> {
    return Promise.resolve(
      ['busybox', 'nginx', 'redis', 'foreign', 'unused'].map((name) => ({
        reference: `docker.io/library/${name}:latest`,
        digest: `sha256:${name}`,
        sizeBytes: 1,
      })),
    );
  }

  override list(): Promise<{ sandboxes: []; containers: ContainerState[] }> {
    // Made from `redis`, which has another name by now; and from `busybox`, as its pod says it.
    const states = [
      { image: 'cache:1', imageId: 'docker.io/library/cache@sha256:redis' },
      { image: 'busybox', imageId: 'docker.io/library/busybox@sha256:before' },
    ];
    return Promise.resolve({ sandboxes: [], containers: states as never });
  }

  override removeImage(reference: string): Promise<void> {
    if (reference.includes('foreign')) {
      return Promise.reject(new RuntimeError('Failed', 'used by a container'));
    }
    this.removed.push(reference);
    return Promise.resolve();
  }
}

test('a full disk takes no image that a container runs or a pod names, and one that stays keeps no other', async () => {
  const clock = new ManualClock();
  const runtime = new FullRuntime(clock);
  const collector = new ImageCollector({
    runtime,
    dataDir: '/',
    imported: new Set(),
    inUse: () => new Set(['nginx:latest', 'Not A Name']),
    diskPercent: () => Promise.resolve(99),
    clock,
    log: silentLogger,
  });
  await collector.collect();
  clock.advance(600_000);
  await collector.collect();
  expect(runtime.removed).toEqual(['docker.io/library/unused:latest']);
});

test('an image of which one name is used, or was brought, keeps its other names', async () => {
  const clock = new ManualClock();
  const runtime = new (class extends FullRuntime {
    override listImages(): Promise<ImageInfo[]> {
      const names = [
        'nginx sha256:1',
        'old sha256:1',
        'brought sha256:2',
        'b sha256:2',
        'c sha256:3',
      ];
      return Promise.resolve(
        names.map((line) => {
          const [name = '', digest = ''] = line.split(' ');
          return { reference: `docker.io/library/${name}:latest`, digest, sizeBytes: 1 };
        }),
      );
    }
  })(clock);
  const collector = new ImageCollector({
    runtime,
    dataDir: '/',
    imported: new Set(['docker.io/library/brought:latest']),
    inUse: () => new Set(['nginx']),
    diskPercent: () => Promise.resolve(99),
    clock,
    log: silentLogger,
  });
  await collector.collect();
  clock.advance(600_000);
  await collector.collect();
  expect(runtime.removed).toEqual(['docker.io/library/c:latest']);
});
