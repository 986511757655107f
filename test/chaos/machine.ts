/**
 * Two machines on this one: a master's network namespace, and a worker with mounts, network and processes of its own,
 * whose disk is a file. The worker can be rebooted: all its processes end at once, and either its mounts and its
 * network stay, or only its disk does.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { delay, systemClock } from '../../src/lib/clock.js';

const clock = systemClock();
const startMsMax = 180_000;
const addresses = { master: '10.231.31.1', worker: '10.231.31.2' } as const;
const joinPort = 26_443;

/** A process of the worker that can be ended and started apart from the others. */
export type Component = 'worker' | 'netproxy';

/** What a reboot leaves: everything but processes, or the disk alone. */
export type Reboot = 'processes' | 'all but the disk';

/** @returns the text that a program printed, whatever its exit code */
function read(program: string, args: readonly string[]): string {
  return spawnSync(program, [...args], { encoding: 'utf8', timeout: 60_000 }).stdout;
}

export class Machines {
  readonly dir = mkdtempSync('/tmp/trireme-chaos-');
  readonly #netns = { master: `tcm${process.pid}`, worker: `tcw${process.pid}` };
  readonly #components = new Map<Component, ChildProcess>();
  #master: ChildProcess | undefined;
  /** Holds the worker's mounts and network. */
  #holder: ChildProcess | undefined;
  /** Holds its processes: the first of their namespace. */
  #init: ChildProcess | undefined;
  #joinFlags: readonly string[] = [];
  readonly #evictionFlags: readonly string[];

