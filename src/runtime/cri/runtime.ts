import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { normalizeImageReference } from '../image-reference.js';
import { CgroupDriver } from '../../gen/cri/api.js';
import type { StatusResponse } from '../../gen/cri/api.js';
import { parseImported, imagesImport } from '../containerd/commands.js';
import { Ctr } from '../containerd/ctr.js';
import { readCgroupStats } from '../containerd/stats.js';
import { readHostFacts } from '../containerd/host.js';
import { createCommandRunner } from '../spawn.js';
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerState,
  ContainerStats,
  ContainerUpdate,
  ExecOptions,
  ExecOutput,
  ExecResult,
  ExecSession,
  ImageInfo,
  RegistryAuth,
  RuntimeEvent,
  SandboxConfig,
  SandboxState,
} from '../types.js';
import { RuntimeError } from '../types.js';
import { called, CriClient, patient, runtimeError, socketOf } from './client.js';
import { commandSession } from './command-session.js';
import { CriContainers } from './containers.js';
import { CriImages, sandboxImageOf } from './images.js';
import { ownLabels } from './labels.js';
import { LogRotation } from './log-rotation.js';
import { CriObjects } from './objects.js';
import { portSession } from './port-session.js';
import { CriSandboxes } from './sandboxes.js';
import { containerStats, noteOf, sandboxState } from './states.js';
import { openStreams } from './streaming.js';
import { CriWatcher } from './watcher.js';

/** The settings of {@link CriRuntime}. */
export interface CriOptions {
  /** `unix:///run/containerd/containerd.sock`. */
  readonly endpoint: string;
  /** This runtime's own directory: what CRI has no place for. */
  readonly dataDir: string;
  /** Below which cgroup pods are put. @default '/kubepods' */
  readonly cgroupRoot?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The longest output of a probe or a hook that is kept. */
const probeBytesMax = 64 * 1024;
const healthMs = 5000;
/** After its streams have ended an attached container ends within this time, or goes on without them. */
const attachedEndMs = 2000;
const attachedLookMs = 20;

/** {@link ContainerRuntime} over Kubernetes' own interface: containerd's CRI plugin, cri-o. */
export class CriRuntime implements ContainerRuntime {
  readonly name = 'cri';
  readonly isolatesNetwork = true;
  readonly makesNetwork = true;
  readonly choosesHandlers = true;
  version = 'cri://unknown';
  readonly #options: CriOptions;
  readonly #client: CriClient;
  readonly #objects: CriObjects;
  readonly #sandboxes: CriSandboxes;
  readonly #containers: CriContainers;
  readonly #images: CriImages;
  readonly #watcher: CriWatcher;
  readonly #rotation: LogRotation;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #scheme = 'cri';
  #sandboxImage: string | undefined;
  #cgroupV2 = false;

