import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../spawn.js';
import type { StateStore } from '../state-store.js';
import type { ContainerConfig, ContainerState, RuntimeEvent } from '../types.js';
import { RuntimeError } from '../types.js';
import type { CtrEvent } from './commands.js';
import * as commands from './commands.js';
import type { ContainerRecord } from './container-record.js';
import { containerStateOf } from './container-record.js';
import type { Ctr } from './ctr.js';
import { readDevices } from './host.js';
import type { HostFacts } from './host.js';
import type { Images } from './images.js';
import { mountRootfs, unmountRootfs } from './rootfs.js';
import type { SandboxRecord, Sandboxes } from './sandboxes.js';
import type { SeccompProfiles } from './seccomp.js';
import { buildSpec } from './spec.js';

export interface ContainersOptions {
  readonly ctr: Ctr;
  readonly run: RunCommand;
  readonly images: Images;
  readonly sandboxes: Sandboxes;
  readonly sandboxStore: StateStore<SandboxRecord>;
  readonly store: StateStore<ContainerRecord>;
  readonly seccomp: SeccompProfiles;
  readonly host: HostFacts;
  readonly dir: string;
  readonly shim: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: (event: RuntimeEvent) => void;
}

const oomWaitMs = 150;
const killWaitMs = 10_000;