  /** @param evictionHard below which pods are evicted, as the worker's flag */
  constructor(evictionHard = 'nodefs.available<1%,imagefs.available<1%') {
    this.#evictionFlags = [
      `--eviction-hard=${evictionHard}`,
      '--eviction-pressure-transition-period=5s',
    ];
  }

  /** The worker's disk, as everybody sees it by the worker's name for it. */
  get disk(): string {
    return join(this.dir, 'disk');
  }

  get dataDir(): string {
    return join(this.disk, 'worker');
  }

  /** A directory that pods may write to, and that no fault touches. */
  get notes(): string {
    return join(this.dir, 'notes');
  }

  async start(): Promise<void> {
    for (const name of ['disk', 'notes']) mkdirSync(join(this.dir, name));
    const image = join(this.dir, 'disk.img');
    execFileSync('truncate', ['--size=700M', image]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', image]);
    this.#link();
    await this.boot();
    await this.#startMaster();
    for (const component of ['netproxy', 'worker'] as const) this.launch(component);
    await this.untilReady();
  }

  /** Runs a program of the machine in the worker. @returns what it printed */
  inWorker(...args: readonly string[]): string {
    return read('nsenter', [...this.#inside(), ...args]);
  }

  kubectl(args: readonly string[], input?: string): { code: number; out: string; err: string } {
    const run = spawnSync(
      'nsenter',
      [`--net=/run/netns/${this.#netns.master}`, 'kubectl', '--request-timeout=10s', ...args],
      {
        env: { ...process.env, KUBECONFIG: join(this.dir, 'master', 'admin.kubeconfig') },
        encoding: 'utf8',
        timeout: 30_000,
        ...(input === undefined ? {} : { input }),
      },
    );
    return { code: run.status ?? 1, out: run.stdout, err: run.stderr };
  }

  /** The processes of the worker but for its first, by the numbers that they have there, with their words. */
  processes(): Map<number, string> {
    const script = 'for p in /proc/[0-9]*; do echo "${p#/proc/} $(tr "\\0" " " <$p/cmdline)"; done';
    const found = new Map<number, string>();
    for (const line of this.inWorker('sh', '-c', script).split('\n')) {
      const [pid = '', ...words] = line.split(' ');
      const text = words.join(' ').trim();
      // Kernel's and ended ones have no words; those that list are no part of it.
      if (pid === '' || pid === '1' || text === '' || text === 'sleep 1') continue;
      if (text.startsWith('sh -c for p')) continue;
      found.set(Number(pid), text);
    }
    return found;
  }

  kill(pids: Iterable<number>, signal: NodeJS.Signals): void {
    const all = [...pids].map(String);
    if (all.length > 0) this.inWorker('kill', `-${signal.replace('SIG', '')}`, ...all);
  }

  isUp(component: Component): boolean {
    const child = this.#components.get(component);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** The number of a component's process in the worker. */
  pidOf(component: Component): number | undefined {
    const start = `trireme ${component} `;
    for (const [pid, words] of this.processes()) {
      if (words.includes(start) && words.includes(process.execPath)) return pid;
    }
    return undefined;
  }

  async end(component: Component, signal: NodeJS.Signals): Promise<void> {
    const child = this.#components.get(component);
    if (child === undefined || !this.isUp(component)) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const pid = this.pidOf(component);
    if (pid === undefined) child.kill('SIGKILL');
    else this.kill([pid], signal);
    const cancel = clock.schedule(20_000, () => child.kill('SIGKILL'));
    await ended;
    cancel();
  }

  launch(component: Component): void {
    if (this.isUp(component)) return;
    const args = [
      ...this.#inside(),
      process.execPath,
      join(process.cwd(), 'bin', 'trireme'),
      component,
      '--node-name=worker-1',
      `--data-dir=${this.dataDir}`,
      `--node-ip=${addresses.worker}`,
      `--images-dir=${join(process.cwd(), 'dist', 'images')}`,
      '--lease-renew-ms=1000',
      '--runtime=containerd',
      // The disk is small, and full for seconds only.
      ...(component === 'worker' ? this.#evictionFlags : []),
      ...this.#joinFlags,
    ];
    const log = openSync(join(this.dir, `${component}.log`), 'a');
    const env = { ...process.env, NODE_OPTIONS: '' };
    this.#components.set(component, spawn('nsenter', args, { stdio: ['ignore', log, log], env }));
  }

  async untilReady(): Promise<void> {
    const ready = ['wait', 'node/worker-1', '--for=condition=Ready', '--timeout=1s'];
    await until('the node is Ready', () => this.kubectl(ready).code === 0, startMsMax);
  }

  /** Takes the cable between the two out, or puts it back. */
  setLink(state: 'up' | 'down'): void {
    execFileSync('ip', ['-n', this.#netns.master, 'link', 'set', 'uplink', state]);
  }

  /** Ends all processes of the worker at once; its components are not started again. */
  async reboot(kind: Reboot): Promise<void> {
    await this.#endInit();
    if (kind !== 'processes') {
      await endChild(this.#holder);
      // Its interfaces go with its network; the other end of the cable with them.
      execFileSync('ip', ['netns', 'delete', this.#netns.worker]);
      this.#holder = undefined;
      await until('the link is gone', () => !this.#hasLink(), startMsMax);
      this.#link();
      this.#removeCgroups();
    }
    await this.boot();
  }

  /** The log's last lines. */
  log(name: 'master' | Component): string {
    const file = join(this.dir, `${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-6000) : '';
  }

  async stop(): Promise<void> {
    this.setLink('up');
    await this.#endInit();
    await endChild(this.#holder);
    await endChild(this.#master);
    this.#removeCgroups();
    for (const name of Object.values(this.#netns)) read('ip', ['netns', 'delete', name]);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Makes the worker's namespaces where it has none, and its first process. */
  async boot(): Promise<void> {
    if (this.#holder === undefined) {
      this.#addCgroups();
      const up = [
        'mount --make-rprivate /',
        'mount -t tmpfs tmpfs /run',
        // A part of each tree of cgroups is all that the worker sees.
        'mkdir /run/part',
        `for c in ${this.#cgroups().map(dirname).join(' ')}; do
          mount --bind $c/$0 /run/part && umount -l $c && mount --move /run/part $c; done`,
        'rmdir /run/part',
        `mount -o loop ${join(this.dir, 'disk.img')} ${this.disk}`,
        'echo up',
        'exec sleep infinity',
      ].join(' && ');
      const enter = [`--net=/run/netns/${this.#netns.worker}`, 'unshare', '--mount'];
      this.#holder = spawn('nsenter', [...enter, 'sh', '-c', up, this.#netns.worker], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await firstLine(this.#holder);
    }
    const pid = String(this.#holder.pid);
    // The first process takes over those whose parents end, as every machine's does.
    const first =
      'umount /proc; mount -t proc proc /proc; echo up; while :; do sleep 1 & wait; done';
    this.#init = spawn(
      'nsenter',
      ['-t', pid, '-m', '-n', 'unshare', '--pid', '--fork', '--kill-child', 'sh', '-c', first],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await firstLine(this.#init);
  }

  #inside(): string[] {
    const init = this.#init?.pid ?? 0;
    const child = readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim();
    return ['-t', child.split(' ')[0] ?? '', '-m', '-n', '-p'];
  }

  async #endInit(): Promise<void> {
    await endChild(this.#init);
    this.#init = undefined;
    for (const child of this.#components.values()) await endChild(child);
  }

  #link(): void {
    const { master, worker } = this.#netns;
    const ip = (...args: readonly string[]): string => read('ip', args);
    ip('netns', 'add', master);
    ip('netns', 'add', worker);
    ip('-n', master, 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'uplink', 'netns', worker);
    for (const [name, address, other] of [
      [master, addresses.master, addresses.worker],
      [worker, addresses.worker, addresses.master],
    ] as const) {
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'uplink');
      ip('-n', name, 'link', 'set', 'uplink', 'up');
      ip('-n', name, 'route', 'add', 'default', 'via', other);
    }
  }

  #hasLink(): boolean {
    return read('ip', ['-n', this.#netns.master, '-o', 'link']).includes('uplink');
  }

  #cgroups(): string[] {
    const root = '/sys/fs/cgroup';
    const trees = readdirSync(root).filter((name) => existsSync(join(root, name, 'cgroup.procs')));
    return trees.map((name) => join(root, name, this.#netns.worker));
  }

  #addCgroups(): void {
    for (const folder of this.#cgroups()) {
      mkdirSync(folder, { recursive: true });
      for (const name of ['cpuset.cpus', 'cpuset.mems']) {
        const above = join(dirname(folder), name);
        if (existsSync(above)) writeFileSync(join(folder, name), readFileSync(above));
      }
    }
  }

  /** A machine that is switched off keeps none. */
  #removeCgroups(): void {
    for (const folder of this.#cgroups()) {
      read('find', [folder, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
    }
  }

  async #startMaster(): Promise<void> {
    const log = openSync(join(this.dir, 'master.log'), 'a');
    const inside = [`--net=/run/netns/${this.#netns.master}`, process.execPath, 'bin/trireme'];
    const flags = [
      '--name=m1',
      `--data-dir=${join(this.dir, 'master')}`,
      `--address=${addresses.master}`,
      `--grpc-port=${joinPort}`,
    ];
    this.#master = spawn('nsenter', [...inside, 'master', ...flags], {
      stdio: ['ignore', log, log],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await until(
      'the master answers',
      () => this.kubectl(['get', 'namespace', 'default']).code === 0,
      startMsMax,
    );
    const made = spawnSync('nsenter', [...inside, 'token', 'create'], {
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        KUBECONFIG: join(this.dir, 'master', 'admin.kubeconfig'),
      },
    });
    const field = (name: string): string =>
      new RegExp(`^${name}: *(\\S+)`, 'm').exec(made.stdout)?.[1] ?? '';
    this.#joinFlags = [
      `--join=${addresses.master}:${joinPort}`,
      `--token=${field('token')}`,
      `--ca-hash=${field('ca-hash')}`,
    ];
  }
}

/** Waits for a condition, or fails when it does not come in time. */
export async function until(what: string, holds: () => boolean, msMax: number): Promise<void> {
  const endMs = clock.monotonicMs() + msMax;
  while (!holds()) {
    if (clock.monotonicMs() > endMs) throw new Error(`${what}: not within ${msMax} ms`);
    await delay(clock, 300);
  }
}

function firstLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

async function endChild(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await ended;
}
