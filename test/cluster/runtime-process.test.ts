/** The process runtime: real processes, without containerd. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { ProcessRuntime } from '../../src/runtime/process/runtime.js';
import { describeRuntimeContract } from './lib/runtime-contract.js';

let dir = '';
let runtime: ProcessRuntime;

async function open(): Promise<ProcessRuntime> {
  runtime = new ProcessRuntime({
    dataDir: join(dir, 'data'),
    clock: systemClock(),
    log: silentLogger,
  });
  await runtime.start();
  return runtime;
}

describeRuntimeContract('process', {
  real: true,
  setUp: async () => {
    dir = await mkdtemp('/tmp/trireme-rt-');
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
    await runtime.stop();
    await rm(dir, { recursive: true, force: true });
  },
});