/** The containers of one containerd: what `ctr` is told, and what is known of each from records and events. */
export class Containers {
  readonly #options: ContainersOptions;
  readonly #exitWaiters = new Map<string, (() => void)[]>();
  readonly #stops = new Map<string, () => void>();
  readonly #ooms = new Set<string>();

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  async create(config: ContainerConfig): Promise<void> {
    const { store, images, sandboxStore, clock, run } = this.#options;
    if (store.get(config.id) !== undefined) return;
    const sandbox = sandboxStore.get(config.sandboxId);
    if (sandbox === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} does not exist`);
    }
    const view = await images.view(config.image);
    const dir = this.#dir(config.id);
    const rootfs = await mountRootfs(run, dir, view.rootfs);
    try {
      const spec = await this.#spec(config, sandbox, view, rootfs);
      await Promise.all([
        writeFile(join(dir, 'spec.json'), JSON.stringify(spec), { mode: 0o600 }),
        mkdir(dirname(config.logPath), { recursive: true, mode: 0o755 }),
        store.set(config.id, {
          config,
          imageId: view.imageId,
          stopSignal: view.process.StopSignal ?? 'SIGTERM',
          createdAtMs: clock.nowMs(),
        }),
      ]);
    } catch (error) {
      await unmountRootfs(run, dir);
      throw error;
    }
  }

  async start(id: string): Promise<ContainerState> {
    const { store, ctr, clock } = this.#options;
    const record = this.#record(id);
    if (record.startedAtMs !== undefined) return containerStateOf(record);
    const dir = this.#dir(id);
    const command = commands.run({
      id,
      specPath: join(dir, 'spec.json'),
      logUri: this.#logUri(record.config),
      pidFile: join(dir, 'pid'),
    });
    // Noted before the call, so that an exit event that overtakes its answer finds a started container.
    await store.set(id, { ...record, startedAtMs: clock.nowMs() });
    const result = await ctr.attempt(command);
    if (result.code !== 0) {
      const error = ctr.errorOf(command, result);
      await ctr.attempt(commands.containersRemove(id));
      const finishedAtMs = clock.nowMs();
      await store.set(id, { ...record, startedAtMs: finishedAtMs, finishedAtMs, exitCode: 128 });
      throw new RuntimeError('StartFailed', `failed to create containerd task: ${error.message}`, {
        retryable: error.retryable,
        cause: error,
      });
    }
    const pid = Number(await readFile(join(dir, 'pid'), 'utf8').catch(() => '0'));
    const now = this.#record(id);
    const started = now.finishedAtMs === undefined && pid > 0 ? { ...now, pid } : now;
    await store.set(id, started);
    return containerStateOf(started);
  }

  async stop(id: string, options: { graceMs: number; signal?: string }): Promise<void> {
    const record = this.#options.store.get(id);
    if (record === undefined || record.startedAtMs === undefined) return;
    if (record.finishedAtMs !== undefined) return;
    this.#stops.get(id)?.();
    let taken = false;
    const abort = new AbortController();
    this.#stops.set(id, () => {
      taken = true;
      abort.abort();
    });
    const exited = this.#exited(id);
    if (options.graceMs > 0) {
      await this.#kill(id, options.signal ?? record.stopSignal);
      await Promise.race([exited, delay(this.#options.clock, options.graceMs, abort.signal)]);
    }
    if (taken) return exited;
    for (let attempt = 0; attempt < 5 && this.#isRunning(id); attempt++) {
      await this.#kill(id, 'SIGKILL');
      await Promise.race([exited, delay(this.#options.clock, killWaitMs, abort.signal)]);
    }
    this.#stops.delete(id);
    abort.abort();
    if (this.#isRunning(id)) {
      throw new RuntimeError('DeadlineExceeded', `container ${id} does not end on SIGKILL`);
    }
  }

  async remove(id: string): Promise<void> {
    const { ctr, store, run } = this.#options;
    const record = store.get(id);
    if (record !== undefined && this.#isRunning(id)) await this.stop(id, { graceMs: 0 });
    if (record === undefined || record.startedAtMs !== undefined) {
      await ctr.callIfPresent(commands.tasksRemove(id));
      await ctr.callIfPresent(commands.containersRemove(id));
    }
    await unmountRootfs(run, this.#dir(id));
    await store.delete(id);
  }

  state(id: string): ContainerState | undefined {
    const record = this.#options.store.get(id);
    return record === undefined ? undefined : containerStateOf(record);
  }

  list(): ContainerState[] {
    return this.#options.store.values().map(containerStateOf);
  }

  /** The cgroup of a container, below a controller's mount point. */
  cgroupOf(id: string): string | undefined {
    const { store, sandboxStore, sandboxes } = this.#options;
    const sandbox = sandboxStore.get(store.get(id)?.config.sandboxId ?? '');
    return sandbox === undefined ? undefined : `${sandboxes.cgroupOf(sandbox.config)}/${id}`;
  }

  onEvent(event: CtrEvent): void {
    if (event.type === 'oom') {
      this.#ooms.add(event.containerId);
      const record = this.#options.store.get(event.containerId);
      if (record?.finishedAtMs !== undefined && record.exitCode === 137) {
        void this.#options.store.set(event.containerId, { ...record, oomKilled: true });
      }
      this.#options.emit({ type: 'oom', containerId: event.containerId });
      return;
    }
    this.#finish(event.containerId, event.exitCode, event.atMs);
  }

  /**
   * Compares what is recorded as running with what runs, after events may have been missed; removes what containerd has
   * and nobody knows.
   */
  async reconcile(): Promise<void> {
    const { ctr, store, clock, log } = this.#options;
    const before = store.values().filter((record) => record.startedAtMs !== undefined);
    const running = before.filter((record) => record.finishedAtMs === undefined);
    const [tasks, ids] = await Promise.all([
      ctr.call(commands.tasksList()).then(commands.parseTasks),
      ctr.call(commands.containersList()).then(commands.parseQuietList),
    ]);
    const byId = new Map(tasks.map((task) => [task.id, task]));
    for (const record of running) {
      const { id } = record.config;
      const task = byId.get(id);
      const starting =
        record.pid === undefined && clock.nowMs() - (record.startedAtMs ?? 0) < 120_000;
      if (
        task?.status === 'RUNNING' ||
        task?.status === 'PAUSED' ||
        (starting && task === undefined)
      ) {
        continue;
      }
      const result = await ctr.attempt(commands.tasksRemove(id));
      const code = task === undefined ? 255 : commands.parseRemovedExitCode(result.stderr);
      if (this.#isRunning(id)) this.#finish(id, code, clock.nowMs());
    }
    for (const id of ids) {
      if (store.get(id) !== undefined || id.startsWith('trireme-')) continue;
      log.warn({ container: id }, 'a container that nobody knows is removed');
      await ctr.attempt(commands.tasksKill(id, 'SIGKILL'));
      await this.remove(id);
    }
  }

  #finish(id: string, exitCode: number, atMs: number): void {
    const record = this.#options.store.get(id);
    if (record === undefined || record.finishedAtMs !== undefined) return;
    const { store, clock, emit } = this.#options;
    const finished = {
      ...record,
      exitCode,
      finishedAtMs: atMs,
      ...(this.#ooms.has(id) ? { oomKilled: true } : {}),
    };
    const tell = (): void => {
      for (const wake of this.#exitWaiters.get(id) ?? []) wake();
      this.#exitWaiters.delete(id);
      emit({ type: 'exited', containerId: id, exitCode, atMs });
    };
    // The word that it was for lack of memory may come after the word of the exit.
    const mayBeOom =
      exitCode === 137 &&
      record.config.resources.memoryLimitBytes !== undefined &&
      !this.#stops.has(id) &&
      !this.#ooms.has(id);
    void store.set(id, finished);
    if (mayBeOom) clock.schedule(oomWaitMs, tell);
    else tell();
    clock.schedule(1000, () => this.#ooms.delete(id));
  }

  #exited(id: string): Promise<void> {
    if (!this.#isRunning(id)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#exitWaiters.set(id, [...(this.#exitWaiters.get(id) ?? []), resolve]);
    });
  }

  #isRunning(id: string): boolean {
    const record = this.#options.store.get(id);
    return record?.startedAtMs !== undefined && record.finishedAtMs === undefined;
  }

  async #kill(id: string, signal: string): Promise<void> {
    const name = /^\d+$/.test(signal) || signal.startsWith('SIG') ? signal : `SIG${signal}`;
    const there = await this.#options.ctr.callIfPresent(commands.tasksKill(id, name));
    if (!there) await this.reconcile();
  }

  #record(id: string): ContainerRecord {
    const record = this.#options.store.get(id);
    if (record === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return record;
  }

  #dir(id: string): string {
    return join(this.#options.dir, id);
  }

  #logUri(config: ContainerConfig): string {
    const query = new URLSearchParams({ path: config.logPath, max: String(config.logMaxBytes) });
    return `binary://${this.#options.shim}?${query.toString()}`;
  }

