import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { Code, createGrpcChannel, isGrpcError, rpcErrorText } from '../../lib/grpc/index.js';
import type { CallOptions, Channel, Client } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../gen/cri/api.js';
import type { RuntimeErrorCode } from '../types.js';
import { RuntimeError } from '../types.js';

/** What most calls get. @see kubelet --runtime-request-timeout */
const requestMs = 120_000;

const codes: ReadonlyMap<Code, RuntimeErrorCode> = new Map([
  [Code.NotFound, 'NotFound'],
  [Code.Unimplemented, 'Unsupported'],
  [Code.Unavailable, 'Unavailable'],
  [Code.DeadlineExceeded, 'DeadlineExceeded'],
]);

/** The error of a call to the runtime, with the text that kubelet would show. */
export function runtimeError(error: unknown, fallback: RuntimeErrorCode = 'Failed'): RuntimeError {
  if (error instanceof RuntimeError) return error;
  if (!isGrpcError(error)) return new RuntimeError(fallback, errorMessage(error), { cause: error });
  const code = codes.get(error.code) ?? fallback;
  return new RuntimeError(code, rpcErrorText(error), { cause: error });
}

/** The two services of a runtime, over its socket. */
export class CriClient {
  readonly runtime: Client<typeof RuntimeServiceDefinition>;
  readonly images: Client<typeof ImageServiceDefinition>;
  readonly #channel: Channel;

  constructor(options: {
    /** `unix:///run/containerd/containerd.sock`. */
    readonly endpoint: string;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    const { clock, log } = options;
    this.#channel = createGrpcChannel({
      target: `unix:${socketOf(options.endpoint)}`,
      // containerd's server ends connections that ping.
      keepAliveMs: 0,
      defaultDeadlineMs: requestMs,
      clock,
      log,
    });
    this.runtime = this.#channel.client(RuntimeServiceDefinition);
    this.images = this.#channel.client(ImageServiceDefinition);
  }

  close(): void {
    this.#channel.close();
  }
}

/** The path of the socket of an endpoint, which is a URL or a path. */
export function socketOf(endpoint: string): string {
  return endpoint.replace(/^unix:(?:\/\/)?/, '');
}

/** Makes a call. @throws RuntimeError with the code `fallback` for what has none of its own */
export async function called<T>(answer: Promise<T>, fallback?: RuntimeErrorCode): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw runtimeError(error, fallback);
  }
}

/** Makes a call; undefined when what it is about is not there. @throws RuntimeError */
export async function calledIfThere<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isGrpcError(error) && error.code === Code.NotFound) return undefined;
    throw runtimeError(error);
  }
}

/** Options of a call that may take so long on top of the usual time. */
export function patient(extraMs: number): CallOptions {
  return { deadlineMs: requestMs + extraMs };
}
