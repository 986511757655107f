import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../api/types/core.js';
import { writeAtomically } from './atomic-writer.js';
import { resolveSubPath } from './sub-path.js';
import type { VolumeSources } from './volume-manager.js';
import { VolumeManager } from './volume-manager.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'volumes-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const file = (path: string, text: string, mode = 0o644) => ({
  path,
  data: Buffer.from(text),
  mode,
});

describe('writeAtomically', () => {
  test('files appear, change together and go', async () => {
    expect(await writeAtomically(directory, [file('a', '1'), file('d/b', '2', 0o400)])).toBe(true);
    expect(await readFile(join(directory, 'd/b'), 'utf8')).toBe('2');
    expect((await stat(join(directory, 'd/b'))).mode & 0o777).toBe(0o400);
    expect(await writeAtomically(directory, [file('a', '1'), file('d/b', '2', 0o400)])).toBe(false);
    expect(await writeAtomically(directory, [file('a', '3')])).toBe(true);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('3');
    await expect(lstat(join(directory, 'd'))).rejects.toThrow('ENOENT');
    expect((await lstat(join(directory, 'a'))).isSymbolicLink()).toBe(true);
  });
});

describe('resolveSubPath', () => {
  test('is made inside the volume', async () => {
    const path = await resolveSubPath(directory, 'x/y');
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test.each(['../x', '/etc', 'a/../../x'])('%s is refused', async (path) => {
    await expect(resolveSubPath(directory, path)).rejects.toThrow('subPath');
  });

  test('a link out of the volume is refused', async () => {
    await symlink('/etc', join(directory, 'out'));
    await expect(resolveSubPath(directory, 'out')).rejects.toThrow('leaves the volume');
    await expect(resolveSubPath(directory, 'out/made-by-us')).rejects.toThrow('leaves the volume');
  });
});

describe('VolumeManager', () => {
  let version = 'one';
  const sources: VolumeSources = {
    config: () => ({
      configMap: (name) =>
        name === 'cm' ? { metadata: { name }, data: { key: version } } : undefined,
      secret: () => undefined,
    }),
    claim: (_namespace, name) => ({
      metadata: { name },
      spec: { volumeName: name === 'bound' ? 'pv' : '' },
      status: { phase: name === 'bound' ? 'Bound' : 'Pending' },
    }),
    volume: () => ({
      metadata: { name: 'pv' },
      spec: { hostPath: { path: join(directory, 'pv') } },
    }),
    token: () => Promise.resolve('a-token'),
  };
  const facts = { nodeName: 'n', hostIps: [], podIps: [], allocatable: {} };
  const podWith = (volumes: object[]): Pod =>
    ({
      metadata: { name: 'p', namespace: 'ns', uid: 'u' },
      spec: { containers: [], volumes },
    }) as never;

  test('makes, refreshes, mounts and tears down', async () => {
    const manager = new VolumeManager({ dataDir: directory, sources, isRoot: false });
    const pod = podWith([
      { name: 'config', configMap: { name: 'cm' } },
      { name: 'scratch', emptyDir: {} },
      { name: 'data', persistentVolumeClaim: { claimName: 'bound' } },
      {
        name: 'api',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token' } },
            { configMap: { name: 'cm', items: [{ key: 'key', path: 'sub/k' }] } },
          ],
        },
      },
    ]);
    const paths = await manager.setUp(pod, facts);
    expect(paths.get('data')).toBe(join(directory, 'pv'));
    expect(await readFile(join(paths.get('api')!, 'token'), 'utf8')).toBe('a-token');
    expect(await readFile(join(paths.get('api')!, 'sub/k'), 'utf8')).toBe('one');
    version = 'two';
    expect(await manager.refresh(pod, facts)).toBe(true);
    expect(await readFile(join(paths.get('config')!, 'key'), 'utf8')).toBe('two');
    expect(await manager.refresh(pod, facts)).toBe(false);
    const mounts = await manager.mountsFor({
      mounts: [
        { name: 'scratch', mountPath: '/s', subPathExpr: '$(POD)/x' },
        { name: 'config', mountPath: '/c', readOnly: true },
      ],
      paths,
      env: new Map([['POD', 'p']]),
    });
    expect(mounts).toEqual([
      { hostPath: join(paths.get('scratch')!, 'p/x'), containerPath: '/s', readOnly: false },
      { hostPath: paths.get('config'), containerPath: '/c', readOnly: true },
    ]);
    await manager.tearDown('u');
    await expect(stat(paths.get('scratch')!)).rejects.toThrow('ENOENT');
    expect((await stat(join(directory, 'pv'))).isDirectory()).toBe(true);
  });

  test.each([
    [{ configMap: { name: 'x' } }, 'volume "v" : configmap "x" not found'],
    [
      { configMap: { name: 'cm', items: [{ key: 'z', path: 'z' }] } },
      'volume "v" : references non-existent config key: z',
    ],
    [{ persistentVolumeClaim: { claimName: 'unbound' } }, 'is not bound'],
    [{ hostPath: { path: '/definitely/not/here', type: 'File' } }, 'hostPath type check failed'],
  ])('%j fails with %s', async (source, message) => {
    await mkdir(join(directory, 'pods'), { recursive: true });
    const manager = new VolumeManager({ dataDir: directory, sources, isRoot: false });
    const pod = podWith([{ name: 'v', ...source }]);
    await expect(manager.setUp(pod, facts)).rejects.toThrow(message);
  });
});
