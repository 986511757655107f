import { randomUUID } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { errorMessage } from '../../lib/errors.js';
import { Gate } from '../../lib/gate.js';
import { attachToLog } from '../log-attach.js';
import { installShim, shimPath } from '../shim/install.js';
import type { RunCommand } from '../spawn.js';
import { createCommandRunner, laneWidths } from '../spawn.js';
import { StateStore } from '../state-store.js';
import { updateContainer } from './limits-update.js';
import { writableLayer } from './rootfs.js';
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
  RegistryAuth,
  RuntimeEvent,
  SandboxConfig,
  SandboxState,
} from '../types.js';
import { RuntimeError } from '../types.js';
import * as commands from './commands.js';
import { attachToConsole } from '../console-session.js';
import type { ContainerRecord } from '../container-record.js';
import { digestOf } from '../container-record.js';
import { Containers } from './containers.js';
import { Ctr } from './ctr.js';
import { Daemon, stateDirOf } from './daemon.js';
import { EventStream } from './events.js';
import { collectExecution } from './exec/collect.js';
import { startExecution } from './exec/execution.js';
import type { ExecHost, ExecRequest } from './exec/execution.js';
import { killLeftExecutions } from './exec/leftovers.js';
import { processOfCommand, readSpec } from './exec/process.js';
import { ContainerdTasks } from './exec/tasks.js';
import { relaySession } from '../relay-session.js';
import { readHostFacts } from './host.js';
import { ImageViews } from './image-views.js';
import { Images } from './images.js';
import { mountsBelow } from '../mounts.js';
import type { SandboxRecord } from './sandboxes.js';
import { Sandboxes, stateOf } from './sandboxes.js';
import { SeccompProfiles } from './seccomp.js';
import { readCgroupStats } from './stats.js';

/** The dependencies and settings of {@link ContainerdRuntime}. */
export interface ContainerdOptions {
  /** This runtime's own directory: records, root file systems, and containerd's data where it is managed. */
  readonly dataDir: string;
  /** The socket of a containerd that somebody else looks after; absent: one of our own is started. */
  readonly socket?: string;
  /** @default 'trireme' */
  readonly namespace?: string;
  /** Below which cgroup pods are put. @default '/kubepods' */
  readonly cgroupRoot?: string;
  /** Registry configuration, as `ctr --hosts-dir` takes it. */
  readonly hostsDir?: string;
  /** An image stays mounted for this long after its last container. @default viewLimits.idleMs */
  readonly imageIdleMs?: number;
  /** Takes the place of real commands, to print or to check them. */
  readonly run?: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The longest output of a probe or a hook that is kept. */
const probeBytesMax = 64 * 1024;

/** The deadline of a health check of containerd. */
const healthTimeoutMs = 5000;

/** {@link ContainerRuntime} on containerd, driven through its command line client. */
export class ContainerdRuntime implements ContainerRuntime {
  readonly name = 'containerd';
  readonly isolatesNetwork = true;
  version = 'containerd://unknown';
  readonly #options: ContainerdOptions;
  readonly #run: RunCommand;
  readonly #ctr: Ctr;
  readonly #tasks: ContainerdTasks;
  readonly #guests = new Gate(laneWidths.guest);
  readonly #daemon: Daemon | undefined;
  readonly #images: Images;
  readonly #views: ImageViews;
  readonly #sandboxes: Sandboxes;
  readonly #sandboxStore: StateStore<SandboxRecord>;
  readonly #containerStore: StateStore<ContainerRecord>;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #containers: Containers | undefined;
  #events: EventStream | undefined;
  #cgroupV2 = false;

