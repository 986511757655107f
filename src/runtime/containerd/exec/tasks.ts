import type { Clock } from '../../../lib/clock.js';
import { createGrpcChannel, isGrpcError, Code } from '../../../lib/grpc/index.js';
import type { Channel, Client } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import { errorMessage } from '../../../lib/errors.js';
import { TasksDefinition } from '../../../gen/containerd/tasks.js';
import type { OciSpec } from '../oci.js';
import { RuntimeError } from '../../types.js';
import type { RuntimeErrorCode } from '../../types.js';

/** The type under which containerd knows the process of an OCI specification, encoded as JSON. */
const processType = 'types.containerd.io/opencontainers/runtime-spec/1/Process';

/** The same of its limits. */
const resourcesType = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources';

/** A call that waits for the end of a command asks again after this long. */
const waitMs = 3_600_000;

/** The name of one command in one container. */
export interface ExecName {
  readonly containerId: string;
  readonly execId: string;
}

/** The task service of containerd, as far as commands in containers need it. All calls throw {@link RuntimeError}. */
export interface ExecTasks {
  /** Prepares a command whose streams are the named pipes; an empty path is no stream. */
  prepare(
    name: ExecName,
    process: OciSpec['process'],
    pipes: { readonly stdin: string; readonly stdout: string; readonly stderr: string },
  ): Promise<void>;
  start(name: ExecName): Promise<void>;
  /** Resolves with the exit code. @throws RuntimeError DeadlineExceeded after an hour: ask again */
  wait(name: ExecName): Promise<number>;
  kill(name: ExecName, signal: number): Promise<void>;
  resize(name: ExecName, size: { readonly width: number; readonly height: number }): Promise<void>;
  /** Nothing more is written into the pipe of standard input. */
  closeStdin(name: ExecName): Promise<void>;
  /** Forgets a command that has ended or was not started. */
  remove(name: ExecName): Promise<void>;
}

/** The task service, as far as the limits of a running container need it. */
export interface LimitTasks {
  /** Fields that are absent stay as they are. @throws RuntimeError */
  update(containerId: string, resources: Partial<OciSpec['linux']['resources']>): Promise<void>;
}

const codes: ReadonlyMap<Code, RuntimeErrorCode> = new Map([
  [Code.NotFound, 'NotFound'],
  [Code.FailedPrecondition, 'NotRunning'],
  [Code.Unavailable, 'Unavailable'],
  [Code.DeadlineExceeded, 'DeadlineExceeded'],
]);

function runtimeError(error: unknown): RuntimeError {
  const code = isGrpcError(error) ? codes.get(error.code) : undefined;
  return new RuntimeError(code ?? 'Failed', errorMessage(error), { cause: error });
}

/** {@link ExecTasks} and {@link LimitTasks} over containerd's socket. */
export class ContainerdTasks implements ExecTasks, LimitTasks {
  readonly #channel: Channel;
  readonly #client: Client<typeof TasksDefinition>;
  readonly #metadata: ReadonlyMap<string, string>;

  constructor(options: {
    /** The path of the socket. */
    readonly address: string;
    readonly namespace: string;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { address, namespace, clock, log } = options;
    // containerd's server ends connections that ping.
    this.#channel = createGrpcChannel({ target: `unix:${address}`, keepAliveMs: 0, clock, log });
    this.#client = this.#channel.client(TasksDefinition);
    this.#metadata = new Map([['containerd-namespace', namespace]]);
  }

  close(): void {
    this.#channel.close();
  }

  async prepare(
    name: ExecName,
    process: OciSpec['process'],
    pipes: { readonly stdin: string; readonly stdout: string; readonly stderr: string },
  ): Promise<void> {
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(process)) };
    const { terminal } = process;
    await this.#call((options) =>
      this.#client.exec({ ...name, ...pipes, terminal, spec }, options),
    );
  }

  async start(name: ExecName): Promise<void> {
    await this.#call((options) => this.#client.start(name, options));
  }

  async wait(name: ExecName): Promise<number> {
    const { exitStatus } = await this.#call((options) =>
      this.#client.wait(name, { ...options, deadlineMs: waitMs }),
    );
    return exitStatus;
  }

  async kill(name: ExecName, signal: number): Promise<void> {
    await this.#call((options) => this.#client.kill({ ...name, signal, all: false }, options));
  }

  async resize(
    name: ExecName,
    size: { readonly width: number; readonly height: number },
  ): Promise<void> {
    await this.#call((options) => this.#client.resizePty({ ...name, ...size }, options));
  }

  async closeStdin(name: ExecName): Promise<void> {
    await this.#call((options) => this.#client.closeIO({ ...name, stdin: true }, options));
  }

  async remove(name: ExecName): Promise<void> {
    await this.#call((options) => this.#client.deleteProcess(name, options));
  }

  async update(
    containerId: string,
    resources: Partial<OciSpec['linux']['resources']>,
  ): Promise<void> {
    const value = Buffer.from(JSON.stringify(resources));
    const request = { containerId, resources: { typeUrl: resourcesType, value } };
    await this.#call((options) => this.#client.update(request, options));
  }

  async #call<T>(
    call: (options: { readonly metadata: ReadonlyMap<string, string> }) => Promise<T>,
  ): Promise<T> {
    try {
      return await call({ metadata: this.#metadata });
    } catch (error) {
      throw runtimeError(error);
    }
  }
}
