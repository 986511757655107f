import { afterEach, expect, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInformerFactory } from '../../client/index.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { IsolatedPod } from '../types.js';
import { bridgeConf } from './cni.js';
import { networkConfiguration, removeConfiguration, RuntimePodNetwork } from './runtime-network.js';

const clock = systemClock({ unref: true });
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const pod = { podUid: 'u1', namespace: 'default', name: 'web', netnsPath: '' };

/** A node whose runtime connects pods. `own`: by our configuration. */
async function setUp(own = true) {
  const dir = await mkdtemp(join(tmpdir(), 'runtime-network-'));
  ends.push(() => rm(dir, { recursive: true, force: true }));
  const informers = createInformerFactory({ client: new FakeApi(), clock, log: silentLogger });
  ends.push(() => informers.stop());
  const confDir = join(dir, 'net.d');
  const started = { count: 0 };
  const isolated: IsolatedPod[] = [];
  const adopted: string[] = [];
  const forgotten: string[] = [];
  const policies = { fail: false };
  const network = new RuntimePodNetwork(
    {
      informers,
      nodeName: 'n1',
      nodeIp: '192.168.0.1',
      clusterCidr: '10.244.0.0/16',
      serviceCidr: '10.96.0.0/16',
      dataDir: dir,
      clock,
      log: silentLogger,
      kind: 'runtime',
      ...(own ? { cniConfDir: confDir } : {}),
      isolation: {
        isolate: (one) => {
          if (policies.fail) return Promise.reject(new Error('not known yet'));
          isolated.push(one);
          return Promise.resolve();
        },
        adopt: (pods) => adopted.push(...pods.map(({ podUid, ips }) => `${podUid} ${ips.join()}`)),
        forget: (podUid) => forgotten.push(podUid),
      },
    },
    {
      start: () => {
        started.count++;
        return Promise.resolve();
      },
      stop: () => Promise.resolve(),
      podCidr: () => Promise.resolve('10.244.1.0/24'),
      bridgeConf: (podCidr, leaseDir) =>
        bridgeConf({ bridge: 'cni0', mtu: 1500, podCidr, leaseDir }),
    },
  );
  ends.push(() => network.stop());
  const path = join(confDir, '10-trireme.conflist');
  return { network, path, confDir, dir, started, isolated, adopted, forgotten, policies };
}

test('without a network of ours the runtime is left to its own, and policies hold all the same', async () => {
  const { network, started, confDir, isolated } = await setUp(false);
  await network.start();
  expect(started.count).toBe(0);
  await expect(readdir(confDir)).rejects.toMatchObject({ code: 'ENOENT' });
  const given = { ...pod, ips: ['172.20.0.5'], labels: { app: 'web' } };
  expect(await network.setUp(given)).toEqual({ ips: ['172.20.0.5'] });
  expect(isolated).toEqual([
    {
      podUid: 'u1',
      namespace: 'default',
      name: 'web',
      labels: { app: 'web' },
      ips: ['172.20.0.5'],
    },
  ]);
});

test('a pod is there from its set-up to its end, and after a restart by its addresses', async () => {
  const { network, adopted, forgotten } = await setUp(false);
  expect(await network.check(pod)).toBeUndefined();
  await network.setUp({ ...pod, ips: ['10.244.1.5'] });
  expect(await network.check(pod)).toEqual(['10.244.1.5']);
  await network.tearDown(pod);
  expect(await network.check(pod)).toBeUndefined();
  expect(forgotten).toEqual(['u1']);
  const whole = await network.recover([
    { ...pod, ips: ['10.244.1.6'] },
    { ...pod, podUid: 'u2', ips: [] },
    { ...pod, podUid: 'u3' },
  ]);
  expect([...whole]).toEqual([['u1', ['10.244.1.6']]]);
  expect(adopted).toEqual(['u1 10.244.1.6']);
});

test('no pod runs without an address, or before its policies hold', async () => {
  const { network, policies, forgotten } = await setUp(false);
  await expect(network.setUp(pod)).rejects.toMatchObject({ code: 'BadAnswer' });
  policies.fail = true;
  await expect(network.setUp({ ...pod, ips: ['10.244.1.5'] })).rejects.toMatchObject({
    code: 'NotIsolated',
    message: 'network policies: not known yet',
  });
  expect(await network.check(pod)).toBeUndefined();
  expect(forgotten).toEqual([]);
});

test("the runtime is told of the node's range, and other addresses are refused", async () => {
  const { network, path, dir, started } = await setUp();
  await Promise.all([network.start(), network.start()]);
  expect(started.count).toBe(1);
  const list = JSON.parse(await readFile(path, 'utf8')) as {
    readonly plugins: readonly { readonly type: string; readonly ipam?: object }[];
  };
  expect(list.plugins[0]).toMatchObject({
    type: 'bridge',
    bridge: 'cni0',
    hairpinMode: true,
    ipam: { ranges: [[{ subnet: '10.244.1.0/24' }]], dataDir: join(dir, 'leases') },
  });
  expect(list.plugins.map(({ type }) => type).slice(0, 2)).toEqual(['bridge', 'portmap']);
  expect(await network.setUp({ ...pod, ips: ['10.244.1.5'] })).toEqual({ ips: ['10.244.1.5'] });
  await expect(network.setUp({ ...pod, ips: ['10.88.0.5'] })).rejects.toMatchObject({
    code: 'ForeignAddress',
    message: expect.stringContaining("10.88.0.5, which is not of the node's range 10.244.1.0/24"),
  });
});

test.each([
  [true, ['bridge', 'portmap', 'tuning']],
  [false, ['bridge', 'portmap']],
])('links have no IPv6 address where the kernel has it: %s', (ipv6, types) => {
  const text = networkConfiguration({ type: 'bridge' }, { ipv6 });
  const { cniVersion, name, plugins } = JSON.parse(text) as {
    readonly cniVersion: string;
    readonly name: string;
    readonly plugins: readonly { readonly type: string }[];
  };
  expect([cniVersion, name]).toEqual(['0.4.0', 'trireme']);
  expect(plugins.map(({ type }) => type)).toEqual(types);
});

test('what was written for a runtime is taken back where another one runs the pods, and stays where it is wanted', async () => {
  const { network, path, confDir, dir } = await setUp();
  await network.start();
  await removeConfiguration(dir, confDir);
  expect(await readdir(confDir)).toEqual(['10-trireme.conflist']);
  await removeConfiguration(dir);
  await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  // Somebody else's is let alone: nothing was written by this node any more.
  await writeFile(path, 'of another');
  await removeConfiguration(dir);
  expect(await readFile(path, 'utf8')).toBe('of another');
});
