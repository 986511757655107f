/** A containerd of its own with the node agent's runtime and volumes on it, for what pods try against their node. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../src/api/types/core.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { ContainerdRuntime } from '../../src/runtime/containerd/runtime.js';
import { mountPoints } from '../../src/runtime/mounts.js';
import type { ContainerConfig } from '../../src/runtime/types.js';
import type { VolumeSources } from '../../src/worker/volumes/volume-manager.js';
import { VolumeManager } from '../../src/worker/volumes/volume-manager.js';
import { eventually, testContainer, testSandbox } from '../cluster/lib/runtime-contract.js';

export const facts = { nodeName: 'n', hostIps: [], podIps: [], allocatable: {} };

export class ContainerdNode {
  readonly home: string;
  /** The archive of `busybox:latest`. */
  readonly archive: string;
  readonly volumes: VolumeManager;
  /** Namespaces of the network are named after it, for the whole machine. */
  readonly sandboxId = `escapes-${process.pid}`;
  /** The content of the ConfigMap `cm`. */
  content = 'one';
  #runtime: ContainerdRuntime;

  private constructor(home: string, archive: string) {
    this.home = home;
    this.archive = archive;
    const sources: VolumeSources = {
      config: () => ({
        configMap: (name) => ({ metadata: { name }, data: { key: this.content } }),
        secret: (name) => ({
          metadata: { name },
          data: { key: Buffer.from(this.content).toString('base64') },
        }),
      }),
      claim: () => undefined,
      volume: () => undefined,
      token: () => Promise.resolve('a-token'),
    };
    this.volumes = new VolumeManager({ dataDir: this.dataDir, sources, isRoot: true });
    this.#runtime = this.#newRuntime();
  }

  static async start(): Promise<ContainerdNode> {
    const home = await mkdtemp('/tmp/trireme-escapes-');
    mkdirSync(join(home, 'host'));
    writeFileSync(join(home, 'host/file'), 'untouched');
    const [archive = ''] = execFileSync('scripts/images/build', ['busybox'])
      .toString()
      .trim()
      .split('\n');
    const node = new ContainerdNode(home, archive);
    await node.runtime.start();
    await node.runtime.importImages(archive);
    await node.runtime.createSandbox({ ...testSandbox, id: node.sandboxId });
    return node;
  }

  async end(): Promise<void> {
    await this.runtime.purge();
    await this.runtime.stop();
    for (const point of (await this.mounts()).toReversed()) execFileSync('umount', ['-l', point]);
    await rm(this.home, { recursive: true, force: true });
  }

  get dataDir(): string {
    return join(this.home, 'data');
  }

  get runtime(): ContainerdRuntime {
    return this.#runtime;
  }

  /** Another agent on the same data, while containers go on. */
  async restart(meanwhile: () => void = () => undefined): Promise<void> {
    await this.#runtime.stop();
    meanwhile();
    this.#runtime = this.#newRuntime();
    await this.#runtime.start();
  }

  ctr(...args: string[]): string {
    const namespace = ['--namespace', `trireme-test-${process.pid}`];
    return execFileSync('ctr', [
      '--address',
      this.runtime.address,
      ...namespace,
      ...args,
    ]).toString();
  }

  async mounts(): Promise<string[]> {
    return (await mountPoints()).filter((point) => point.startsWith(`${this.home}/`));
  }

  /** Runs a shell script in a container. */
  async run(id: string, script: string, extra: Partial<ContainerConfig> = {}): Promise<void> {
    const subject = { image: 'busybox', logDir: join(this.home, 'logs') };
    const own = { sandboxId: this.sandboxId, ...extra };
    await this.runtime.createContainer(testContainer(subject, id, ['sh', '-c', script], own));
    await this.runtime.startContainer(id);
  }

  /** The output of a shell script in a container, which has ended. */
  async output(id: string, script: string, extra: Partial<ContainerConfig> = {}): Promise<string> {
    await this.run(id, script, extra);
    await this.ended(id);
    const log = await readFile(join(this.home, 'logs', `${id}.log`), 'utf8').catch(() => '');
    return log.replaceAll(/^\S+ \S+ \S /gm, '');
  }

  async ended(id: string): Promise<void> {
    await eventually(async () => (await this.runtime.containerStatus(id))?.phase === 'exited');
  }

  /** Runs a command in a running container, and returns its output. */
  async inside(id: string, script: string): Promise<string> {
    return (await this.runtime.execSync(id, ['sh', '-c', script], 20_000)).output;
  }

  /** Lists the files on the host beside the node's data, with their content. */
  host(): string {
    return (
      execFileSync('ls', ['-A', join(this.home, 'host')]).toString() +
      readFileSync(join(this.home, 'host/file'), 'utf8')
    );
  }

  #newRuntime(): ContainerdRuntime {
    return new ContainerdRuntime({
      dataDir: join(this.dataDir, 'runtime'),
      // runc keeps its records by namespace, for all containerds of the machine.
      namespace: `trireme-test-${process.pid}`,
      cgroupRoot: `/trireme-test-${process.pid}`,
      imageIdleMs: 50,
      clock: systemClock(),
      log: silentLogger,
    });
  }
}