  async #spec(
    config: ContainerConfig,
    sandbox: SandboxRecord,
    view: Awaited<ReturnType<Images['view']>>,
    rootfs: string,
  ): Promise<unknown> {
    const { host, sandboxes, seccomp } = this.#options;
    const { privileged } = config.security;
    const [seccompProfile, devices] = await Promise.all([
      seccomp.find(config.security),
      readDevices(config.devices ?? [], privileged),
    ]);
    const spec = buildSpec({
      config,
      image: view.process,
      accounts: view.accounts,
      rootfs,
      hostname: sandbox.config.hostname,
      namespaces: sandbox.config.namespaces,
      paths: sandboxes.paths(sandbox),
      cgroupsPath: `${sandboxes.cgroupOf(sandbox.config)}/${config.id}`,
      sysctls: sandbox.config.sysctls,
      cgroupV2: host.cgroupV2,
      seccompProfile,
      devices,
      mayLowerOomScore: host.mayLowerOomScore,
      shimGroup: config.pod.uid,
    });
    const held = (names: readonly string[]): string[] =>
      names.filter((name) => host.capabilities.has(name));
    const { capabilities } = spec.process;
    return {
      ...spec,
      process: {
        ...spec.process,
        capabilities: {
          bounding: held(capabilities.bounding),
          effective: held(capabilities.effective),
          permitted: held(capabilities.permitted),
          inheritable: [],
          ambient: [],
        },
      },
    };
  }
}
