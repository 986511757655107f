import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { SharedRun } from '../../lib/shared-run.js';
import type { RunCommand } from '../spawn.js';
import type { StateStore } from '../state-store.js';
import type { ContainerConfig, ContainerState, RuntimeEvent } from '../types.js';
import { isRuntimeError, RuntimeError } from '../types.js';
import type { CtrEvent, ListedTask } from './commands.js';
import * as commands from './commands.js';
import type { ContainerRecord } from '../container-record.js';
import { containerStateOf } from '../container-record.js';
import type { Ctr } from './ctr.js';
import { shimWasGone } from './ctr.js';
import { consoleEnd, consoleExit, startInteractive } from './interactive.js';
import { readDevices } from './host.js';
import type { HostFacts } from './host.js';
import type { ImageViews } from './image-views.js';
import type { Images, ImageView } from './images.js';
import { mountRootfs, unmountRootfs } from './rootfs.js';
import type { SandboxRecord, Sandboxes } from './sandboxes.js';
import type { SeccompProfiles } from './seccomp.js';
import { buildSpec, withinCapabilities } from './spec.js';
import { checkAccountMounts, killCgroup } from './stuck.js';

/** The dependencies of {@link Containers}. */
export interface ContainersOptions {
  readonly ctr: Ctr;
  readonly run: RunCommand;
  readonly images: Images;
  readonly views: ImageViews;
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
const sweepMs = 300;
const killWaitMs = 10_000;

/** The number of attempts at a start that meets an ending shim. */
const shimTries = 5;

/**
 * States of a task that is left alone. UNKNOWN: its shim took over two seconds to say, as one with many commands
 * does.
 */
const mayRun: ReadonlySet<string> = new Set(['RUNNING', 'PAUSED', 'PAUSING', 'UNKNOWN']);

/** The containers of one containerd: what `ctr` is told, and what is known of each from records and events. */
export class Containers {
  readonly #options: ContainersOptions;
  readonly #exitWaiters = new Map<string, (() => void)[]>();
  readonly #stops = new Map<string, () => void>();
  readonly #ooms = new Set<string>();
  readonly #starting = new Set<string>();
  readonly #leftover = new Set<string>();
  readonly #reconciling = new SharedRun(() => this.#reconcile());
  #sweep: (() => void) | undefined;
  /** Of ended containers: when containerd has forgotten them. */
  readonly #cleaned = new Map<string, Promise<void>>();

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  async create(config: ContainerConfig): Promise<void> {
    const { store, images, sandboxStore } = this.#options;
    if (store.get(config.id) !== undefined) return;
    const sandbox = sandboxStore.get(config.sandboxId);
    if (sandbox === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} does not exist`);
    }
    await checkAccountMounts(config.mounts);
    await images.use(config.image, (view) => this.#prepare(config, sandbox, view));
  }

  async #prepare(config: ContainerConfig, sandbox: SandboxRecord, view: ImageView): Promise<void> {
    const { store, clock, run } = this.#options;
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
    // Noted before the call, so that an exit event that overtakes its answer finds a started container.
    await store.set(id, { ...record, startedAtMs: clock.nowMs() });
    this.#starting.add(id);
    const error = await this.#begin(record.config, dir).finally(() => this.#starting.delete(id));
    if (error !== undefined) {
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

  /** Begins the container; anew when its shim was gone before it could: nothing of it has run then. */
  async #begin(config: ContainerConfig, dir: string): Promise<RuntimeError | undefined> {
    const { ctr, log } = this.#options;
    const interactive = config.stdin || config.tty;
    for (let tries = 1; ; tries++) {
      const error = await (interactive
        ? startInteractive({ ...this.#options, dir, config })
        : this.#startDetached(config, dir));
      if (error === undefined || tries === shimTries || !shimWasGone(error)) return error;
      log.info(
        { container: config.id, reason: error.message },
        'started a container again: the shim of its pod was ending',
      );
      await ctr.attempt(commands.containersRemove(config.id));
    }
  }

  async #startDetached(config: ContainerConfig, dir: string): Promise<RuntimeError | undefined> {
    const { ctr } = this.#options;
    const command = commands.run({
      id: config.id,
      specPath: join(dir, 'spec.json'),
      logUri: this.#logUri(config),
      pidFile: join(dir, 'pid'),
    });
    const result = await ctr.attempt(command);
    const cgroup = this.cgroupOf(config.id);
    if (result.timedOut && cgroup !== undefined) await killCgroup(cgroup);
    return result.code === 0 ? undefined : ctr.errorOf(command, result);
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
    const { store, run } = this.#options;
    const record = store.get(id);
    if (record !== undefined && this.#isRunning(id)) await this.stop(id, { graceMs: 0 });
    if (record === undefined || record.startedAtMs !== undefined) {
      await (this.#cleaned.get(id) ?? this.#removeFromContainerd(id));
    }
    this.#cleaned.delete(id);
    await unmountRootfs(run, this.#dir(id));
    await store.delete(id);
    this.#options.views.scheduleRelease();
  }

  /** The directory of the socket of an interactive container's shim. */
  directoryOf(id: string): string {
    return this.#dir(id);
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
        const { store, log } = this.#options;
        store.set(event.containerId, { ...record, oomKilled: true }).catch((error: unknown) => {
          log.warn(
            { error, container: event.containerId },
            'an out-of-memory kill could not be recorded',
          );
        });
      }
      this.#options.emit({ type: 'oom', containerId: event.containerId });
      return;
    }
    this.#finish(event.containerId, event.exitCode, event.atMs);
  }

  /**
   * Compares what is recorded as running with what runs, after events may have been missed; removes what containerd has
   * and nobody knows. One comparison at a time: removing an ended task tells its exit code, to the one that removes it.
   */
  reconcile(): Promise<void> {
    return this.#reconciling.run();
  }

  async #reconcile(): Promise<void> {
    const { ctr, store, log } = this.#options;
    const running = store
      .values()
      .filter(({ config: { id } }) => this.#isRunning(id) && !this.#starting.has(id));
    const [tasks, ids] = await Promise.all([
      ctr.call(commands.tasksList()).then(commands.parseTasks),
      ctr.call(commands.containersList()).then(commands.parseQuietList),
    ]);
    const byId = new Map(tasks.map((task) => [task.id, task]));
    for (const { config } of running) await this.#compare(config, byId.get(config.id));
    for (const id of ids) {
      const record = store.get(id);
      if (id.startsWith('trireme-') || this.#cleaned.has(id) || this.#starting.has(id)) continue;
      if (this.#leftover.has(id)) continue;
      if (record !== undefined && record.finishedAtMs === undefined) continue;
      // Nobody's, or one whose start went on when the agent that asked for it had died.
      log.warn({ container: id }, 'removing a container that no pod needs');
      await this.#removeFromContainerd(id);
      if (record === undefined) await unmountRootfs(this.#options.run, this.#dir(id));
    }
  }

  /** Finds out how a container ended that is recorded as running and does not run. */
  async #compare(config: ContainerConfig, task: ListedTask | undefined): Promise<void> {
    const { id } = config;
    if (!this.#isRunning(id) || (task !== undefined && mayRun.has(task.status))) return;
    const { ctr, clock, log } = this.#options;
    let code = 255;
    if (task !== undefined) {
      try {
        const removed = await ctr.attemptIfPresent(commands.tasksRemove(id));
        if (removed !== undefined) code = commands.parseRemovedExitCode(removed.stderr);
      } catch (error) {
        // Nobody knows yet; the next comparison asks again.
        log.warn({ container: id, error }, 'how a container ended could not be found out');
        return;
      }
    } else if (config.stdin || config.tty) {
      // `ctr run` takes its task away by itself; the shim above it leaves the exit code a moment later.
      const left = await consoleExit(this.#dir(id));
      if (left === 'unknown') return;
      code = left;
    }
    this.#finish(id, code, clock.nowMs());
  }

  #finish(id: string, exitCode: number, atMs: number): void {
    const record = this.#options.store.get(id);
    if (record === undefined || record.finishedAtMs !== undefined) return;
    const { store, clock, emit, log } = this.#options;
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
    // On a full disk the record is in memory only; a later agent finds out again that the container has ended.
    const saved = store.set(id, finished).catch((error: unknown) => {
      log.warn({ error, container: id }, 'the end of a container could not be recorded');
    });
    const waited = mayBeOom ? delay(clock, oomWaitMs) : Promise.resolve();
    // Deleting the task ends its logger, which then writes what has no newline: only then is the end told.
    const cleaned = saved.then(() => this.#removeFromContainerd(id));
    this.#cleaned.set(id, cleaned);
    Promise.allSettled([waited, cleaned]).then(tell, tell);
    clock.schedule(1000, () => this.#ooms.delete(id));
  }

  async #removeFromContainerd(id: string): Promise<void> {
    const { ctr, log, clock, store } = this.#options;
    const config = store.get(id)?.config;
    try {
      // `ctr run` deletes its task itself when it has read all output, and gives up on output if it cannot.
      if (config?.stdin === true || config?.tty === true) await consoleEnd(clock, this.#dir(id));
      await ctr.callIfPresent(commands.tasksRemove(id));
    } catch (error) {
      log.warn({ container: id, error }, 'an ended task could not be removed from containerd');
    }
    // Their metadata hold nothing: many are removed with one call.
    this.#leftover.add(id);
    this.#sweep ??= clock.schedule(sweepMs, () => {
      this.sweep().catch((error: unknown) =>
        log.warn({ error }, 'metadata of a removed container could not be deleted from containerd'),
      );
    });
  }

  /** Resolves when the ends that were heard of are recorded: whoever reads the records next must not miss one. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#cleaned.values());
  }

  /** Removes the metadata of ended containers from containerd. */
  async sweep(): Promise<void> {
    this.#sweep?.();
    this.#sweep = undefined;
    const ids = [...this.#leftover];
    this.#leftover.clear();
    if (ids.length === 0) return;
    await this.#options.ctr.attempt(commands.containersRemove(...ids));
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
    try {
      const there = await this.#options.ctr.callIfPresent(commands.tasksKill(id, name));
      if (!there) await this.reconcile();
    } catch (error) {
      const cgroup = this.cgroupOf(id);
      const isStuck = isRuntimeError(error, 'DeadlineExceeded') && name === 'SIGKILL';
      if (!isStuck || cgroup === undefined) throw error;
      this.#options.log.warn(
        { container: id },
        'killing the processes of a container whose shim does not answer',
      );
      await killCgroup(cgroup);
    }
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
    view: ImageView,
    rootfs: string,
  ): Promise<unknown> {
    const { host, sandboxes, seccomp } = this.#options;
    const { privileged } = config.security;
    const [seccompProfile, devices, paths] = await Promise.all([
      seccomp.find(config.security),
      readDevices(config.devices ?? [], privileged),
      sandboxes.pathsToJoin(sandbox),
    ]);
    const spec = buildSpec({
      config,
      image: view.process,
      accounts: view.accounts,
      rootfs,
      hostname: sandbox.config.hostname,
      namespaces: sandbox.config.namespaces,
      paths,
      cgroupsPath: `${sandboxes.cgroupOf(sandbox.config)}/${config.id}`,
      sysctls: sandbox.config.sysctls,
      cgroupV2: host.cgroupV2,
      seccompProfile,
      devices,
      mayLowerOomScore: host.mayLowerOomScore,
      shimGroup: config.pod.uid,
    });
    return withinCapabilities(spec, host.capabilities);
  }
}
