/** Attacks of pods on their node by the files that they share with it: each way out leads to a harmless target. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../../src/api/types/core.js';
import type { ContainerConfig, Mount } from '../../src/runtime/types.js';
import { PodFiles } from '../../src/worker/run/pod-files.js';
import { terminationMessage } from '../../src/worker/run/termination-message.js';
import { canRunContainers } from '../cluster/lib/containerd-programs.js';
import { eventually, testContainer } from '../cluster/lib/runtime-contract.js';
import { ContainerdNode, derivedImage, facts, podWith } from './containerd-node.js';

const scratch = { name: 'scratch', emptyDir: {} };

(canRunContainers ? describe : describe.skip)('ways out of a pod', () => {
  let node: ContainerdNode;
  let untouched = '';
  beforeAll(async () => {
    node = await ContainerdNode.start();
    untouched = node.host();
  });
  afterAll(() => node.end());

  /** The mounts of a container that has each volume under its own name. */
  const mountsOf = async (pod: Pod, volumeMounts: readonly object[]): Promise<Mount[]> =>
    node.volumes.mountsFor({
      pod,
      container: { name: 'c', volumeMounts } as never,
      paths: await node.volumes.setUp(pod, facts),
      env: new Map([['NAME', 'x']]),
    });

  const gone = async (pod: Pod): Promise<void> => {
    await node.volumes.tearDown(pod.metadata.uid ?? '');
    expect(node.host()).toBe(untouched);
  };

  test('nothing can be changed in what the API gives, by root either', async () => {
    const pod = podWith('readonly', [
      { name: 'config', configMap: { name: 'cm' } },
      { name: 'secret', secret: { secretName: 's', defaultMode: 0o400 } },
      {
        name: 'fields',
        downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] },
      },
      { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    ]);
    const names = ['config', 'secret', 'fields', 'token'];
    const mounts = await mountsOf(
      pod,
      names.map((name) => ({ name, mountPath: `/${name}`, readOnly: false })),
    );
    const script = `
      for v in ${names.join(' ')}; do
        cd /$v || exit 1
        touch new || rm -f ..data || mv ..data other || ln -sfn / ..data || echo > ..data/key || chmod 777 . || mkdir ..x || echo "$v is kept"
        mount -o remount,rw,bind /$v 2>/dev/null && echo remounted
        ls -d key n token 2>/dev/null
      done`;
    const output = await node.output('readonly', script, { mounts });
    expect(output.match(/is kept/g)).toHaveLength(4);
    expect(output).not.toContain('remounted');
    node.content = 'two';
    expect(await node.volumes.refresh(pod, facts)).toBe(true);
    await gone(pod);
  });

  test('a volume that an earlier version gave to write leads the agent nowhere', async () => {
    const pod = podWith('earlier', [{ name: 'config', configMap: { name: 'cm' } }]);
    const volume = join(node.dataDir, 'pods/earlier/volumes/config');
    mkdirSync(volume, { recursive: true });
    await node.volumes.setUp(pod, facts);
    const mounts = [{ hostPath: volume, containerPath: '/v', readOnly: false }];
    const host = join(node.home, 'host');
    const script = `cd /v; rm ..data key; ln -s ${host} ..data; ln -s ${host} key; ln -s ${host} ..former; mkfifo pipe; echo done`;
    expect(await node.output('earlier', script, { mounts })).toContain('done');
    node.content = 'three';
    expect(await node.volumes.refresh(pod, facts)).toBe(true);
    expect(readFileSync(join(volume, 'key'), 'utf8')).toBe('three');
    expect(readdirSync(volume).filter((name) => !/^\.\.[0-9a-f]{16}$/.test(name))).toEqual([
      '..data',
      'key',
    ]);
    await gone(pod);
  });

  test('a subPath that is swapped for a link to the host root, again and again', async () => {
    const pod = podWith('race', [scratch]);
    const [whole] = await mountsOf(pod, [{ name: 'scratch', mountPath: '/v' }]);
    mkdirSync(join(whole!.hostPath, 'd'));
    writeFileSync(join(whole!.hostPath, 'd/mine'), '');
    const swaps =
      'cd /v; i=0; while [ $i -lt 4000 ]; do mv d x; ln -s / d; rm d; mv x d; i=$((i+1)); done';
    await node.run('swapper', swaps, { mounts: [whole!] });
    let bound = 0;
    for (let tries = 0; tries < 150; tries++) {
      const [mount] = await mountsOf(pod, [
        { name: 'scratch', mountPath: '/sub', subPath: 'd' },
      ]).catch(() => []);
      if (mount === undefined) continue;
      bound += 1;
      // The agent makes a directory when the link is missing at that moment: it is the pod's own, and empty.
      const found = readdirSync(mount.hostPath);
      expect(found.filter((name) => name !== 'mine' && name !== 'x')).toEqual([]);
    }
    expect(bound).toBeGreaterThan(0);
    await node.runtime.stopContainer('swapper', { graceMs: 0 });
    await gone(pod);
  });

  test('a subPath that changes between being looked at and the start', async () => {
    const pod = podWith('late', [scratch]);
    const paths = await node.volumes.setUp(pod, facts);
    const volume = paths.get('scratch')!;
    mkdirSync(join(volume, 'd'));
    writeFileSync(join(volume, 'd/mine'), '');
    const mounts = await mountsOf(pod, [{ name: 'scratch', mountPath: '/sub', subPath: 'd' }]);
    execFileSync('sh', ['-c', 'mv d x && ln -s / d'], { cwd: volume });
    expect(await node.output('late', 'ls /sub', { mounts })).toBe('mine\n');
    await expect(
      mountsOf(pod, [{ name: 'scratch', mountPath: '/sub', subPath: 'd' }]),
    ).rejects.toThrow('failed to prepare subPath for volumeMount "scratch" of container "c"');
    await expect(
      mountsOf(pod, [{ name: 'scratch', mountPath: '/sub', subPathExpr: '../../$(NAME)' }]),
    ).rejects.toThrow('failed to prepare subPath');
    await gone(pod);
  });

  test('links, devices, FIFOs, hard links, deep and sparse files in a volume that is given to a group and removed', async () => {
    const security = { securityContext: { fsGroup: 4321 } };
    const pod = podWith('hostile', [scratch], security);
    const [mount] = await mountsOf(pod, [{ name: 'scratch', mountPath: '/v' }]);
    const host = join(node.home, 'host');
    const script = `
      cd /v; ln -s ${host} out; ln -s ${host}/file file; ln -s /v/loop loop
      mkfifo pipe; mknod null c 1 3; mknod disk b 8 0; mkdir d; echo x > d/a; ln d/a d/b
      truncate -s 1900000000 sparse || dd if=/dev/zero of=sparse bs=1 count=1 seek=1900000000 2>/dev/null
      p=.; i=0; while [ $i -lt 200 ]; do mkdir $p/dir; cd $p/dir; p=.; i=$((i+1)); done; echo done`;
    expect(await node.output('hostile', script, { mounts: [mount!] })).toContain('done');
    // Once more, as after a restart of the agent: now it is the pod's content that is walked.
    await node.volumes.setUp(pod, facts);
    expect(statSync(join(mount!.hostPath, 'd/a')).gid).toBe(4321);
    expect(statSync(host).gid).not.toBe(4321);
    expect(statSync(join(host, 'file')).mode & 0o777).toBe(0o644);
    await gone(pod);
    expect(existsSync(mount!.hostPath)).toBe(false);
  });

  test('what is mounted inside a volume is not emptied with it', async () => {
    const pod = podWith('mounted', [scratch]);
    const volume = (await node.volumes.setUp(pod, facts)).get('scratch')!;
    mkdirSync(join(volume, 'a b'));
    execFileSync('mount', ['--bind', join(node.home, 'host'), join(volume, 'a b')]);
    await gone(pod);
    expect((await node.mounts()).filter((point) => point.includes('/pods/'))).toEqual([]);
  });

  test('a last word of any size costs what is read of it', async () => {
    const files = new PodFiles(node.dataDir);
    const container = { name: 'word', terminationMessagePolicy: 'File' } as never;
    await files.prepareContainer('word', container, 0);
    const messagePath = files.messagePath('word', 'word', 0);
    const mounts = [
      { hostPath: messagePath, containerPath: '/dev/termination-log', readOnly: false },
    ];
    const script =
      'cd /dev; dd if=/dev/zero of=termination-log bs=1 count=1 seek=1900000000; echo the end >> termination-log; rm termination-log; mv termination-log x; mkfifo termination-log; echo done';
    expect(await node.output('word', script, { mounts })).toContain('done');
    expect(statSync(messagePath).size).toBeGreaterThan(1_900_000_000);
    const before = process.memoryUsage.rss();
    const message = await terminationMessage({
      container,
      containersInPod: 6,
      exitCode: 0,
      messagePath,
      logPath: '/nowhere',
    });
    expect(Buffer.byteLength(message)).toBe(2048);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    await files.remove('word');
  });

  test('a container that does not run as root enters its own files, and nobody else does', async () => {
    const { security } = testContainer({ image: '', logDir: '' }, '', []);
    const output = await node.output('user', 'id -u; ls / | head -1', {
      security: { ...security, runAsUser: 1000 },
    });
    expect(output).toBe('1000\nbin\n');
    for (const path of ['runtime/containers', 'memory-volumes']) {
      expect(statSync(join(node.dataDir, path)).mode & 0o777).toBe(0o700);
    }
  });

  test('a FIFO in the place of an account file is refused; one that comes there by a link can be stopped', async () => {
    const pod = podWith('fifo', [scratch]);
    const volume = (await node.volumes.setUp(pod, facts)).get('scratch')!;
    execFileSync('mkfifo', [join(volume, 'passwd')]);
    const at = (containerPath: string, hostPath: string): Partial<ContainerConfig> => ({
      image: 'alias',
      mounts: [{ hostPath, containerPath, readOnly: false }],
    });
    const archive = derivedImage(join(node.home, 'alias'), node.archive, {
      reference: 'docker.io/library/alias:latest',
      fill: (root) => symlinkSync('etc', join(root, 'alias')),
    });
    await node.runtime.importImages(archive);
    for (const [path, source] of [
      ['/etc/passwd', join(volume, 'passwd')],
      ['/etc/', volume],
    ] as const) {
      const refused = node.run(`fifo${path.length}`, 'id', at(path, source));
      await expect(refused).rejects.toThrow('has no regular file as /etc/passwd');
    }
    const stuck = node.run('stuck', 'id', at('/alias/passwd', join(volume, 'passwd')));
    const ended = stuck.then(
      () => 'it started',
      (error: unknown) => String(error),
    );
    await eventually(() => execFileSync('ps', ['-eo', 'args']).includes('runc init'));
    // Others of the node are not held up by it.
    expect(await node.runtime.imageStatus('busybox')).toBeDefined();
    await node.runtime.stopContainer('stuck', { graceMs: 0 });
    expect(await ended).toContain('failed to create containerd task');
    await node.runtime.removeContainer('stuck');
    await gone(pod);
  });

  test('a root file system as deep as a container likes is removed with it', async () => {
    const script =
      'cd /tmp; i=0; while [ $i -lt 1000 ]; do mkdir dddddd; cd dddddd; i=$((i+1)); done; ln -s / out; echo done';
    expect(await node.output('deep', script)).toContain('done');
    await node.runtime.removeContainer('deep');
    await eventually(() => !readdirSync(join(node.dataDir, 'runtime/containers')).includes('deep'));
    expect(node.host()).toBe(untouched);
  });
});
