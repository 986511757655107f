/** Running containers keep the files of their image, whatever becomes of its name; afterwards nothing is kept. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canRunContainers } from '../cluster/lib/containerd-programs.js';
import { eventually, testContainer } from '../cluster/lib/runtime-contract.js';
import { ContainerdNode, derivedImage } from './containerd-node.js';

const busybox = 'docker.io/library/busybox:latest';

(canRunContainers ? describe : describe.skip)('images of running containers', () => {
  let node: ContainerdNode;
  let versions = 0;
  beforeAll(async () => {
    node = await ContainerdNode.start();
  });
  afterAll(() => node.end());

  /** Lets `busybox:latest` be another image, as any new `:latest` does. @returns its digest */
  const moveTag = async (): Promise<string> => {
    versions += 1;
    const archive = derivedImage(join(node.home, `v${versions}`), node.archive, {
      reference: busybox,
      fill: (root) => writeFileSync(join(root, 'version'), String(versions)),
    });
    await node.runtime.importImages(archive);
    return (await node.runtime.imageStatus('busybox'))?.digest ?? '';
  };

  /** containerd may collect meanwhile what the command is about to look at: then it is told to look again. */
  const prune = (tries = 20): void => {
    try {
      node.ctr('content', 'prune', 'references');
    } catch (error) {
      if (tries === 1 || !/content digest sha256:\w+: not found/.test(String(error))) throw error;
      prune(tries - 1);
    }
  };

  /** Does what happens a day later: ends leases, and lets containerd collect. */
  const aDayLater = (): void => {
    for (const lease of node.ctr('leases', 'list', '--quiet').split('\n').filter(Boolean)) {
      node.ctr('leases', 'delete', lease);
    }
    prune();
    node.ctr('leases', 'create', '--id', 'collect');
    node.ctr('leases', 'delete', '--sync', 'collect');
  };

  const snapshots = (kind: string): string[] =>
    node
      .ctr('snapshots', 'list')
      .split('\n')
      .filter((line) => line.trimEnd().endsWith(kind));

  test('files stay when the tag has moved and leases have ended; status names what runs', async () => {
    const before = (await node.runtime.imageStatus('busybox'))?.digest;
    await node.run('old', 'sleep 1000');
    expect(node.ctr('leases', 'list', '--quiet')).toBe('');
    const after = await moveTag();
    expect(after).not.toBe(before);
    aDayLater();
    expect(await node.inside('old', 'cat /etc/passwd; ls /bin | wc -l')).toMatch(
      /^root:[^]*\d{2,}/,
    );
    await node.run('new', 'sleep 1000');
    expect((await node.runtime.containerStatus('old'))?.imageId).toContain(`@${before}`);
    expect((await node.runtime.containerStatus('new'))?.imageId).toContain(`@${after}`);
    expect(await node.inside('new', 'cat /version')).toBe('1');
  });

  test('an image that is removed by its name stays for who runs from it', async () => {
    await node.runtime.removeImage('busybox');
    aDayLater();
    expect(await node.inside('new', 'cat /version')).toBe('1');
    expect(await node.inside('old', 'ls /bin | wc -l')).toMatch(/^\d{2,}/);
  });

  test('containers that an earlier version started are protected from its next start on', async () => {
    await moveTag();
    await node.run('adopted', 'sleep 1000');
    await node.restart(() => {
      // As `ctr images mount` leaves it: a snapshot that only a lease of a day holds.
      for (const line of snapshots('View')) {
        const key = line.split(/\s+/)[0] ?? '';
        node.ctr('snapshots', 'label', key, 'containerd.io/gc.root=');
        const held = `containerd.io/gc.ref.snapshot.overlayfs=${key}`;
        node.ctr('leases', 'create', '--id', key, '--expires', '24h', held);
      }
    });
    expect(node.ctr('leases', 'list', '--quiet')).toBe('');
    await moveTag();
    aDayLater();
    expect(await node.inside('adopted', 'cat /version')).toBe('2');
    expect(await node.inside('old', 'ls /bin | wc -l')).toMatch(/^\d{2,}/);
  });

  const withAccounts = async (name: string, fill: (etc: string) => void): Promise<void> => {
    const archive = derivedImage(join(node.home, name), node.archive, {
      reference: `docker.io/library/${name}:latest`,
      fill: (root) => {
        mkdirSync(join(root, 'etc'));
        fill(join(root, 'etc'));
      },
    });
    await node.runtime.importImages(archive);
  };

  test('account files that are a FIFO hold nobody up', async () => {
    await withAccounts('fifo', (etc) => execFileSync('mkfifo', [join(etc, 'passwd')]));
    const started = node.run('fifo', 'id', { image: 'fifo' });
    await expect(started).rejects.toThrow('/etc/passwd of the image is not a regular file');
  });

  test('account files that link to the host are looked for in the image', async () => {
    writeFileSync(join(node.home, 'host/file'), 'somebody:x:4242:4242::/:/bin/sh');
    await withAccounts('linked', (etc) => {
      symlinkSync(join(node.home, 'host/file'), join(etc, 'passwd'));
    });
    const security = {
      ...testContainer({ image: '', logDir: '' }, '', []).security,
      runAsUser: 'somebody',
    };
    const started = node.run('linked', 'id', { image: 'linked', security });
    await expect(started).rejects.toThrow('unable to find user somebody');
  });

  test('nothing stays behind: snapshots, leases, mounts', async () => {
    for (const { id } of (await node.runtime.list()).containers) {
      await node.runtime.removeContainer(id);
    }
    await node.runtime.removeSandbox(node.sandboxId);
    await eventually(() => snapshots('View').length === 0);
    expect(node.ctr('leases', 'list', '--quiet')).toBe('');
    expect(await node.mounts()).toEqual([join(node.dataDir, 'runtime/sandbox-mounts/ipc')]);
    for (const { reference } of await node.runtime.listImages()) {
      await node.runtime.removeImage(reference);
    }
    aDayLater();
    expect(snapshots('Committed')).toEqual([]);
  });
});
