/** Volumes that cannot be made or refreshed. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, Pod } from '../../api/types/core.js';
import type { VolumeSources } from './volume-manager.js';
import { VolumeManager } from './volume-manager.js';

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'volumes-'));
});
afterEach(() => rm(directory, { recursive: true }));

const sources: VolumeSources = {
  config: () => ({ configMap: () => undefined, secret: () => undefined }),
  claim: (_namespace, name) => ({
    metadata: { name, uid: 'claim-uid' },
    spec: { volumeName: 'pv' },
    status: { phase: 'Bound' },
  }),
  volume: () => undefined,
  token: () => Promise.resolve('a-token'),
};
const facts = { nodeName: 'n', hostIps: [], podIps: [], allocatable: {} };

function podWith(volumes: NonNullable<Pod['spec']['volumes']>): Pod {
  return {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { containers: [], volumes },
  };
}

test('one that cannot be refreshed keeps what it has, and keeps no other from its own', async () => {
  const tokens = ['first', 'second'];
  let key = 'key';
  const changing: VolumeSources = {
    ...sources,
    config: () => ({
      configMap: (name) => ({ metadata: { name }, data: { [key]: key } }),
      secret: () => undefined,
    }),
    token: () => Promise.resolve(tokens.shift() ?? ''),
  };
  const manager = new VolumeManager({ dataDir: directory, sources: changing, isRoot: false });
  const pod = podWith([
    { name: 'config', configMap: { name: 'cm', items: [{ key: 'key', path: 'file' }] } },
    { name: 'api', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
  ]);
  const paths = await manager.setUp(pod, facts);
  key = 'another';
  await expect(manager.refresh(pod, facts)).rejects.toThrow(
    'MountVolume.SetUp failed for volume "config" : references non-existent config key: key',
  );
  expect(await readFile(join(paths.get('config')!, 'file'), 'utf8')).toBe('key');
  expect(await readFile(join(paths.get('api')!, 'token'), 'utf8')).toBe('second');
});

describe('block volumes', () => {
  const pod = (uses: Partial<Container>): Pod => ({
    ...podWith([{ name: 'v', persistentVolumeClaim: { claimName: 'bound' } }]),
    spec: {
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'bound' } }],
      containers: [{ name: 'c', image: 'i', ...uses }],
    },
  });
  const asDevice = { volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] };
  const asMount = { volumeMounts: [{ name: 'v', mountPath: '/x' }] };
  const managerOf = (spec: object): VolumeManager =>
    new VolumeManager({
      dataDir: directory,
      sources: {
        ...sources,
        volume: () => ({
          metadata: { name: 'pv' },
          spec: { ...spec, claimRef: { uid: 'claim-uid' } },
        }),
      },
      isRoot: false,
    });

  test.each([
    [
      'Block',
      { local: { path: '/dev/sdz' } },
      asMount,
      'volume v has volumeMode Block, but is specified in volumeMounts',
    ],
    [
      'Filesystem',
      { local: { path: '/dev/sdz' } },
      asDevice,
      'volume v has volumeMode Filesystem, but is specified in volumeDevices',
    ],
    [
      'Block',
      { hostPath: { path: '/dev/sdz' } },
      asDevice,
      'failed to find BlockVolumeMapper plugin for volume pv',
    ],
    ['Block', { local: { path: '/dev/null' } }, asDevice, '/dev/null is not a block device'],
  ])('%s at %j', async (volumeMode, source, uses, text) => {
    const manager = managerOf({ volumeMode, ...source });
    await expect(manager.setUp(pod(uses), facts)).rejects.toThrow(text);
  });

  test('are devices in the container, which it may read alone where the claim says so', () => {
    const manager = managerOf({});
    const paths = new Map([['v', '/dev/sdz']]);
    const container = { ...asDevice };
    expect(manager.devicesFor(pod(asDevice), container, paths)).toEqual([
      { hostPath: '/dev/sdz', containerPath: '/dev/x', permissions: 'mrw' },
    ]);
    const claimed = { claimName: 'bound', readOnly: true };
    const readOnly = podWith([{ name: 'v', persistentVolumeClaim: claimed }]);
    expect(manager.devicesFor(readOnly, container, paths)).toMatchObject([{ permissions: 'r' }]);
    expect(() => manager.devicesFor(readOnly, container, new Map())).toThrow(
      'the volume "v" of a device does not exist',
    );
  });
});
