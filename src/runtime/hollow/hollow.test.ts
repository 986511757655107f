import { tmpdir } from 'node:os';
import { describeRuntimeContract } from '../../../test/cluster/lib/runtime-contract.js';
import { systemClock } from '../../lib/clock.js';
import { HollowRuntime } from './runtime.js';

describeRuntimeContract('hollow', {
  real: false,
  setUp: async () => {
    const runtime = new HollowRuntime({ clock: systemClock() });
    await runtime.pullImage('busybox');
    return { runtime, image: 'busybox', logDir: tmpdir() };
  },
  tearDown: () => Promise.resolve(),
});
