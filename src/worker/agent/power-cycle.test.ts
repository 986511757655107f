/** An agent whose runtime has forgotten everything, as after a power cycle of its machine. */
import { afterEach, expect, test } from '@jest/globals';
import type { ContainerStatus, Pod } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { cleanUp, create, get, rigged, start, until, untilReady } from '../testkit/worker-rig.js';

afterEach(cleanUp);

type Rig = Awaited<ReturnType<typeof rigged>>;

async function powerCycle(
  rig: Rig,
  name: string,
  change: Partial<ContainerStatus> = {},
): Promise<void> {
  await rig.node.stop();
  rig.runtime.sandboxes.clear();
  rig.runtime.containers.clear();
  const pod = await get(rig.api, name);
  const containerStatuses = pod.status?.containerStatuses?.map((one) => ({ ...one, ...change }));
  const status = { ...pod.status, containerStatuses } as NonNullable<Pod['status']>;
  await rig.api.updateStatus(resources.pods, { ...pod, status });
  rig.runtime.log.length = 0;
  await start(rig);
}

async function statusOf(rig: Rig, name: string): Promise<ContainerStatus | undefined> {
  return (await get(rig.api, name)).status?.containerStatuses?.[0];
}

test('restarts are counted on, and the run that was lost is said', async () => {
  const rig = await rigged();
  await create(rig.api, 'web');
  await untilReady(rig.api, 'web');
  const containerID = (await statusOf(rig, 'web'))?.containerID;
  await powerCycle(rig, 'web', { restartCount: 2 });
  await until('runs again', async () => (await statusOf(rig, 'web'))?.containerID !== containerID);
  await untilReady(rig.api, 'web');
  expect(await statusOf(rig, 'web')).toMatchObject({
    restartCount: 3,
    lastState: { terminated: { reason: 'ContainerStatusUnknown', exitCode: 137, containerID } },
  });
  expect([...rig.runtime.containers.values()].map(({ restartCount }) => restartCount)).toEqual([3]);
});

test.each(['../../../etc', '..', 'containerd://../..'])(
  'a status cannot have the agent remove %s',
  async (containerID) => {
    const rig = await rigged();
    await create(rig.api, 'web');
    await untilReady(rig.api, 'web');
    await powerCycle(rig, 'web', { containerID });
    await until('runs again', async () => (await statusOf(rig, 'web'))?.restartCount === 1);
    rig.runtime.end('main', 1);
    await until('once more', async () => (await statusOf(rig, 'web'))?.restartCount === 2);
    await until('named', async () => rig.runtime.containers.size === 2);
    expect(rig.runtime.log.filter((line) => line.startsWith('remove'))).toEqual([]);
  },
);

test('what must not run twice does not', async () => {
  const rig = await rigged();
  await create(rig.api, 'job', { restartPolicy: 'Never' });
  await untilReady(rig.api, 'job');
  await powerCycle(rig, 'job');
  await until('Failed', async () => (await get(rig.api, 'job')).status?.phase === 'Failed');
  expect(rig.runtime.log.filter((line) => line.startsWith('start'))).toEqual([]);
});

test('init containers run again, before the others', async () => {
  const rig = await rigged();
  rig.runtime.behaviour.exitsAtOnce = ({ name }) => (name === 'first' ? 0 : undefined);
  await create(rig.api, 'web', { initContainers: [{ name: 'first', image: 'tool:1' }] });
  await untilReady(rig.api, 'web');
  await powerCycle(rig, 'web');
  await until('runs', async () => rig.runtime.log.includes('start main'));
  expect(rig.runtime.log.filter((line) => line.startsWith('start'))).toEqual([
    'start first',
    'start main',
  ]);
});

test('a sandbox of which little more than the record is left is made anew', async () => {
  const rig = await rigged();
  await create(rig.api, 'web', { hostNetwork: true });
  await untilReady(rig.api, 'web');
  const [before] = rig.runtime.sandboxes.keys();
  await rig.node.stop();
  const isSandboxWhole = (id: string): Promise<boolean> => Promise.resolve(id !== before);
  Object.assign(rig.runtime, { isSandboxWhole });
  await start(rig);
  await until('runs again', async () => (await statusOf(rig, 'web'))?.restartCount === 1);
  expect([...rig.runtime.sandboxes.keys()]).not.toContain(before);
});
