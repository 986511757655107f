import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.js';
import type { ContainerRecord } from '../container-record.js';
import { containerStateOf } from '../container-record.js';
import { imageIdOf, normalizeImageReference } from '../image-reference.js';
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerState,
  ContainerStats,
  ContainerUpdate,
  ExecOptions,
  ExecOutput,
  ExecSession,
  ImageInfo,
  RuntimeEvent,
  SandboxConfig,
  SandboxState,
} from '../types.js';
import { RuntimeError, runsToEndAnnotation } from '../types.js';

/** The durations of the pretended work, in milliseconds. */
export interface HollowLatencies {
  readonly sandboxMs: number;
  readonly pullMs: number;
  readonly createMs: number;
  readonly startMs: number;
  readonly stopMs: number;
}

/** The settings of the hollow runtime. */
export interface HollowOptions {
  readonly clock: Clock;
  /** @default none of it takes any time */
  readonly latencies?: Partial<HollowLatencies>;
  /**
   * When a container ends by itself, and with which code; undefined: it runs until it is stopped. By default a pod's
   * annotations decide: `trireme.io/hollow-exit-code` and `trireme.io/hollow-run-ms`.
   */
  readonly plan?: (config: ContainerConfig) => HollowPlan | undefined;
}

/** The time and exit code of a pretended container that ends by itself. */
export interface HollowPlan {
  readonly afterMs: number;
  readonly exitCode: number;
}

const noLatencies: HollowLatencies = {
  sandboxMs: 0,
  pullMs: 0,
  createMs: 0,
  startMs: 0,
  stopMs: 0,
};

/** The plan that annotations of the container ask for; one that is to end does so at once, by itself. */
export function planFromAnnotations(config: ContainerConfig): HollowPlan | undefined {
  const afterMs = config.annotations['trireme.io/hollow-run-ms'];
  const exitCode = config.annotations['trireme.io/hollow-exit-code'];
  const isToEnd = config.annotations[runsToEndAnnotation] === 'true';
  if (afterMs === undefined && exitCode === undefined && !isToEnd) return undefined;
  return { afterMs: Number(afterMs ?? 0), exitCode: Number(exitCode ?? 0) };
}

/** {@link ContainerRuntime} that pretends: nothing runs, every state is passed through. For tests of scale. */
export class HollowRuntime implements ContainerRuntime {
  readonly name = 'hollow';
  readonly version = 'hollow://1';
  readonly isolatesNetwork = false;
  readonly #clock: Clock;
  readonly #latencies: HollowLatencies;
  readonly #plan: (config: ContainerConfig) => HollowPlan | undefined;
  readonly #sandboxes = new Map<string, SandboxState>();
  readonly #containers = new Map<string, ContainerRecord>();
  readonly #images = new Map<string, ImageInfo>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();

