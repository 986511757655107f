import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, dirname } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { attachToConsole } from '../console-session.js';
import { containerStateOf } from '../container-record.js';
import { spawnSession } from '../exec-session.js';
import { relaySession } from '../relay-session.js';
import { parseExitCode, parsePid } from '../exit-code.js';
import { attachToLog } from '../log-attach.js';
import { commandOf, workingDirOf } from '../process-config.js';
import { installShim, shimPath } from '../shim/install.js';
import type { RunCommand } from '../spawn.js';
import { createCommandRunner } from '../spawn.js';
import { StateStore } from '../state-store.js';
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerState,
  ContainerStats,
  ExecOptions,
  ExecOutput,
  ExecSession,
  ImageInfo,
  RuntimeEvent,
  SandboxConfig,
  SandboxState,
} from '../types.js';
import { RuntimeError } from '../types.js';
import { commandLine, execLine, shimFiles } from './command-line.js';
import { imageIdOfRecord, ProcessImages } from './images.js';
import type { ProcessRecord } from './posix.js';
import { environment, exists, isRunning, settle, signalContainer } from './posix.js';
import { readProcessStats } from './process-stats.js';

/** The settings of {@link ProcessRuntime}. */
export interface ProcessOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const pollMs = 500;
const startTimeoutMs = 30_000;

/**
 * {@link ContainerRuntime} with plain processes, for where there is no root or no containerd. Files and processes are
 * kept apart as far as an unprivileged user may (own root directory, own process group); network, limits, users,
 * capabilities and seccomp are not, and the log says so at the start.
 */
export class ProcessRuntime implements ContainerRuntime {
  readonly name = 'process';
  readonly version = 'process://1';
  readonly isolatesNetwork = false;
  readonly #options: ProcessOptions;
  readonly #run: RunCommand;
  readonly #images: ProcessImages;
  readonly #sandboxes: StateStore<SandboxState>;
  readonly #containers: StateStore<ProcessRecord>;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #isRoot = process.getuid?.() === 0;
  #cancelPoll: (() => void) | undefined;
  #stopped = false;

  constructor(options: ProcessOptions) {
    const { dataDir, clock } = options;
    this.#options = options;
    this.#run = createCommandRunner({ clock });
    this.#images = new ProcessImages({ dir: join(dataDir, 'images'), run: this.#run });
    this.#sandboxes = new StateStore(join(dataDir, 'sandboxes'));
    this.#containers = new StateStore(join(dataDir, 'records'));
  }

  get #shim(): string {
    return shimPath(this.#options.dataDir);
  }

