/** Volumes that cannot be made or refreshed. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../api/types/core.js';
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

test('a block volume is refused, however it is asked for', async () => {
  const block: VolumeSources = {
    ...sources,
    volume: () => ({
      metadata: { name: 'pv' },
      spec: { volumeMode: 'Block', local: { path: '/dev/sdz' }, claimRef: { uid: 'claim-uid' } },
    }),
  };
  const pod = podWith([{ name: 'v', persistentVolumeClaim: { claimName: 'bound' } }]);
  const manager = new VolumeManager({ dataDir: directory, sources: block, isRoot: false });
  await expect(manager.setUp(pod, facts)).rejects.toThrow('volumeMode Block');
  const container = { name: 'c', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] };
  const mounts = { pod, container, paths: new Map([['v', '/x']]), env: new Map() };
  await expect(manager.mountsFor(mounts)).rejects.toThrow('block volumes are not supported');
});