  constructor(options: HollowOptions) {
    this.#clock = options.clock;
    this.#latencies = { ...noLatencies, ...options.latencies };
    this.#plan = options.plan ?? planFromAnnotations;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  health(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  list(): Promise<{ sandboxes: SandboxState[]; containers: ContainerState[] }> {
    return Promise.resolve({
      sandboxes: [...this.#sandboxes.values()],
      containers: [...this.#containers.values()].map(containerStateOf),
    });
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxState> {
    await this.#wait(this.#latencies.sandboxMs);
    const old = this.#sandboxes.get(config.id);
    if (old !== undefined) return old;
    const state = { id: config.id, pod: config.pod, createdAtMs: this.#clock.nowMs() };
    this.#sandboxes.set(config.id, state);
    return state;
  }

  async removeSandbox(id: string): Promise<void> {
    for (const record of this.#containers.values()) {
      if (record.config.sandboxId === id) await this.removeContainer(record.config.id);
    }
    this.#sandboxes.delete(id);
  }

  imageStatus(reference: string): Promise<ImageInfo | undefined> {
    return Promise.resolve(this.#images.get(normalizeImageReference(reference)));
  }

  async pullImage(reference: string): Promise<ImageInfo> {
    await this.#wait(this.#latencies.pullMs);
    const name = normalizeImageReference(reference);
    const digest = `sha256:${createHash('sha256').update(name).digest('hex')}`;
    const image = { reference: name, digest, sizeBytes: 1024 * 1024 };
    this.#images.set(name, image);
    return image;
  }

  importImages(): Promise<string[]> {
    return Promise.resolve([]);
  }

  listImages(): Promise<ImageInfo[]> {
    return Promise.resolve([...this.#images.values()]);
  }

  removeImage(reference: string): Promise<void> {
    this.#images.delete(normalizeImageReference(reference));
    return Promise.resolve();
  }

  async createContainer(config: ContainerConfig): Promise<void> {
    const image = await this.imageStatus(config.image);
    if (image === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${config.image}" not found`);
    }
    if (!this.#sandboxes.has(config.sandboxId)) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} does not exist`);
    }
    await this.#wait(this.#latencies.createMs);
    if (this.#containers.has(config.id)) return;
    this.#containers.set(config.id, {
      config,
      imageId: imageIdOf(image.reference, image.digest),
      stopSignal: 'SIGTERM',
      createdAtMs: this.#clock.nowMs(),
    });
  }

  async startContainer(id: string): Promise<ContainerState> {
    const record = this.#record(id);
    if (record.startedAtMs !== undefined) return containerStateOf(record);
    await this.#wait(this.#latencies.startMs);
    const started = { ...record, startedAtMs: this.#clock.nowMs() };
    this.#containers.set(id, started);
    const plan = this.#plan(record.config);
    if (plan !== undefined) {
      this.#clock.schedule(plan.afterMs, () => this.#finish(id, plan.exitCode));
    }
    return containerStateOf(started);
  }

  writableLayer(): undefined {
    return undefined;
  }

  async updateContainer(id: string, { resources, annotations }: ContainerUpdate): Promise<void> {
    const record = this.#record(id);
    const { config } = record;
    const kept = { ...config, resources, annotations: { ...config.annotations, ...annotations } };
    this.#containers.set(id, { ...record, config: kept });
  }

  async stopContainer(id: string, options: { graceMs: number }): Promise<void> {
    if (!this.#isRunning(id)) return;
    await this.#wait(Math.min(this.#latencies.stopMs, options.graceMs));
    this.#finish(id, options.graceMs === 0 ? 137 : 143);
  }

  async removeContainer(id: string): Promise<void> {
    if (this.#isRunning(id)) await this.stopContainer(id, { graceMs: 0 });
    this.#containers.delete(id);
  }

  containerStatus(id: string): Promise<ContainerState | undefined> {
    const record = this.#containers.get(id);
    return Promise.resolve(record === undefined ? undefined : containerStateOf(record));
  }

  async execSync(id: string): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    this.#mustRun(id);
    await Promise.resolve();
    return { exitCode: 0, output: '', timedOut: false };
  }

  async exec(id: string, options: ExecOptions, output: ExecOutput): Promise<ExecSession> {
    this.#mustRun(id);
    await Promise.resolve();
    output.stdout(Buffer.from(`hollow: ${options.command.join(' ')}\n`));
    return ended(0);
  }

  async attach(id: string): Promise<ExecSession> {
    this.#mustRun(id);
    await Promise.resolve();
    return ended(0);
  }

  connect(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('Unsupported', 'hollow pods have no ports'));
  }

  stats(): Promise<ContainerStats[]> {
    const atMs = this.#clock.nowMs();
    return Promise.resolve(
      [...this.#containers.keys()]
        .filter((id) => this.#isRunning(id))
        .map((id) => ({
          id,
          atMs,
          cpuUsageNanos: 0,
          memoryUsageBytes: 0,
          memoryWorkingSetBytes: 0,
          memoryRssBytes: 0,
          pids: 1,
        })),
    );
  }

  onEvent(handler: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  #record(id: string): ContainerRecord {
    const record = this.#containers.get(id);
    if (record === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return record;
  }

  #isRunning(id: string): boolean {
    const record = this.#containers.get(id);
    return record?.startedAtMs !== undefined && record.finishedAtMs === undefined;
  }

  #mustRun(id: string): void {
    this.#record(id);
    if (!this.#isRunning(id)) {
      throw new RuntimeError('NotRunning', `container ${id} is not running`);
    }
  }

  #finish(id: string, exitCode: number): void {
    const record = this.#containers.get(id);
    if (record === undefined || record.finishedAtMs !== undefined) return;
    const atMs = this.#clock.nowMs();
    this.#containers.set(id, { ...record, finishedAtMs: atMs, exitCode });
    for (const listener of this.#listeners) {
      listener({ type: 'exited', containerId: id, exitCode, atMs });
    }
  }

  #wait(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.schedule(ms, resolve);
    });
  }
}

function ended(exitCode: number): ExecSession {
  return {
    write: () => true,
    closeStdin: () => undefined,
    resize: () => true,
    resume: () => undefined,
    close: () => undefined,
    done: Promise.resolve({ exitCode }),
  };
}