/** A pod as the node agent sees it. */
export function podWith(uid: string, volumes: readonly object[], spec: object = {}): Pod {
  const metadata = { name: uid, namespace: 'ns', uid };
  return { metadata, spec: { containers: [{ name: 'c' }], volumes, ...spec } } as never;
}

/**
 * An OCI archive like another, with one layer more.
 * @param fill puts the layer's files into a directory
 */
export function derivedImage(
  work: string,
  base: string,
  options: { readonly reference: string; readonly fill: (root: string) => void },
): string {
  const dir = join(work, `image-${options.reference.replaceAll(/\W/g, '-')}`);
  mkdirSync(join(dir, 'layer'), { recursive: true });
  mkdirSync(join(dir, 'oci'));
  execFileSync('tar', ['-xf', base, '-C', join(dir, 'oci')]);
  options.fill(join(dir, 'layer'));
  const layer = execFileSync('tar', ['-C', join(dir, 'layer'), '-cf', '-', '.'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const put = (data: Buffer): { digest: string; size: number } => {
    const hash = createHash('sha256').update(data).digest('hex');
    writeFileSync(join(dir, 'oci/blobs/sha256', hash), data);
    return { digest: `sha256:${hash}`, size: data.length };
  };
  const read = (digest: string): Record<string, never> =>
    JSON.parse(readFileSync(join(dir, 'oci/blobs', ...digest.split(':')), 'utf8')) as Record<
      string,
      never
    >;
  const index = JSON.parse(readFileSync(join(dir, 'oci/index.json'), 'utf8')) as {
    manifests: { digest: string; size: number; annotations: Record<string, string> }[];
  };
  const [entry] = index.manifests;
  const manifest = read(entry!.digest) as unknown as {
    config: { digest: string; size: number };
    layers: object[];
  };
  const config = read(manifest.config.digest) as unknown as { rootfs: { diff_ids: string[] } };
  const added = put(layer);
  config.rootfs.diff_ids.push(added.digest);
  manifest.layers.push({ ...added, mediaType: 'application/vnd.oci.image.layer.v1.tar' });
  Object.assign(manifest.config, put(Buffer.from(JSON.stringify(config))));
  Object.assign(entry!, put(Buffer.from(JSON.stringify(manifest))));
  entry!.annotations['io.containerd.image.name'] = options.reference;
  writeFileSync(join(dir, 'oci/index.json'), JSON.stringify(index));
  const archive = `${dir}.tar`;
  execFileSync('tar', ['-C', join(dir, 'oci'), '-cf', archive, '.']);
  return archive;
}
