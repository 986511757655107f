import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../api/types/core.js';
import { HeldDirectory } from '../../lib/safe-files/index.js';
import { mountPoints } from '../../runtime/mounts.js';
import { writeAtomically as write } from './atomic-writer.js';
import { LocalPaths } from './local-path.js';
import { giveToGroup } from './ownership.js';
import type { VolumeFile } from './volume-file.js';
import { checkedPayload } from './payload-checks.js';
import { bindSubPath } from './sub-path.js';
import type { VolumeSources } from './volume-manager.js';
import { VolumeManager } from './volume-manager.js';

const isRoot = process.getuid?.() === 0;
const rootTest = isRoot ? test : test.skip;
let home: string;
let directory: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'volumes-test-'));
  directory = join(home, 'data');
  await mkdir(directory);
  await mkdir(join(home, 'host'));
  await writeFile(join(home, 'host/file'), 'untouched');
});
afterEach(async () => {
  for (const point of (await mountPoints()).toReversed()) {
    if (point.startsWith(`${home}/`)) execFileSync('umount', ['-l', point]);
  }
  await rm(home, { recursive: true, force: true });
});

const file = (path: string, text: string, mode = 0o644): VolumeFile => ({
  path,
  data: Buffer.from(text),
  mode,
});

async function writeAtomically(files: readonly VolumeFile[], group?: number): Promise<boolean> {
  const held = await HeldDirectory.open(directory);
  try {
    return await write(held, files, group);
  } finally {
    await held.close();
  }
}

/** Expects that the files on the host beside the volume have not changed. */
async function expectHostUntouched(): Promise<void> {
  expect(await readdir(join(home, 'host'))).toEqual(['file']);
  expect(await readFile(join(home, 'host/file'), 'utf8')).toBe('untouched');
}

