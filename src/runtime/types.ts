/**
 * The contract between the node agent and whatever runs containers. A sandbox is what the containers of one pod share;
 * a container belongs to one sandbox. The agent chooses all ids, so every call is safe to repeat: making what exists
 * and removing what is gone both succeed.
 */

/** Annotations of a pod that tell the hollow runtime what its containers pretend. */
export const hollowPrefix = 'trireme.io/hollow-';
/** Set to `true` on a container that is to end by itself: of a job, or an init container. */
export const runsToEndAnnotation = 'trireme.io/runs-to-end';

/** The errors that callers tell apart. */
export type RuntimeErrorCode =
  | 'ImageNotFound'
  | 'ImagePullFailed'
  | 'InvalidImageName'
  | 'NotFound'
  | 'NotRunning'
  | 'CreateFailed'
  | 'StartFailed'
  | 'InvalidConfig'
  | 'Unsupported'
  | 'DeadlineExceeded'
  | 'Unavailable'
  | 'Failed';

/** A call to the runtime failed. The message is fit to be shown in a pod's status. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;

  constructor(
    code: RuntimeErrorCode,
    message: string,
    options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? (code === 'DeadlineExceeded' || code === 'Unavailable');
  }
}

/** True for a {@link RuntimeError}, of `code` if one is given. */
export function isRuntimeError(error: unknown, code?: RuntimeErrorCode): error is RuntimeError {
  return (
    error instanceof Error &&
    error.name === 'RuntimeError' &&
    (code === undefined || (error as RuntimeError).code === code)
  );
}

/** The pod that a sandbox or a container belongs to. */
export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** The namespaces of the node that the pod shares instead of having its own. */
export interface NamespaceOptions {
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** All containers of the pod see each other's processes. */
  readonly sharePid: boolean;
}

/** Quality of service, as Kubernetes has it; decides where a pod's cgroup goes. */
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** A container port that is published on the node. */
export interface PublishedPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Absent: every address of the node. */
  readonly hostIp?: string;
}

/** The configuration of a sandbox. */
export interface SandboxConfig {
  /** Unique among all sandboxes ever; letters, digits and dashes. */
  readonly id: string;
  readonly pod: PodIdentity;
  readonly hostname: string;
  readonly namespaces: NamespaceOptions;
  readonly qosClass: QosClass;
  /** Kernel parameters of the pod's namespaces. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** The parent of the pod's own cgroup; absent: a default made of QoS class and uid. */
  readonly cgroupParent?: string;
  readonly resources?: LinuxResources;
  /** What a runtime that makes the pod's network itself publishes. @default nothing */
  readonly hostPorts?: readonly PublishedPort[];
  /** The pod's own, for a runtime's tools and plugins. @default none */
  readonly labels?: Readonly<Record<string, string>>;
  /** Likewise. @default none */
  readonly annotations?: Readonly<Record<string, string>>;
  /** A container of the pod is privileged. @default false */
  readonly privileged?: boolean;
  /** The directory below which all logs of the pod's containers are. @default `/` */
  readonly logDirectory?: string;
  /** Of the pod's RuntimeClass. @default the runtime's own */
  readonly runtimeHandler?: string;
}

/** A sandbox that is there. */
export interface SandboxState {
  readonly id: string;
  readonly pod: PodIdentity;
  /** The pod's network namespace; absent with the host's network or where the runtime does not isolate. */
  readonly netnsPath?: string;
  /** The pod's addresses where the runtime made its network; absent where somebody else does. */
  readonly ips?: readonly string[];
  readonly createdAtMs: number;
}

/** One thing made visible inside a container. */
export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation?: 'None' | 'HostToContainer' | 'Bidirectional';
}

/** One device of the node inside a container. */
export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** What the container may do with it, of `r`, `w` and `m` (mknod): a rule of the devices cgroup. */
  readonly permissions: string;
}

/** Limits; absent fields mean none. */
export interface LinuxResources {
  readonly cpuShares?: number;
  /** Microseconds of CPU time a period. */
  readonly cpuQuotaMicros?: number;
  readonly cpuPeriodMicros?: number;
  readonly memoryLimitBytes?: number;
  readonly pidsLimit?: number;
  readonly oomScoreAdj?: number;
}