  async start(): Promise<void> {
    await installShim(this.#options.dataDir);
    await Promise.all([this.#images.load(), this.#sandboxes.load(), this.#containers.load()]);
    await this.#collect();
    for (const record of this.#containers.values()) if (isRunning(record)) this.#watch(record);
    this.#poll();
    this.#options.log.warn(
      { root: this.#isRoot },
      'pods run as plain processes: no network, limits or users of their own',
    );
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPoll?.();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#listeners.clear();
    return Promise.resolve();
  }

  health(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async list(): Promise<{ sandboxes: SandboxState[]; containers: ContainerState[] }> {
    await this.#collect();
    return {
      sandboxes: this.#sandboxes.values(),
      containers: this.#containers.values().map(containerStateOf),
    };
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxState> {
    const old = this.#sandboxes.get(config.id);
    if (old !== undefined) return old;
    const createdAtMs = this.#options.clock.nowMs();
    const state = { id: config.id, pod: config.pod, createdAtMs };
    await this.#sandboxes.set(config.id, state);
    return state;
  }

  async removeSandbox(id: string): Promise<void> {
    const inside = this.#containers.values().filter(({ config }) => config.sandboxId === id);
    await Promise.all(inside.map(({ config }) => this.removeContainer(config.id)));
    await this.#sandboxes.delete(id);
  }

  imageStatus(reference: string): Promise<ImageInfo | undefined> {
    return settle(() => this.#images.find(reference));
  }

  pullImage(reference: string): Promise<ImageInfo> {
    return settle(() => this.#images.pull(reference));
  }

  importImages(archivePath: string): Promise<string[]> {
    return this.#images.import(archivePath);
  }

  listImages(): Promise<ImageInfo[]> {
    return settle(() => this.#images.list());
  }

  removeImage(reference: string): Promise<void> {
    return this.#images.remove(reference);
  }

  async createContainer(config: ContainerConfig): Promise<void> {
    if (this.#containers.get(config.id) !== undefined) return;
    if (this.#sandboxes.get(config.sandboxId) === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} does not exist`);
    }
    const image = this.#images.find(config.image);
    if (image === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${config.image}" not found`);
    }
    commandOf(config, image.process);
    if ((config.devices ?? []).length > 0 || (config.cdiDevices ?? []).length > 0) {
      throw new RuntimeError('InvalidConfig', 'plain processes have all devices of the node');
    }
    const dir = this.#dir(config.id);
    await mkdir(dir, { recursive: true });
    await mkdir(dirname(config.logPath), { recursive: true });
    const root = image.rootfs === undefined ? undefined : join(dir, 'rootfs');
    if (root !== undefined && image.rootfs !== undefined) {
      const copy = ['-a', '--reflink=auto', image.rootfs, root];
      const result = await this.#run('cp', copy, { timeoutMs: 120_000 });
      if (result.code !== 0) throw new RuntimeError('CreateFailed', result.stderr.trim());
    }
    await this.#containers.set(config.id, {
      config,
      imageId: imageIdOfRecord(image),
      process: image.process,
      stopSignal: image.process.StopSignal ?? 'SIGTERM',
      createdAtMs: this.#options.clock.nowMs(),
      ...(root === undefined ? {} : { root }),
    });
  }

  async startContainer(id: string): Promise<ContainerState> {
    const record = this.#record(id);
    if (record.startedAtMs !== undefined) return containerStateOf(record);
    const { config, root } = record;
    const image = record.process;
    const dir = this.#dir(id);
    const args = commandLine({
      config,
      command: commandOf(config, image),
      root,
      workingDir: workingDirOf(config, image),
      shim: this.#shim,
      isRoot: this.#isRoot,
      dir,
    });
    const started = { ...record, startedAtMs: this.#options.clock.nowMs() };
    await this.#containers.set(id, started);
    this.#watch(started);
    const child = spawn(this.#shim, args, {
      detached: true,
      stdio: 'ignore',
      cwd: dir,
      env: environment(config, image),
    });
    const failed = new Promise<RuntimeError>((resolve) => {
      child.on('error', (cause) => resolve(new RuntimeError('StartFailed', String(cause))));
    });
    child.unref();
    const error = await Promise.race([failed, this.#whenPid(dir)]);
    if (error !== undefined) {
      await this.#finish(id, 128);
      throw error;
    }
    const pid = parsePid(await readFile(shimFiles(dir).pid, 'utf8'));
    const now = this.#record(id);
    const running = now.finishedAtMs === undefined && pid !== undefined ? { ...now, pid } : now;
    await this.#containers.set(id, running);
    return containerStateOf(running);
  }

  writableLayer(): undefined {
    return undefined;
  }

  updateContainer(): Promise<void> {
    return Promise.reject(new RuntimeError('Unsupported', 'plain processes have no limits'));
  }

  async stopContainer(
    id: string,
    options: { readonly graceMs: number; readonly signal?: string },
  ): Promise<void> {
    const record = this.#containers.get(id);
    if (record === undefined || !isRunning(record) || record.pid === undefined) return;
    const abort = new AbortController();
    const exited = this.#exited(id).then(() => abort.abort());
    if (options.graceMs > 0) {
      signalContainer(record.pid, options.signal ?? record.stopSignal);
      await delay(this.#options.clock, options.graceMs, abort.signal);
    }
    while (isRunning(this.#containers.get(id))) {
      signalContainer(record.pid, 'SIGKILL');
      await Promise.race([exited, delay(this.#options.clock, pollMs)]);
    }
  }

  async removeContainer(id: string): Promise<void> {
    if (isRunning(this.#containers.get(id))) await this.stopContainer(id, { graceMs: 0 });
    this.#watchers.get(id)?.close();
    this.#watchers.delete(id);
    await rm(this.#dir(id), { recursive: true, force: true });
    await this.#containers.delete(id);
  }

  containerStatus(id: string): Promise<ContainerState | undefined> {
    const record = this.#containers.get(id);
    return Promise.resolve(record === undefined ? undefined : containerStateOf(record));
  }

  async execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    const [program = '', ...args] = this.#execLine(id, command);
    const record = this.#record(id);
    const { code, stdout, timedOut } = await this.#run(program, args, {
      timeoutMs,
      maxBytes: 64 * 1024,
      merge: true,
      lane: 'guest',
      env: environment(record.config, record.process),
    });
    return { exitCode: code, output: stdout, timedOut };
  }

  exec(id: string, options: ExecOptions, output: ExecOutput): Promise<ExecSession> {
    return settle(() => {
      const line = this.#execLine(id, options.command);
      const { config, process } = this.#record(id);
      const [program = '', ...args] = options.tty ? [this.#shim, 'pty', 'cooked', ...line] : line;
      const env = environment(config, process);
      const { stdin, tty } = options;
      const { clock } = this.#options;
      return spawnSession({ program, args, stdin, sizes: tty, env, clock }, output);
    });
  }

  async attach(
    id: string,
    options: { readonly stdin: boolean },
    output: ExecOutput,
  ): Promise<ExecSession> {
    const record = this.#mustRun(id);
    if (record.config.stdin || record.config.tty) {
      return attachToConsole(this.#dir(id), options, output);
    }
    const { clock } = this.#options;
    return attachToLog({
      state: containerStateOf(record),
      output,
      clock,
      exitCode: () => {
        const now = this.#containers.get(id);
        return isRunning(now) ? undefined : (now?.exitCode ?? 0);
      },
    });
  }

  connect(sandboxId: string, port: number, output: ExecOutput): Promise<ExecSession> {
    return settle(() => {
      if (this.#sandboxes.get(sandboxId) === undefined) {
        throw new RuntimeError('NotFound', `sandbox ${sandboxId} does not exist`);
      }
      const args = ['relay', '127.0.0.1', String(port)];
      const { clock } = this.#options;
      return relaySession({ program: this.#shim, args, clock }, output);
    });
  }

  async stats(): Promise<ContainerStats[]> {
    const atMs = this.#options.clock.nowMs();
    const running = this.#containers.values().filter(isRunning);
    const all = await Promise.all(
      running.map(({ config, pid }) => readProcessStats(config.id, pid ?? 0, atMs)),
    );
    return all.filter((stats) => stats !== undefined);
  }

  onEvent(handler: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  #execLine(id: string, command: readonly string[]): string[] {
    const { pid, root } = this.#mustRun(id);
    return execLine({ pid: pid ?? 0, root, isRoot: this.#isRoot, command });
  }

  #record(id: string): ProcessRecord {
    const record = this.#containers.get(id);
    if (record === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return record;
  }

  #mustRun(id: string): ProcessRecord {
    const record = this.#record(id);
    if (!isRunning(record)) {
      throw new RuntimeError('NotRunning', `container ${id} is not running`);
    }
    return record;
  }

  #dir(id: string): string {
    return join(this.#options.dataDir, 'containers', id);
  }

  async #whenPid(dir: string): Promise<RuntimeError | undefined> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + startTimeoutMs;
    while (!(await exists(shimFiles(dir).pid))) {
      if (clock.monotonicMs() > untilMs) {
        return new RuntimeError('StartFailed', 'the process did not start', { retryable: true });
      }
      await delay(clock, 5);
    }
    return undefined;
  }

  #exited(id: string): Promise<void> {
    if (!isRunning(this.#containers.get(id))) return Promise.resolve();
    return new Promise((resolve) => {
      const end = this.onEvent((event) => {
        if (event.type !== 'exited' || event.containerId !== id) return;
        end();
        resolve();
      });
    });
  }

  /** The exit file's directory tells when it appears; a slow poll makes up for what the kernel does not tell. */
  #watch(record: ProcessRecord): void {
    const { id } = record.config;
    const watcher = watch(this.#dir(id), (_event, file) => {
      if (file === 'exit') this.#collectOne(id).catch((error: unknown) => this.#missed(error));
    });
    watcher.on('error', () => undefined);
    this.#watchers.set(id, watcher);
  }

  #poll(): void {
    if (this.#stopped) return;
    this.#cancelPoll = this.#options.clock.schedule(pollMs, () => {
      this.#collect()
        .catch((error: unknown) => this.#missed(error))
        .finally(() => this.#poll());
    });
  }

  /** The next look finds it: a full disk, for one, keeps an end from being written down. */
  #missed(error: unknown): void {
    this.#options.log.warn({ error }, 'the end of a container could not be recorded');
  }

  async #collect(): Promise<void> {
    const running = this.#containers.values().filter(isRunning);
    await Promise.all(running.map(({ config }) => this.#collectOne(config.id)));
  }

  /** A process that is gone without having left its exit code died with its shim. */
  async #collectOne(id: string): Promise<void> {
    const record = this.#containers.get(id);
    if (!isRunning(record)) return;
    const path = shimFiles(this.#dir(id)).exit;
    const gone = record?.pid !== undefined && !(await exists(`/proc/${record.pid}`));
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) await this.#finish(id, parseExitCode(text));
    else if (gone && this.#options.clock.nowMs() - (record.startedAtMs ?? 0) > 2 * pollMs) {
      await delay(this.#options.clock, pollMs);
      const late = await readFile(path, 'utf8').catch(() => '137');
      await this.#finish(id, parseExitCode(late));
    }
  }

  async #finish(id: string, exitCode: number): Promise<void> {
    const record = this.#containers.get(id);
    if (record === undefined || record.finishedAtMs !== undefined) return;
    const atMs = this.#options.clock.nowMs();
    this.#watchers.get(id)?.close();
    this.#watchers.delete(id);
    const saved = this.#containers.set(id, { ...record, exitCode, finishedAtMs: atMs });
    for (const listener of this.#listeners) {
      listener({ type: 'exited', containerId: id, exitCode, atMs });
    }
    await saved;
  }
}
