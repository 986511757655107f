/**
 * A containerd of the machine's own package with its CRI plugin on, apart from every other: own directories, socket,
 * bridge and pod addresses.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { delay, systemClock } from '../../../src/lib/clock.js';
import { silentLogger } from '../../../src/lib/log.js';
import { CriClient } from '../../../src/runtime/cri/client.js';
import { mountsBelow } from '../../../src/runtime/mounts.js';
import { canRunContainers } from './containerd-programs.js';

const clock = systemClock();
const startMsMax = 20_000;

/** True where it can be started. */
export const canRunCri =
  canRunContainers &&
  ['bridge', 'host-local', 'portmap'].every((plugin) => existsSync(`/usr/lib/cni/${plugin}`));

export class CriContainerd {
  readonly dir: string;
  readonly bridge: string | undefined;
  readonly #inside: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(dir: string, bridge: string | undefined, inside: readonly string[]) {
    this.dir = dir;
    this.bridge = bridge;
    this.#inside = inside;
  }

  get socket(): string {
    return join(this.dir, 'c.sock');
  }

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  get cniDir(): string {
    return join(this.dir, 'cni');
  }

  /**
   * @param network the bridge and the range of its pods; undefined: somebody else writes the configuration
   * @param inside what it is started with, for example to enter a network namespace
   */
  static async start(
    network?: { readonly bridge: string; readonly subnet: string },
    inside: readonly string[] = [],
  ): Promise<CriContainerd> {
    const one = new CriContainerd(await mkdtemp('/tmp/trireme-cri-'), network?.bridge, inside);
    await mkdir(one.cniDir);
    if (network !== undefined) await one.#writeNetwork(network);
    await one.launch();
    const archives = execFileSync('scripts/images/build', ['pause', 'busybox']).toString();
    for (const archive of archives.trim().split('\n')) one.ctr('images', 'import', archive);
    return one;
  }

  ctr(...args: readonly string[]): string {
    return execFileSync('ctr', ['--address', this.socket, '-n', 'k8s.io', ...args]).toString();
  }

  /** The first process of the only sandbox, as the node sees it. */
  sandboxPid(): number {
    const [sandbox = ''] =
      this.ctr('containers', 'list').match(/^\S+(?= +registry.local\/pause)/m) ?? [];
    const tasks = this.ctr('tasks', 'list');
    return Number(new RegExp(`^${sandbox} +(\\d+)`, 'm').exec(tasks)?.[1]);
  }

  /** Starts the daemon, also again after {@link kill}. */
  async launch(): Promise<void> {
    const path = join(this.dir, 'config.toml');
    await writeFile(path, this.#config());
    const log = openSync(join(this.dir, 'containerd.log'), 'a');
    const [first, ...rest] = [...this.#inside, 'containerd', '--config', path];
    this.#child = spawn(first ?? '', rest, { stdio: ['ignore', log, log] });
    const endMs = clock.monotonicMs() + startMsMax;
    while (!(await this.#answers())) {
      if (clock.monotonicMs() > endMs) throw new Error('containerd does not answer');
      await delay(clock, 20);
    }
  }

  /** Ends the daemon alone: what it runs goes on. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await ended;
  }

  /** Ends what is left in it, then the daemon, and takes away all that it made. */
  async stop(): Promise<void> {
    await this.#removeSandboxes();
    await this.kill('SIGTERM');
    for (const point of (await mountsBelow(this.dir)).toReversed()) {
      execFileSync('umount', ['--lazy', point]);
    }
    if (this.bridge !== undefined) {
      try {
        execFileSync('ip', ['link', 'delete', this.bridge], { stdio: 'ignore' });
      } catch {
        // No pod had a network.
      }
    }
    await rm(this.dir, { recursive: true, force: true });
  }

  /** With their containers, network namespaces and addresses. */
  async #removeSandboxes(): Promise<void> {
    const client = new CriClient({ endpoint: this.endpoint, clock, log: silentLogger });
    const { items } = await client.runtime.listPodSandbox({ filter: undefined });
    for (const { id: podSandboxId } of items) {
      await client.runtime.stopPodSandbox({ podSandboxId });
      await client.runtime.removePodSandbox({ podSandboxId });
    }
    client.close();
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.socket);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }

  async #writeNetwork({ bridge, subnet }: { bridge: string; subnet: string }): Promise<void> {
    const ipam = {
      type: 'host-local',
      dataDir: join(this.dir, 'leases'),
      ranges: [[{ subnet }]],
      routes: [{ dst: '0.0.0.0/0' }],
    };
    const plugins = [{ type: 'bridge', bridge, isGateway: true, ipam }];
    const list = { cniVersion: '0.4.0', name: `test-${bridge}`, plugins };
    await writeFile(join(this.cniDir, '10-test.conflist'), JSON.stringify(list));
  }

  #config(): string {
    const text = JSON.stringify;
    return `version = 2
root = ${text(join(this.dir, 'root'))}
state = ${text(join(this.dir, 'state'))}
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
address = ${text(this.socket)}
[ttrpc]
address = ${text(`${this.socket}.ttrpc`)}
[plugins."io.containerd.internal.v1.opt"]
path = ${text(join(this.dir, 'opt'))}
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.local/pause:1"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = ${text(this.cniDir)}
`;
  }
}