/** The rights and the user of a container: Kubernetes' `securityContext`, the pod's and the container's in one. */
export interface SecurityConfig {
  readonly privileged: boolean;
  /** A number, or a name that is looked up in the image's /etc/passwd. */
  readonly runAsUser?: number | string;
  readonly runAsGroup?: number;
  readonly runAsNonRoot: boolean;
  readonly fsGroup?: number;
  readonly supplementalGroups: readonly number[];
  /** Without the `CAP_` prefix; `ALL` is known. */
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly readOnlyRootFilesystem: boolean;
  readonly allowPrivilegeEscalation: boolean;
  readonly seccomp: 'Unconfined' | 'RuntimeDefault' | { readonly localhostProfile: string };
  /** `Unmasked` leaves /proc as it is. @default 'Default' */
  readonly procMount: 'Default' | 'Unmasked';
}

/** The configuration of a container. */
export interface ContainerConfig {
  /** Unique among all containers ever; letters and digits. */
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  /** The number of earlier containers of that name in the pod. */
  readonly restartCount: number;
  readonly image: string;
  /** Takes the place of the image's entrypoint; its cmd is then not used either. */
  readonly command?: readonly string[];
  /** Takes the place of the image's cmd. */
  readonly args?: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly workingDir?: string;
  readonly mounts: readonly Mount[];
  /** Beside those that every container has. A privileged one has all of the node's as well. @default none */
  readonly devices?: readonly DeviceMapping[];
  /** Names by the Container Device Interface. @default none */
  readonly cdiDevices?: readonly string[];
  readonly security: SecurityConfig;
  readonly resources: LinuxResources;
  /** The path of the log, in CRI format: `<RFC3339Nano> stdout|stderr F|P <line>`. */
  readonly logPath: string;
  readonly logMaxBytes: number;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  /** What the pod asks to be ended with. @default the image's */
  readonly stopSignal?: string;
  /** Kept with the container, given back by `list`; for the agent's own use. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The changes of a container that runs. */
export interface ContainerUpdate {
  /** All limits; absent fields mean none. The OOM score stays. */
  readonly resources: LinuxResources;
  /** Are kept with the container, beside those that it has. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The stage of a container's life. */
export type ContainerPhase = 'created' | 'running' | 'exited';

/** A container that is there, whether it runs or not. */
export interface ContainerState {
  readonly id: string;
  /** The name by which the runtime's own tools know it. @default `containerd://` and the id */
  readonly reportedId?: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly restartCount: number;
  readonly image: string;
  /** Digest reference of the image, as in a container status's `imageID`. */
  readonly imageId: string;
  readonly phase: ContainerPhase;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** Of the first process; 128 + n when it was ended by signal n. Set when exited. */
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  readonly logPath: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** The first process as the node sees it, while it runs. */
  readonly pid?: number;
}

/** An image that is there. */
export interface ImageInfo {
  /** Normalised, for example `docker.io/library/busybox:latest`. */
  readonly reference: string;
  /** `sha256:…` of what the reference points to. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** The credentials for a registry. */
export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
}

/** In characters. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The command to run in a container, and its streams. */
export interface ExecOptions {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** The result of a session. */
export interface ExecResult {
  readonly exitCode: number;
  readonly error?: string;
}

/** A running command or an attached container. Output callbacks are called in order; `done` resolves after the last. */
export interface ExecSession {
  /** False: wait for {@link ExecOutput.drain} before writing more. */
  write(data: Uint8Array): boolean;
  closeStdin(): void;
  /** False: wait for {@link ExecOutput.drain} before setting another size. */
  resize(size: TerminalSize): boolean;
  /** Output flows again after a callback of {@link ExecOutput} returned false. */
  resume(): void;
  /**
   * Ends the command (exec) or leaves the container alone (attach); `done` resolves soon, and output is no longer
   * told.
   */
  close(): void;
  /** Never rejects. */
  readonly done: Promise<ExecResult>;
}

/** The receiver of a session's output. */
export interface ExecOutput {
  /** @returns false when no more can be taken: the session holds its output until {@link ExecSession.resume} */
  stdout(data: Buffer): boolean;
  /** As `stdout`. */
  stderr(data: Buffer): boolean;
  /** Called when the input or the size that was written has gone, and more may be written. */
  drain?(): void;
  /** Called when all of the standard output has been told; the command may go on, and read its input. */
  ended?(): void;
}

/** The resources that a container uses at one moment. */
export interface ContainerStats {
  readonly id: string;
  readonly atMs: number;
  readonly cpuUsageNanos: number;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
  readonly pids: number;
}

/** The events that the runtime reports by itself. */
export type RuntimeEvent =
  | {
      readonly type: 'exited';
      readonly containerId: string;
      readonly exitCode: number;
      readonly atMs: number;
    }
  | { readonly type: 'oom'; readonly containerId: string }
  /** Something may have been missed: look at everything again. */
  | { readonly type: 'resync' };

/** See the head of this file. Every method throws {@link RuntimeError} and nothing else. */
export interface ContainerRuntime {
  readonly name: 'containerd' | 'process' | 'hollow' | 'cri';
  /** For the node's `containerRuntimeVersion`, for example `containerd://1.6.20`. Known after `start`. */
  readonly version: string;
  /** False: pods have no network of their own and share the node's. */
  readonly isolatesNetwork: boolean;
  /** True: sandboxes come with their network and addresses, see {@link SandboxState.ips}. @default false */
  readonly makesNetwork?: boolean;
  /** True: it knows its handlers itself, and refuses others. @default false: `runc` is the only one */
  readonly choosesHandlers?: boolean;
  /** Brings the runtime up (its daemon included where it is managed) and reads back what it owns. */
  start(): Promise<void>;
  /** Ends the agent's side. Containers go on. */
  stop(): Promise<void>;
  /** Undefined: healthy; else why not, for the node's Ready condition. */
  health(): Promise<string | undefined>;
  /** All sandboxes and containers it owns, those from before a restart included. */
  list(): Promise<{
    readonly sandboxes: readonly SandboxState[];
    readonly containers: readonly ContainerState[];
  }>;