describe('writeAtomically', () => {
  test('files appear, change together and go', async () => {
    expect(await writeAtomically([file('a', '1'), file('d/b', '2', 0o400)])).toBe(true);
    expect(await readFile(join(directory, 'd/b'), 'utf8')).toBe('2');
    expect((await stat(join(directory, 'd/b'))).mode & 0o777).toBe(0o400);
    expect(await writeAtomically([file('a', '1'), file('d/b', '2', 0o400)])).toBe(false);
    expect(await writeAtomically([file('a', '3')])).toBe(true);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('3');
    await expect(lstat(join(directory, 'd'))).rejects.toThrow('ENOENT');
    expect((await lstat(join(directory, 'a'))).isSymbolicLink()).toBe(true);
    expect((await readdir(directory)).filter((name) => name.startsWith('..'))).toHaveLength(2);
  });

  rootTest('the group may read, and what it may write stays as it was', async () => {
    await writeAtomically([{ ...file('d/token', 't', 0o600), userId: 1000 }], 2000);
    const found = await stat(join(directory, 'd/token'));
    expect([found.uid, found.gid, found.mode & 0o7777]).toEqual([1000, 2000, 0o640]);
    const below = await stat(join(directory, 'd'));
    expect([below.gid, below.mode & 0o7777]).toEqual([2000, 0o2755]);
  });

  test.each(['../host', '../../host', '/etc', 'a', '..data'])(
    'a "..data" that a container made to point to %s leads nowhere',
    async (target) => {
      await writeAtomically([file('a', '1')]);
      await rm(join(directory, '..data'));
      await symlink(target, join(directory, '..data'));
      expect(await writeAtomically([file('a', '2'), file('file', '3')])).toBe(true);
      expect(await readFile(join(directory, 'a'), 'utf8')).toBe('2');
      await expectHostUntouched();
    },
  );

  test("whatever a container put in the place of the volume's own names is removed", async () => {
    await writeAtomically([file('a', '1'), file('d/x', '1')]);
    await rm(join(directory, '..data'));
    await mkdir(join(directory, '..data/deep'), { recursive: true });
    await rm(join(directory, 'a'));
    await symlink(join(home, 'host'), join(directory, 'a'));
    await symlink(join(home, 'host'), join(directory, '..data_tmp'));
    await symlink(join(home, 'host'), join(directory, '..former'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    expect(await writeAtomically([file('a', '2'), file('d/x', '1')])).toBe(true);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('2');
    expect((await readdir(directory)).filter((name) => !/^\.\.[0-9a-f]+$/.test(name))).toEqual([
      '..data',
      'a',
      'd',
    ]);
    await expectHostUntouched();
  });

  test('content that was exchanged for a FIFO is not waited for', async () => {
    await writeAtomically([file('a', '1')]);
    const version = join(
      directory,
      execFileSync('readlink', [join(directory, '..data')])
        .toString()
        .trim(),
    );
    await rm(join(version, 'a'));
    execFileSync('mkfifo', [join(version, 'a')]);
    expect(await writeAtomically([file('a', '1')])).toBe(true);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('1');
  });
});

describe('the files of a volume', () => {
  test.each([
    ['', 'must not be empty'],
    ['/etc/passwd', 'must be relative path'],
    ['../x', "must not contain '..'"],
    ['a/../../x', "must not contain '..'"],
    ['..', "must not contain '..'"],
    ['..data', "must not start with '..'"],
    ['..x/y', "must not start with '..'"],
    ['x'.repeat(256), 'filename must be less than or equal to 255'],
    ['x/'.repeat(2100), 'must be less than or equal to 4096'],
    ['a\0b', 'invalid path'],
  ])('may not be called as the hostile name of case %#', (path, text) => {
    expect(() => checkedPayload([file(path, '')])).toThrow(text);
  });

  test('of two with one path the later counts, and their size is bounded', () => {
    expect(
      checkedPayload([file('a', '1'), file('./a', '2')]).map(({ data }) => data.toString()),
    ).toEqual(['2']);
    const large = { ...file('a', ''), data: Buffer.alloc(33 * 1024 * 1024) };
    expect(() => checkedPayload([large, { ...large, path: 'b' }])).toThrow('larger than');
    const many = Array.from({ length: 65_537 }, (_, index) => file(`${index}`, ''));
    expect(() => checkedPayload(many)).toThrow('more than 65536 files');
  });
});

describe('bindSubPath', () => {
  const bind = (subPath: string): Promise<string> =>
    bindSubPath({
      volumePath: directory,
      subPath,
      target: join(home, 'subpaths/0'),
      mayMount: isRoot,
    });

  test("is made inside the volume, with the volume's mode", async () => {
    await chmod(directory, 0o777);
    const path = await bind('x/y');
    expect((await stat(path)).isDirectory()).toBe(true);
    expect((await stat(join(directory, 'x/y'))).mode & 0o777).toBe(0o777);
  });

  test('files, links inside the volume, and another kind at the next start', async () => {
    await writeFile(join(directory, 'f'), 'content');
    await symlink('f', join(directory, 'l'));
    await mkdir(join(directory, 'd'));
    expect(await readFile(await bind('l'), 'utf8')).toBe('content');
    expect((await stat(await bind('d'))).isDirectory()).toBe(true);
    expect(await readFile(await bind('f'), 'utf8')).toBe('content');
  });

  test.each(['../x', '/etc', 'a/../../x'])('%s is refused', async (path) => {
    await expect(bind(path)).rejects.toThrow('subPath');
  });

  test('a link out of the volume is refused', async () => {
    await symlink('/etc', join(directory, 'out'));
    await expect(bind('out')).rejects.toThrow('leads out of its volume');
    await expect(bind('out/made-by-us')).rejects.toThrow('leads out of its volume');
  });

  rootTest('a name that changes its meaning afterwards does not change the mount', async () => {
    await mkdir(join(directory, 'd'));
    await writeFile(join(directory, 'd/mine'), '');
    const path = await bind('d');
    await rename(join(directory, 'd'), join(directory, 'elsewhere'));
    await symlink(join(home, 'host'), join(directory, 'd'));
    expect(await readdir(path)).toEqual(['mine']);
  });
});

describe('giveToGroup', () => {
  rootTest('gives all to the group, and nothing that a link leads to', async () => {
    await mkdir(join(directory, 'd'), { mode: 0o700 });
    await writeFile(join(directory, 'd/f'), '', { mode: 0o600 });
    await symlink(join(home, 'host'), join(directory, 'd/out'));
    await symlink(join(home, 'host/file'), join(directory, 'd/file'));
    const before = await stat(join(home, 'host'));
    await giveToGroup(directory, 4321, 'Always');
    for (const [path, mode] of [
      ['.', 0o2775],
      ['d', 0o2770],
      ['d/f', 0o660],
    ] as const) {
      const found = await stat(join(directory, path));
      expect([found.gid, found.mode & 0o7777 & 0o2770]).toEqual([4321, mode & 0o2770]);
    }
    const after = await stat(join(home, 'host'));
    expect([after.gid, after.mode]).toEqual([before.gid, before.mode]);
    expect((await stat(join(home, 'host/file'))).gid).not.toBe(4321);
  });

  rootTest('OnRootMismatch leaves a volume alone whose top is right', async () => {
    await writeFile(join(directory, 'f'), '');
    await giveToGroup(directory, 4321, 'Always');
    await writeFile(join(directory, 'later'), '');
    execFileSync('chgrp', ['0', join(directory, 'later')]);
    await giveToGroup(directory, 4321, 'OnRootMismatch');
    expect((await stat(join(directory, 'later'))).gid).toBe(0);
    await chmod(directory, 0o2750);
    await giveToGroup(directory, 4321, 'OnRootMismatch');
    expect((await stat(join(directory, 'later'))).gid).toBe(4321);
  });
});

describe('LocalPaths', () => {
  const volume = (path: string, name = 'pvc-1'): never =>
    ({
      metadata: { name, uid: `uid-${name}`, annotations: { 'trireme.dev/local-path': path } },
      spec: { local: { path } },
    }) as never;

  test('makes and removes its own directories', async () => {
    const paths = new LocalPaths(directory);
    await (await paths.open(volume('local-path/pvc-1_ns_c'))).close();
    await writeFile(join(directory, 'local-path/pvc-1_ns_c/x'), '');
    expect((await stat(join(directory, 'local-path/pvc-1_ns_c'))).mode & 0o777).toBe(0o777);
    // Another agent on the same data knows it too.
    expect(await new LocalPaths(directory).remove(volume('local-path/pvc-1_ns_c'))).toBe(true);
    expect(await readdir(join(directory, 'local-path'))).toEqual([]);
    expect(await paths.remove(volume('local-path/pvc-1_ns_c'))).toBe(true);
  });

  test('a directory that it did not make is left alone', async () => {
    const paths = new LocalPaths(directory);
    const path = join(home, 'host');
    await (await paths.open(volume(path))).close();
    expect(await paths.remove(volume(path))).toBe(false);
    await expectHostUntouched();
  });

  test('nor one that took the place of its own, nor one behind a link', async () => {
    const paths = new LocalPaths(directory);
    await (await paths.open(volume('v/other'))).close();
    await rename(join(directory, 'v/other'), join(directory, 'v/moved'));
    await mkdir(join(directory, 'v/other'));
    expect(await paths.remove(volume('v/other'))).toBe(false);
    await symlink(home, join(directory, 'v/link'));
    await expect(paths.open(volume('v/link/host'))).rejects.toMatchObject({
      code: 'NOT_A_DIRECTORY',
    });
    await expectHostUntouched();
  });

  test.each(['pods/uid', 'runtime/x', 'credentials.json', '../host/file', 'a/../../host', '/'])(
    '%s is no place for a volume',
    async (path) => {
      const paths = new LocalPaths(directory);
      await expect(paths.open(volume(path))).rejects.toThrow('local-path volume');
      await expect(paths.remove(volume(path))).rejects.toThrow('local-path volume');
      await expectHostUntouched();
    },
  );
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
      metadata: { name, uid: 'claim-uid' },
      spec: { volumeName: name === 'bound' ? 'pv' : '' },
      status: { phase: name === 'bound' ? 'Bound' : 'Pending' },
    }),
    volume: () => ({
      metadata: { name: 'pv' },
      spec: { hostPath: { path: join(directory, 'pv') }, claimRef: { uid: 'claim-uid' } },
    }),
    token: () => Promise.resolve('a-token'),
  };
  const facts = { nodeName: 'n', hostIps: [], podIps: [], allocatable: {} };
  const podWith = (volumes: object[], spec: object = {}): Pod =>
    ({
      metadata: { name: 'p', namespace: 'ns', uid: 'u' },
      spec: { containers: [], volumes, ...spec },
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
      pod,
      container: {
        name: 'c',
        volumeMounts: [
          { name: 'scratch', mountPath: '/s', subPathExpr: '$(POD)/x' },
          { name: 'config', mountPath: '/c', readOnly: false },
        ],
      },
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

  rootTest(
    'secrets and tokens are in memory, closed to others, and gone with the pod',
    async () => {
      const manager = new VolumeManager({ dataDir: directory, sources, isRoot: true });
      const api = {
        name: 'api',
        projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
      };
      const scratch = { name: 'scratch', emptyDir: {} };
      const security = { securityContext: { runAsUser: 1000, fsGroup: 3000 } };
      const pod = podWith([api, scratch], { ...security, containers: [{ name: 'c' }] });
      const paths = await manager.setUp(pod, facts);
      const token = join(paths.get('api')!, 'token');
      expect(execFileSync('stat', ['-f', '-c', '%T', token]).toString().trim()).toBe('tmpfs');
      const found = await stat(token);
      expect([found.uid, found.gid, found.mode & 0o777]).toEqual([1000, 3000, 0o640]);
      expect((await stat(join(directory, 'memory-volumes'))).mode & 0o777).toBe(0o700);
      const [mount] = await manager.mountsFor({
        pod,
        container: {
          name: 'c',
          volumeMounts: [{ name: 'scratch', mountPath: '/s', subPath: 'x' }],
        },
        paths,
        env: new Map(),
      });
      expect(mount?.hostPath).toBe(join(directory, 'pods/u/volume-subpaths/c/0'));
      await manager.tearDown('u');
      expect(await manager.podUidsInMemory()).toEqual([]);
      expect(
        (await mountPoints()).filter((point) => point.startsWith(`${directory}/pods`)),
      ).toEqual([]);
      expect(await readdir(join(directory, 'pods/u'))).toEqual([]);
    },
  );

  test('a refresh that comes late, or is under way, leaves nothing behind', async () => {
    const manager = new VolumeManager({ dataDir: directory, sources, isRoot: false });
    const pod = podWith([{ name: 'config', configMap: { name: 'cm' } }]);
    await manager.setUp(pod, facts);
    version = 'under way';
    const refresh = manager.refresh(pod, facts);
    await manager.tearDown('u');
    await refresh;
    version = 'late';
    expect(await manager.refresh(pod, facts)).toBe(false);
    expect(await manager.podUidsInMemory()).toEqual([]);
  });

  test('a volume that an earlier version made on disk is kept up to date there', async () => {
    const manager = new VolumeManager({ dataDir: directory, sources, isRoot: false });
    const pod = podWith([{ name: 'config', configMap: { name: 'cm' } }]);
    const earlier = join(directory, 'pods/u/volumes/config');
    await mkdir(earlier, { recursive: true });
    await symlink(join(home, 'host'), join(earlier, '..data'));
    expect((await manager.setUp(pod, facts)).get('config')).toBe(earlier);
    expect(await readFile(join(earlier, 'key'), 'utf8')).toBe(version);
    await expectHostUntouched();
  });

  test('a claim of another pod, and a volume of another claim, are not given', async () => {
    const stolen: VolumeSources = {
      ...sources,
      volume: () => ({ metadata: { name: 'pv' }, spec: { claimRef: { uid: 'another' } } }),
    };
    const claim = podWith([{ name: 'v', persistentVolumeClaim: { claimName: 'bound' } }]);
    const manager = new VolumeManager({ dataDir: directory, sources: stolen, isRoot: false });
    await expect(manager.setUp(claim, facts)).rejects.toThrow('bound to another claim');
    const ephemeral = podWith([{ name: 'v', ephemeral: {} }]);
    await expect(manager.setUp(ephemeral, facts)).rejects.toThrow('(pod is not owner)');
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
