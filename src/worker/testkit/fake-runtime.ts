/** A runtime in memory for unit tests: containers run until a test ends them, or at once when their command says so. */
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerState,
  ContainerStats,
  ContainerUpdate,
  ExecSession,
  ImageInfo,
  RuntimeEvent,
  SandboxConfig,
  SandboxState,
} from '../../runtime/types.js';
import { RuntimeError } from '../../runtime/types.js';
import type { Clock } from '../../lib/clock.js';

/** The behaviour that a test may choose. */
export interface FakeBehaviour {
  /** Images that are here; others cannot be pulled. */
  readonly images: Set<string>;
  /** Called before each operation; an error that it throws is the operation's. */
  intercept: (operation: string, name: string) => void;
  /** The exit code with which a container ends as soon as it runs; undefined: it goes on. */
  exitsAtOnce: (config: ContainerConfig) => number | undefined;
  /** Whether ends are told at once; those that are not stay untold until {@link FakeRuntime.tellEnds}. */
  tellsEnds: boolean;
  /** Returns the exit code of a command in a container. */
  exec: (container: string, command: readonly string[]) => number;
}

/** {@link ContainerRuntime} without processes, which does what a test says. */
export class FakeRuntime implements ContainerRuntime {
  readonly name = 'hollow';
  readonly version = 'containerd://1.6.20';
  readonly isolatesNetwork = true;
  readonly behaviour: FakeBehaviour = {
    images: new Set(['web:1', 'tool:1']),
    intercept: () => undefined,
    exitsAtOnce: () => undefined,
    tellsEnds: true,
    exec: () => 0,
  };
  /** All operations in order, as `verb name`. */
  readonly log: string[] = [];
  readonly sandboxes = new Map<string, SandboxState>();
  readonly containers = new Map<string, ContainerState>();
  readonly configs = new Map<string, ContainerConfig>();
  readonly #clock: Clock;
  readonly #handlers = new Set<(event: RuntimeEvent) => void>();
  readonly #untold: RuntimeEvent[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  async health(): Promise<string | undefined> {
    return undefined;
  }

  async list(): Promise<{ sandboxes: SandboxState[]; containers: ContainerState[] }> {
    return { sandboxes: [...this.sandboxes.values()], containers: [...this.containers.values()] };
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxState> {
    this.#enter('sandbox', config.pod.name);
    const sandbox = {
      id: config.id,
      pod: config.pod,
      createdAtMs: this.#clock.nowMs(),
      ...(config.namespaces.hostNetwork ? {} : { netnsPath: `/run/netns/${config.id}` }),
    };
    this.sandboxes.set(config.id, sandbox);
    return sandbox;
  }

  async removeSandbox(id: string): Promise<void> {
    this.#enter('remove-sandbox', this.sandboxes.get(id)?.pod.name ?? '');
    this.sandboxes.delete(id);
    for (const [containerId, { sandboxId }] of this.containers) {
      if (sandboxId === id) this.containers.delete(containerId);
    }
  }

  async imageStatus(reference: string): Promise<ImageInfo | undefined> {
    if (/[A-Z]/.test(reference)) throw new RuntimeError('InvalidImageName', 'invalid reference');
    return this.behaviour.images.has(reference) ? this.#image(reference) : undefined;
  }

  async pullImage(reference: string): Promise<ImageInfo> {
    this.#enter('pull', reference);
    if (this.behaviour.images.has(reference)) return this.#image(reference);
    throw new RuntimeError('ImageNotFound', `failed to pull image "${reference}": not found`);
  }

  async importImages(): Promise<readonly string[]> {
    return [];
  }

  async listImages(): Promise<readonly ImageInfo[]> {
    return [...this.behaviour.images].map((reference) => this.#image(reference));
  }

  async removeImage(reference: string): Promise<void> {
    this.behaviour.images.delete(reference);
  }

  #image(reference: string): ImageInfo {
    return { reference, digest: 'sha256:0', sizeBytes: 1000 };
  }

  async createContainer(config: ContainerConfig): Promise<void> {
    this.#enter('create', config.name);
    this.configs.set(config.id, config);
    const { id, sandboxId, pod, name, restartCount, image, logPath, tty, stdin, annotations } =
      config;
    this.containers.set(id, {
      id,
      sandboxId,
      pod,
      name,
      restartCount,
      image,
      logPath,
      tty,
      stdin,
      annotations,
      imageId: `${image}@sha256:0`,
      phase: 'created',
      createdAtMs: this.#clock.nowMs(),
    });
  }

  async startContainer(id: string): Promise<ContainerState> {
    const found = this.#container(id);
    try {
      this.#enter('start', found.name);
    } catch (error) {
      this.containers.set(id, { ...found, phase: 'exited', exitCode: 128 });
      throw error;
    }
    const running = { ...found, phase: 'running' as const, startedAtMs: this.#clock.nowMs() };
    this.containers.set(id, running);
    const config = this.configs.get(id);
    const code = config === undefined ? undefined : this.behaviour.exitsAtOnce(config);
    if (code !== undefined) this.end(id, code);
    // As it is by now: a short run is over before its start has returned.
    return this.#container(id);
  }

  writableLayer(): undefined {
    return undefined;
  }

  async updateContainer(id: string, { annotations }: ContainerUpdate): Promise<void> {
    const found = this.#container(id);
    this.#enter('update', found.name);
    this.containers.set(id, { ...found, annotations: { ...found.annotations, ...annotations } });
  }

  async stopContainer(
    id: string,
    options: { readonly graceMs: number; readonly signal?: string },
  ): Promise<void> {
    const found = this.containers.get(id);
    if (found?.phase !== 'running') return;
    this.#enter('stop', `${found.name} ${options.graceMs}`);
    this.end(id, 143);
  }

  async removeContainer(id: string): Promise<void> {
    this.#enter('remove', this.containers.get(id)?.name ?? id);
    this.containers.delete(id);
  }

  async containerStatus(id: string): Promise<ContainerState | undefined> {
    return this.containers.get(id);
  }

  async execSync(
    id: string,
    command: readonly string[],
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    const { name } = this.#container(id);
    this.#enter('exec', `${name} ${command.join(' ')}`);
    return { exitCode: this.behaviour.exec(name, command), output: 'said', timedOut: false };
  }

  exec(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('Unsupported', 'not in this fake'));
  }

  attach(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('Unsupported', 'not in this fake'));
  }

  connect(): Promise<ExecSession> {
    return Promise.reject(new RuntimeError('Unsupported', 'not in this fake'));
  }

  /** Every container has used as much, at the clock's time. */
  async stats(): Promise<ContainerStats[]> {
    return [...this.containers.keys()].map((id) => ({
      id,
      atMs: this.#clock.nowMs(),
      cpuUsageNanos: 2_500_000_000,
      memoryUsageBytes: 3000,
      memoryWorkingSetBytes: 2000,
      memoryRssBytes: 1000,
      pids: 4,
    }));
  }

  onEvent(handler: (event: RuntimeEvent) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Ends a container by its name, in whichever pod, or by its id. */
  end(nameOrId: string, exitCode: number): void {
    for (const [id, container] of this.containers) {
      if ((id !== nameOrId && container.name !== nameOrId) || container.phase !== 'running')
        continue;
      const atMs = this.#clock.nowMs();
      this.containers.set(id, { ...container, phase: 'exited', exitCode, finishedAtMs: atMs });
      this.#untold.push({ type: 'exited', containerId: id, exitCode, atMs });
    }
    if (this.behaviour.tellsEnds) this.tellEnds();
  }

  /** Tells of the ends that have not been told. */
  tellEnds(): void {
    for (const event of this.#untold.splice(0)) {
      for (const handler of this.#handlers) handler(event);
    }
  }

  #container(id: string): ContainerState {
    const found = this.containers.get(id);
    if (found === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return found;
  }

  #enter(operation: string, name: string): void {
    this.log.push(`${operation} ${name}`);
    this.behaviour.intercept(operation, name);
  }
}
