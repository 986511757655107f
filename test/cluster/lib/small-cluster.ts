/**
 * A master and a worker of the process runtime, on ports of their own: pods that really run, without networks of the
 * machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, systemClock } from '../../../src/lib/clock.js';

const clock = systemClock();
const startMsMax = 40_000;

/** How a small cluster differs from the usual one. */
export interface SmallClusterOptions {
  /** What every program is started with, for example to enter a network namespace. */
  readonly inside?: readonly string[];
  /** The address of master and worker. */
  readonly address?: string;
  /** Of the worker, in place of those for plain processes without a network. */
  readonly workerFlags?: readonly string[];
}

/** The cluster; it ends with the test that started it. */
export class SmallCluster {
  readonly kubeconfig: string;
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];
  readonly #options: SmallClusterOptions;
  #workerArguments: readonly string[] = [];

  private constructor(directory: string, options: SmallClusterOptions) {
    this.#directory = directory;
    this.#options = options;
    this.kubeconfig = join(directory, 'master', 'admin.kubeconfig');
  }

  /** @param basePort the first of ten ports: of master and worker, in the order in which they are given here */
  static async start(basePort: number, options: SmallClusterOptions = {}): Promise<SmallCluster> {
    const cluster = new SmallCluster(mkdtempSync(join(tmpdir(), 'trireme-small-')), options);
    try {
      await cluster.#start(basePort);
      return cluster;
    } catch (error) {
      const logs = ['master', 'worker'].map((name) => cluster.log(name)).join('\n');
      await cluster.stop();
      throw new Error(`the cluster did not start:\n${logs}`, { cause: error });
    }
  }

  async #start(basePort: number): Promise<void> {
    const [rest, grpc, client, peer, agent, dns, scheduler, controllers, proxy, health] =
      Array.from({ length: 10 }, (_, n) => basePort + n);
    const { address = '127.0.0.1' } = this.#options;
    const plain = ['--runtime=process', '--netproxy-mode=none', `--dns-port=${dns}`];
    this.#spawn('master', [
      '--name=m1',
      `--data-dir=${join(this.#directory, 'master')}`,
      `--address=${address}`,
      `--rest-port=${rest}`,
      `--grpc-port=${grpc}`,
      `--etcd-client-port=${client}`,
      `--etcd-peer-port=${peer}`,
      `--scheduler-port=${scheduler}`,
      `--controller-manager-port=${controllers}`,
    ]);
    await this.#until(() => this.#run('kubectl', ['get', 'namespace', 'default']).code === 0);
    const made = this.#run(process.execPath, ['bin/trireme', 'token', 'create']).out;
    const field = (name: string): string =>
      new RegExp(`^${name}: *(\\S+)`, 'm').exec(made)?.[1] ?? '';
    this.#workerArguments = [
      '--node-name=worker-1',
      `--data-dir=${join(this.#directory, 'worker')}`,
      `--node-ip=${address}`,
      ...(this.#options.workerFlags ?? plain),
      '--proxy-in-process',
      `--agent-port=${agent}`,
      `--netproxy-metrics-bind-address=127.0.0.1:${proxy}`,
      `--netproxy-healthz-bind-address=127.0.0.1:${health}`,
      '--ingress-http-port=0',
      '--ingress-https-port=0',
      `--join=${address}:${grpc}`,
      `--token=${field('token')}`,
      `--ca-hash=${field('ca-hash')}`,
    ];
    await this.startWorker();
  }

  /** Starts the worker, also again after {@link killWorker}. Resolves when its node is Ready. */
  async startWorker(): Promise<void> {
    this.#spawn('worker', this.#workerArguments);
    const ready = ['wait', 'node/worker-1', '--for=condition=Ready', '--timeout=1s'];
    await this.#until(() => this.#run('kubectl', ready).code === 0);
  }

  /** Ends the worker at once; its pods go on. */
  async killWorker(): Promise<void> {
    const child = this.#children.pop();
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  /** Runs `kubectl`, with this cluster's configuration. */
  kubectl(args: readonly string[], input?: string): { code: number; out: string; err: string } {
    return this.#run('kubectl', args, input);
  }

  #spawn(role: string, flags: readonly string[]): void {
    const log = openSync(join(this.#directory, `${role}.log`), 'a');
    const { inside = [] } = this.#options;
    const [program = '', ...args] = [...inside, process.execPath, 'bin/trireme', role, ...flags];
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      // Jest's own options are not for them.
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#children.push(child);
  }

  #run(
    program: string,
    args: readonly string[],
    input?: string,
  ): { code: number; out: string; err: string } {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig, NODE_OPTIONS: '' };
    const [first = '', ...rest] = [...(this.#options.inside ?? []), program, ...args];
    const run = spawnSync(first, rest, {
      env,
      encoding: 'utf8',
      timeout: 30_000,
      ...(input === undefined ? {} : { input }),
    });
    return { code: run.status ?? 1, out: run.stdout, err: run.stderr };
  }

  async #until(holds: () => boolean): Promise<void> {
    const endMs = clock.monotonicMs() + startMsMax;
    while (!holds()) {
      if (clock.monotonicMs() > endMs) throw new Error(`not so within ${startMsMax} ms`);
      await delay(clock, 200);
    }
  }

  /** The end of the log of `master` or `worker`. */
  log(name: string): string {
    try {
      return readFileSync(join(this.#directory, `${name}.log`), 'utf8').slice(-2000);
    } catch {
      return '';
    }
  }

  /** Ends the worker first, which would start pods again. Its pods outlive it, as on a real node: they are killed. */
  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const cancel = clock.schedule(10_000, () => child.kill('SIGKILL'));
      child.kill('SIGTERM');
      await ended;
      cancel();
    }
    this.#killPods();
    // Left for the next start of the worker, which does not come.
    spawnSync('umount', ['-l', join(this.#directory, 'worker', 'memory-volumes')]);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #killPods(): void {
    const containers = join(this.#directory, 'worker', 'runtime', 'containers');
    const ids = existsSync(containers) ? readdirSync(containers) : [];
    for (const id of ids) {
      const file = join(containers, id, 'pid');
      const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : 0;
      for (const target of pid > 1 ? [-pid, pid] : []) {
        try {
          process.kill(target, 'SIGKILL');
        } catch {
          // It has ended, or leads no group.
        }
      }
    }
  }
}
