import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import { silentLogger } from '../../lib/log.js';
import { newPodState } from '../pod/state.js';
import type { NodeContext } from '../run/node-context.js';
import { candidatesOf } from './pod-use.js';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: { containers: [{ name: 'c' }], volumes: [{ name: 'v', emptyDir: {} }] },
};
const starved = { resource: 'ephemeral-storage', signal: 'nodefs.available' } as const;

test.each<[string, () => Promise<number>, number | undefined]>([
  ['what it has written', () => Promise.resolve(5), 5],
  ['unknown, if it cannot be measured', () => Promise.reject(new Error('too deep')), undefined],
])('the use of a pod is %s', async (_, measureDisk, total) => {
  const node = { log: silentLogger, measureDisk, runtime: {} } as unknown as NodeContext;
  const worker = {
    state: newPodState(pod, 0),
    volumePaths: () => new Map([['v', '/volumes/v']]),
    evict: () => undefined,
  };
  const [candidate] = candidatesOf(node, [worker]);
  expect((await candidate?.use(starved))?.total).toBe(total);
});