  constructor(options: CriOptions) {
    const { dataDir, clock, log, cgroupRoot = '/kubepods' } = options;
    this.#options = options;
    this.#client = new CriClient(options);
    const client = this.#client;
    const objects = new CriObjects(client);
    const scheme = (): string => this.#scheme;
    const emit = (event: RuntimeEvent): void => {
      for (const listener of this.#listeners) listener(event);
    };
    this.#objects = objects;
    this.#sandboxes = new CriSandboxes({ client, objects, cgroupRoot });
    this.#images = new CriImages({
      client,
      isKept: ({ repoTags, repoDigests }) =>
        [...repoTags, ...repoDigests].some((name) => name === this.#sandboxImage),
      importArchive: (path) => this.#importArchive(path),
      clock,
    });
    this.#watcher = new CriWatcher({ client, objects, scheme, emit, clock, log });
    this.#containers = new CriContainers({
      client,
      objects,
      images: this.#images,
      watcher: this.#watcher,
      scheme,
      seccompDir: join(dataDir, 'seccomp'),
      recordsDir: join(dataDir, 'cri-annotations'),
      clock,
    });
    this.#rotation = new LogRotation({ client, objects, clock, log });
  }

  /** @throws RuntimeError Unavailable; Unsupported for what this agent cannot work with */
  async start(): Promise<void> {
    const { runtimeName, runtimeVersion, runtimeApiVersion } = await called(
      this.#client.runtime.version({ version: 'v1' }),
    );
    if (!/^v1(?:$|\.)/.test(runtimeApiVersion)) {
      const text = `the runtime speaks ${runtimeApiVersion} of the runtime interface, not v1`;
      throw new RuntimeError('Unsupported', text);
    }
    this.#scheme = runtimeName;
    this.version = `${runtimeName}://${runtimeVersion}`;
    await this.#checkCgroups();
    const { info } = await called(this.#client.runtime.status({ verbose: true }));
    this.#sandboxImage = sandboxImageOf(info);
    this.#cgroupV2 = (await readHostFacts()).cgroupV2;
    await this.#containers.start();
    const there = await this.list();
    await this.#containers.forgetOthers(new Set(there.containers.map(({ id }) => id)));
    await this.#watcher.start();
    this.#rotation.start();
  }

  /** Runtimes before 1.28's interface do not say which driver they have: containerd's default is this one. */
  async #checkCgroups(): Promise<void> {
    try {
      const { linux } = await this.#client.runtime.runtimeConfig({});
      if (linux === undefined || linux.cgroupDriver === CgroupDriver.CGROUPFS) return;
    } catch (error) {
      if (isGrpcError(error) && error.code === Code.Unimplemented) return;
      throw runtimeError(error);
    }
    const text = 'the runtime leaves cgroups to systemd: configure its cgroupfs driver instead';
    throw new RuntimeError('Unsupported', text);
  }

  stop(): Promise<void> {
    this.#watcher.stop();
    this.#rotation.stop();
    this.#listeners.clear();
    this.#client.close();
    return Promise.resolve();
  }

  async health(): Promise<string | undefined> {
    let answer: StatusResponse;
    try {
      answer = await this.#client.runtime.status({ verbose: false }, { deadlineMs: healthMs });
    } catch (error) {
      return errorMessage(runtimeError(error));
    }
    const conditions = answer.status?.conditions ?? [];
    for (const type of ['RuntimeReady', 'NetworkReady']) {
      const {
        status = false,
        reason = '',
        message = '',
      } = conditions.find((condition) => condition.type === type) ?? {};
      if (!status) return `${type}=false reason:${reason} message:${message}`;
    }
    return undefined;
  }

  async list(): Promise<{ sandboxes: SandboxState[]; containers: ContainerState[] }> {
    const { sandboxes, containers } = await this.#objects.list();
    const statuses = await Promise.all(
      sandboxes.map(({ id }) => this.#objects.sandboxStatusOf(id)),
    );
    return {
      sandboxes: statuses.flatMap((status) =>
        status === undefined ? [] : (sandboxState(status) ?? []),
      ),
      containers: await this.#containers.list(containers),
    };
  }

  createSandbox(config: SandboxConfig): Promise<SandboxState> {
    return this.#sandboxes.create(config);
  }

  isSandboxWhole(id: string): Promise<boolean> {
    return this.#sandboxes.isWhole(id);
  }

  async removeSandbox(id: string): Promise<void> {
    const found = await this.#objects.findSandbox(id);
    const inside = found === undefined ? [] : await this.#objects.containersIn(found);
    const own = inside.flatMap(({ labels }) => labels[ownLabels.container] ?? []);
    await Promise.all(own.map((containerId) => this.#containers.remove(containerId)));
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
    return this.#containers.create(config);
  }

  startContainer(id: string): Promise<ContainerState> {
    return this.#containers.begin(id);
  }

  updateContainer(id: string, update: ContainerUpdate): Promise<void> {
    return this.#containers.update(id, update);
  }

  stopContainer(id: string, options: { readonly graceMs: number }): Promise<void> {
    return this.#containers.stop(id, options);
  }

  removeContainer(id: string): Promise<void> {
    return this.#containers.remove(id);
  }

  containerStatus(id: string): Promise<ContainerState | undefined> {
    return this.#containers.status(id);
  }

  /** Where it is only the runtime knows: see {@link writtenBytes}. */
  writableLayer(): undefined {
    return undefined;
  }

  async writtenBytes(id: string): Promise<number | undefined> {
    const containerId = await this.#objects.findContainer(id);
    if (containerId === undefined) return undefined;
    const filter = { id: containerId, podSandboxId: '', labelSelector: {} };
    const { stats } = await called(this.#client.runtime.listContainerStats({ filter }));
    const used = stats[0]?.writableLayer?.usedBytes?.value;
    return used === undefined ? undefined : Number(used);
  }

  async execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    await this.#containers.running(id);
    const containerId = await this.#objects.containerId(id);
    const seconds = Math.max(1, Math.ceil(timeoutMs / 1000));
    const request = { containerId, cmd: [...command], timeout: BigInt(seconds) };
    try {
      const answer = await this.#client.runtime.execSync(request, patient(seconds * 1000));
      const output = Buffer.concat([answer.stdout, answer.stderr]).subarray(0, probeBytesMax);
      return { exitCode: answer.exitCode, output: output.toString('utf8'), timedOut: false };
    } catch (cause) {
      const error = runtimeError(cause);
      if (error.code !== 'DeadlineExceeded') throw error;
      return { exitCode: 137, output: '', timedOut: true };
    }
  }

  async exec(id: string, options: ExecOptions, output: ExecOutput): Promise<ExecSession> {
    await this.#containers.running(id);
    const { command, stdin, tty } = options;
    const { url } = await called(
      this.#client.runtime.exec({
        containerId: await this.#objects.containerId(id),
        cmd: [...command],
        stdin,
        tty,
        stdout: true,
        stderr: !tty,
      }),
    );
    return this.#command(url, { stdin, tty }, output);
  }

  async attach(
    id: string,
    options: { readonly stdin: boolean },
    output: ExecOutput,
  ): Promise<ExecSession> {
    const { tty, stdin: hasInput } = await this.#containers.running(id);
    const stdin = options.stdin && hasInput;
    const containerId = await this.#objects.containerId(id);
    const { url } = await called(
      this.#client.runtime.attach({ containerId, stdin, tty, stdout: true, stderr: !tty }),
    );
    const session = await this.#command(url, { stdin, tty }, output);
    return { ...session, done: session.done.then((result) => this.#attachedEnd(id, result)) };
  }

  async connect(sandboxId: string, port: number, output: ExecOutput): Promise<ExecSession> {
    const podSandboxId = await this.#objects.findSandbox(sandboxId);
    if (podSandboxId === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${sandboxId} does not exist`);
    }
    const { url } = await called(this.#client.runtime.portForward({ podSandboxId, port: [port] }));
    const connection = await openStreams(url, 'portforward.k8s.io', this.#options.clock);
    return portSession(connection, port, output);
  }

  /** Looks at all logs now. It is done every 10 s in any case. */
  rotateLogs(): Promise<void> {
    return this.#rotation.rotate();
  }

  async stats(): Promise<ContainerStats[]> {
    const atMs = this.#options.clock.nowMs();
    const { stats } = await called(this.#client.runtime.listContainerStats({ filter: undefined }));
    const all = await Promise.all(
      stats.map(async (entry) => {
        const told = containerStats(entry);
        const { id = '', annotations = {} } = entry.attributes ?? {};
        const cgroup = noteOf(annotations)?.cgroup;
        if (told === undefined || cgroup === undefined) return told;
        // Runtimes tell less, containerd 1.6 nothing but CPU and the working set: the cgroup has it all.
        return (await readCgroupStats(told.id, `${cgroup}/${id}`, atMs, this.#cgroupV2)) ?? told;
      }),
    );
    return all.filter((entry) => entry !== undefined);
  }

  onEvent(handler: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  async #command(
    url: string,
    streams: { readonly stdin: boolean; readonly tty: boolean },
    output: ExecOutput,
  ): Promise<ExecSession> {
    const connection = await openStreams(url, 'v4.channel.k8s.io', this.#options.clock);
    return commandSession(connection, streams, output);
  }

  /** The streams of an attached container say nothing of how it ended. Never rejects. */
  async #attachedEnd(id: string, result: ExecResult): Promise<ExecResult> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + attachedEndMs;
    while (result.error === undefined && clock.monotonicMs() < untilMs) {
      const state = await this.#containers.status(id).catch(() => undefined);
      if (state === undefined) break;
      if (state.phase === 'exited') return { exitCode: state.exitCode ?? 0 };
      await delay(clock, attachedLookMs);
    }
    return result;
  }

  /** CRI takes no archives; containerd does, by another door of the same socket. */
  async #importArchive(path: string): Promise<string[]> {
    const { endpoint, clock, log } = this.#options;
    if (this.#scheme !== 'containerd') {
      const text = `${this.#scheme} takes no image archives: images come from a registry`;
      throw new RuntimeError('Unsupported', text);
    }
    const run = createCommandRunner({ clock });
    const ctr = new Ctr({ address: socketOf(endpoint), namespace: 'k8s.io', run, log });
    const names = parseImported(await ctr.call(imagesImport(path)));
    return names.map((name) => normalizeImageReference(name));
  }
}
