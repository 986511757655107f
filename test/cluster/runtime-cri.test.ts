/** The CRI runtime against the CRI plugin of a containerd of its own. Needs root, containerd, runc, CNI plugins. */
import { test } from '@jest/globals';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { CriRuntime } from '../../src/runtime/cri/runtime.js';
import { canRunCri, CriContainerd } from './lib/cri-containerd.js';
import { describeRuntimeContract } from './lib/runtime-contract.js';

if (canRunCri) {
  let containerd: CriContainerd;
  let runtime: CriRuntime;
  const open = async (): Promise<CriRuntime> => {
    runtime = new CriRuntime({
      endpoint: containerd.endpoint,
      dataDir: join(containerd.dir, 'data'),
      cgroupRoot: `/trireme-cri-${process.pid}`,
      clock: systemClock(),
      log: silentLogger,
    });
    await runtime.start();
    return runtime;
  };
  describeRuntimeContract('cri', {
    real: true,
    setUp: async () => {
      containerd = await CriContainerd.start({ bridge: 'tcri0', subnet: '10.231.7.0/24' });
      await open();
      return {
        runtime,
        image: 'busybox',
        logDir: join(containerd.dir, 'logs'),
        restart: async () => {
          await runtime.stop();
          return open();
        },
      };
    },
    tearDown: async () => {
      await runtime.stop();
      await containerd.stop();
    },
  });
} else {
  // oxlint-disable-next-line jest/no-disabled-tests -- where the programs are missing there is nothing to test
  test.skip('needs root, containerd, ctr, runc and CNI plugins', () => undefined);
}
