import { tmpdir } from 'node:os';
import { describeRuntimeContract } from '../../../test/cluster/lib/runtime-contract.js';
import { systemClock } from '../../lib/clock.js';
import { expect, test } from '@jest/globals';
import type { ContainerConfig } from '../types.js';
import { HollowRuntime, planFromAnnotations } from './runtime.js';

describeRuntimeContract('hollow', {
  real: false,
  setUp: async () => {
    const runtime = new HollowRuntime({ clock: systemClock() });
    await runtime.pullImage('busybox');
    return { runtime, image: 'busybox', logDir: tmpdir() };
  },
  tearDown: () => Promise.resolve(),
});

test.each([
  [{}, undefined],
  [{ 'trireme.io/hollow-exit-code': '3' }, { afterMs: 0, exitCode: 3 }],
  [{ 'trireme.io/hollow-run-ms': '50' }, { afterMs: 50, exitCode: 0 }],
  [{ 'trireme.io/runs-to-end': 'true' }, { afterMs: 0, exitCode: 0 }],
  [
    { 'trireme.io/runs-to-end': 'true', 'trireme.io/hollow-run-ms': '50' },
    { afterMs: 50, exitCode: 0 },
  ],
])('%j decide when a container ends', (annotations, plan) => {
  expect(planFromAnnotations({ annotations } as unknown as ContainerConfig)).toEqual(plan);
});
