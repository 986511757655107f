/** The containerd runtime against a real containerd of its own. Needs root, containerd, runc. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { ContainerdRuntime } from '../../src/runtime/containerd/runtime.js';
import { canRunContainers } from './lib/containerd-programs.js';
import { describeRuntimeContract } from './lib/runtime-contract.js';
import { test } from '@jest/globals';

if (canRunContainers) {
  let dir = '';
  let runtime: ContainerdRuntime;
  const open = async (): Promise<ContainerdRuntime> => {
    runtime = new ContainerdRuntime({
      dataDir: join(dir, 'data'),
      namespace: `trireme-test-${process.pid}`,
      cgroupRoot: `/trireme-test-${process.pid}`,
      clock: systemClock(),
      log: silentLogger,
    });
    await runtime.start();
    return runtime;
  };
  describeRuntimeContract('containerd', {
    real: true,
    setUp: async () => {
      dir = join(
        await mkdtemp('/tmp/trireme-rt-'),
        'a-path-that-is-too-long-for-a-socket'.repeat(3),
      );
      const [archive = ''] = execFileSync('scripts/images/build', ['busybox'])
        .toString()
        .trim()
        .split('\n');
      await open();
      await runtime.importImages(archive);
      return {
        runtime,
        image: 'busybox',
        logDir: join(dir, 'logs'),
        restart: async () => {
          await runtime.stop();
          return open();
        },
      };
    },
    tearDown: async () => {
      await runtime.purge();
      await runtime.stop();
      await rm(dirname(dir), { recursive: true, force: true });
    },
  });
} else {
  // oxlint-disable-next-line jest/no-disabled-tests -- where the programs are missing there is nothing to test
  test.skip('needs root, containerd, ctr and runc', () => undefined);
}