  createSandbox(config: SandboxConfig): Promise<SandboxState>;
  /**
   * False when a sandbox is of no use any more, since what keeps it has died. Absent: it is whole as long as its
   * network namespace is there.
   */
  isSandboxWhole?(id: string): Promise<boolean>;
  /** Removes the sandbox with all containers that are left in it. */
  removeSandbox(id: string): Promise<void>;

  /** The image, if it is here. */
  imageStatus(reference: string): Promise<ImageInfo | undefined>;
  /** @throws RuntimeError ImagePullFailed, ImageNotFound or InvalidImageName */
  pullImage(reference: string, auth?: RegistryAuth): Promise<ImageInfo>;
  /** Takes every image of an OCI or Docker archive. @returns their references */
  importImages(archivePath: string): Promise<readonly string[]>;
  listImages(): Promise<readonly ImageInfo[]>;
  removeImage(reference: string): Promise<void>;

  /** @throws RuntimeError ImageNotFound, InvalidConfig, CreateFailed */
  createContainer(config: ContainerConfig): Promise<void>;
  /** @throws RuntimeError StartFailed; the container is then `exited` with code 128 */
  startContainer(id: string): Promise<ContainerState>;
  /** Changes a running container's limits in place. @throws RuntimeError Unsupported where there are none */
  updateContainer(id: string, update: ContainerUpdate): Promise<void>;
  /**
   * Sends `signal` (default the image's stop signal, else SIGTERM), and SIGKILL after `graceMs`. Resolves when the
   * container has exited. A second call with a shorter grace takes over.
   */
  stopContainer(
    id: string,
    options: { readonly graceMs: number; readonly signal?: string },
  ): Promise<void>;
  /** Removes a container that is not running, with its root filesystem; its log stays. */
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerState | undefined>;
  /** The directory of what the container has written into its root; undefined where that is not apart. */
  writableLayer(id: string): string | undefined;
  /** The bytes in it, where only the runtime can tell. */
  writtenBytes?(id: string): Promise<number | undefined>;

  /** Runs a command to its end. Output beyond 64 KiB is cut off. */
  execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ readonly exitCode: number; readonly output: string; readonly timedOut: boolean }>;
  exec(id: string, options: ExecOptions, output: ExecOutput): Promise<ExecSession>;
  attach(
    id: string,
    options: { readonly stdin: boolean },
    output: ExecOutput,
  ): Promise<ExecSession>;
  /** Opens a connection to a port of the sandbox's own loopback. */
  connect(sandboxId: string, port: number, output: ExecOutput): Promise<ExecSession>;

  stats(): Promise<readonly ContainerStats[]>;
  /** @returns a function that ends it */
  onEvent(handler: (event: RuntimeEvent) => void): () => void;
}