  constructor(options: ContainerdOptions) {
    const { dataDir, clock, log } = options;
    this.#options = options;
    this.#run = options.run ?? createCommandRunner({ clock });
    this.#daemon =
      options.socket === undefined
        ? new Daemon({
            rootDir: join(dataDir, 'containerd'),
            stateDir: stateDirOf(dataDir),
            clock,
            log,
          })
        : undefined;
    this.#ctr = new Ctr({
      address: this.address,
      namespace: options.namespace ?? 'trireme',
      run: this.#run,
      log,
    });
    this.#tasks = new ContainerdTasks({
      address: this.address,
      namespace: this.#ctr.namespace,
      clock,
      log,
    });
    const { hostsDir, imageIdleMs } = options;
    this.#views = new ImageViews({
      ctr: this.#ctr,
      run: this.#run,
      dir: join(dataDir, 'images'),
      digestsInUse: () => new Set(this.#containerStore.values().map(digestOf)),
      ...(imageIdleMs === undefined ? {} : { idleMs: imageIdleMs }),
      clock,
      log,
    });
    this.#images = new Images({
      ctr: this.#ctr,
      views: this.#views,
      ...(hostsDir === undefined ? {} : { hostsDir }),
    });
    this.#sandboxStore = new StateStore(join(dataDir, 'sandboxes'));
    this.#containerStore = new StateStore(join(dataDir, 'records'));
    this.#sandboxes = new Sandboxes({
      dir: join(dataDir, 'sandbox-mounts'),
      shim: this.#shim,
      cgroupRoot: options.cgroupRoot ?? '/kubepods',
      run: this.#run,
      clock,
      store: this.#sandboxStore,
    });
  }

  /** containerd's socket. */
  get address(): string {
    return this.#options.socket ?? this.#daemon?.address ?? '';
  }

  get #shim(): string {
    return shimPath(this.#options.dataDir);
  }

  async start(): Promise<void> {
    const { dataDir, clock, log } = this.#options;
    await installShim(dataDir);
    // Holds the files that containers write: other users of the node do not enter.
    await mkdir(join(dataDir, 'containers'), { recursive: true, mode: 0o700 });
    await chmod(join(dataDir, 'containers'), 0o700);
    await this.#daemon?.start();
    const host = await readHostFacts();
    this.#cgroupV2 = host.cgroupV2;
    await Promise.all([
      this.#sandboxStore.load(),
      this.#containerStore.load(),
      this.#sandboxes.start(),
      this.#readVersion(),
    ]);
    const containers = new Containers({
      ctr: this.#ctr,
      run: this.#run,
      images: this.#images,
      views: this.#views,
      sandboxes: this.#sandboxes,
      sandboxStore: this.#sandboxStore,
      store: this.#containerStore,
      seccomp: new SeccompProfiles({
        ctr: this.#ctr,
        localhostDir: join(dataDir, 'seccomp'),
      }),
      host,
      dir: join(dataDir, 'containers'),
      shim: this.#shim,
      clock,
      log,
      emit: (event) => this.#emit(event),
    });
    this.#containers = containers;
    await this.#views.start();
    await containers.reconcile();
    const left = containers.list().map(({ id }) => ({ id, directory: containers.directoryOf(id) }));
    await Promise.all(left.map((container) => killLeftExecutions(this.#execHost, container)));
    this.#events = new EventStream({
      ctr: this.#ctr,
      clock,
      log,
      onEvent: (event) => containers.onEvent(event),
      onGap: () => {
        containers.reconcile().then(
          () => this.#emit({ type: 'resync' }),
          (error: unknown) =>
            log.warn(
              { error },
              'the containers of containerd could not be compared with the records',
            ),
        );
      },
    });
    this.#events.start();
  }

  async stop(): Promise<void> {
    this.#views.stop();
    await this.#containers?.sweep();
    this.#events?.stop();
    await this.#containers?.settled();
    this.#tasks.close();
    this.#daemon?.stop();
    this.#listeners.clear();
  }

  /** Ends everything that it made: containers, sandboxes, mounts, its containerd. For taking a node down for good. */
  async purge(): Promise<void> {
    for (const container of this.#needed.list()) await this.#needed.remove(container.id);
    for (const sandbox of this.#sandboxStore.values()) await this.removeSandbox(sandbox.config.id);
    await this.#needed.sweep();
    this.#views.stop();
    await this.#views.release();
    this.#events?.stop();
    for (const path of (await mountsBelow(this.#options.dataDir)).toReversed()) {
      await this.#run('umount', ['--lazy', path], { timeoutMs: 10_000 });
    }
    await this.#daemon?.terminate();
    this.#containers = undefined;
  }

  async health(): Promise<string | undefined> {
    try {
      await this.#ctr.call(commands.version(healthTimeoutMs));
      return undefined;
    } catch (error) {
      return errorMessage(error);
    }
  }

  async list(): Promise<{ sandboxes: SandboxState[]; containers: ContainerState[] }> {
    await this.#needed.reconcile();
    return {
      sandboxes: this.#sandboxStore.values().map(stateOf),
      containers: this.#needed.list(),
    };
  }

  createSandbox(config: SandboxConfig): Promise<SandboxState> {
    return this.#sandboxes.create(config);
  }

  isSandboxWhole(id: string): Promise<boolean> {
    return this.#sandboxes.isWhole(id);
  }

  async removeSandbox(id: string): Promise<void> {
    const inside = this.#needed.list().filter((container) => container.sandboxId === id);
    await Promise.all(inside.map((container) => this.#needed.remove(container.id)));
    await this.#sandboxes.remove(id);
  }

  imageStatus(reference: string): Promise<ImageInfo | undefined> {
    return this.#images.status(reference);
  }

  pullImage(reference: string, auth?: RegistryAuth): Promise<ImageInfo> {
    return this.#images.pull(reference, auth);
  }

  importImages(archivePath: string): Promise<string[]> {
    return this.#images.import(archivePath);
  }

  listImages(): Promise<ImageInfo[]> {
    return this.#images.list();
  }

  removeImage(reference: string): Promise<void> {
    return this.#images.remove(reference);
  }

  createContainer(config: ContainerConfig): Promise<void> {
    return this.#needed.create(config);
  }

  startContainer(id: string): Promise<ContainerState> {
    return this.#needed.start(id);
  }

  updateContainer(id: string, update: ContainerUpdate): Promise<void> {
    return updateContainer({ tasks: this.#tasks, store: this.#containerStore }, id, update);
  }

  stopContainer(id: string, options: { graceMs: number; signal?: string }): Promise<void> {
    return this.#needed.stop(id, options);
  }

  removeContainer(id: string): Promise<void> {
    return this.#needed.remove(id);
  }

  containerStatus(id: string): Promise<ContainerState | undefined> {
    return Promise.resolve(this.#needed.state(id));
  }

  writableLayer(id: string): string {
    return writableLayer(this.#needed.directoryOf(id));
  }

  async execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    this.#mustRun(id);
    const request = await this.#execRequest(id, 'probe', { command, stdin: false, tty: false });
    return this.#guests.run(() =>
      collectExecution(this.#execHost, request, { timeoutMs, maxBytes: probeBytesMax }),
    );
  }

  async exec(id: string, options: ExecOptions, output: ExecOutput): Promise<ExecSession> {
    this.#mustRun(id);
    const request = await this.#execRequest(id, 'exec', options);
    return startExecution(this.#execHost, request, output);
  }

  get #execHost(): ExecHost {
    return { tasks: this.#tasks, run: this.#run, clock: this.#options.clock };
  }

  /** A command runs as the container's first process does, but for its arguments and its terminal. */
  async #execRequest(id: string, kind: string, options: ExecOptions): Promise<ExecRequest> {
    const { command, stdin, tty } = options;
    const directory = this.#needed.directoryOf(id);
    const execId = `${kind}-${randomUUID()}`;
    const { process } = await readSpec(directory);
    return {
      name: { containerId: id, execId },
      directory: join(directory, execId),
      process: processOfCommand(process, { command, tty }),
      stdin,
    };
  }

  async attach(id: string, options: { stdin: boolean }, output: ExecOutput): Promise<ExecSession> {
    const state = this.#mustRun(id);
    if (state.stdin || state.tty) {
      return attachToConsole(this.#needed.directoryOf(id), options, output);
    }
    return attachToLog({
      state,
      output,
      clock: this.#options.clock,
      exitCode: () => {
        const now = this.#needed.state(id);
        return now?.phase === 'running' ? undefined : (now?.exitCode ?? 0);
      },
    });
  }

  async connect(sandboxId: string, port: number, output: ExecOutput): Promise<ExecSession> {
    await Promise.resolve();
    const record = this.#sandboxStore.get(sandboxId);
    if (record === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${sandboxId} does not exist`);
    }
    const { network } = this.#sandboxes.paths(record);
    const relay = [this.#shim, 'relay', '127.0.0.1', String(port)];
    const argv = network === undefined ? relay : ['nsenter', `--net=${network}`, ...relay];
    const [program = '', ...args] = argv;
    const { clock } = this.#options;
    return relaySession({ program, args, clock }, output);
  }

  async stats(): Promise<ContainerStats[]> {
    const atMs = this.#options.clock.nowMs();
    const running = this.#needed.list().filter(({ phase }) => phase === 'running');
    const all = await Promise.all(
      running.map(({ id }) =>
        readCgroupStats(id, this.#needed.cgroupOf(id) ?? '', atMs, this.#cgroupV2),
      ),
    );
    return all.filter((stats) => stats !== undefined);
  }

  onEvent(handler: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  get #needed(): Containers {
    if (this.#containers === undefined) {
      throw new RuntimeError('Unavailable', 'the runtime has not been started');
    }
    return this.#containers;
  }

  #mustRun(id: string): ContainerState {
    const state = this.#needed.state(id);
    if (state === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    if (state.phase !== 'running') {
      throw new RuntimeError('NotRunning', `container ${id} is not running`);
    }
    return state;
  }

  #emit(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #readVersion(): Promise<void> {
    const text = await this.#ctr.call(commands.version());
    this.version = `containerd://${commands.parseVersion(text)}`;
  }
}
