/**
 * A gRPC call on the simulated network: encoded bytes in both directions, in order, with an end that either side may
 * not see.
 */
import type { CallContext, CallOptions, PeerCertificate } from '../../../src/lib/grpc/index.js';
import { Code, GrpcError, isGrpcError } from '../../../src/lib/grpc/index.js';
import type { MessageCodec } from '../../../src/lib/grpc/types.js';
import type { SimNetwork, SimServer } from './network.js';
import type { Life, SimProcess } from './process.js';

/** A method as its codecs know it. */
export interface Method {
  readonly name: string;
  readonly requestType: MessageCodec<unknown>;
  readonly responseType: MessageCodec<unknown>;
  readonly responseStream: boolean;
}

/** The identity of a caller. */
export interface Identity {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** The certificate that the server sees. */
export function certificateOf({ commonName, organizations }: Identity): PeerCertificate {
  return { commonName, organizations, uris: [], dnsNames: [] };
}

/** The connection is gone. `definite`: the request surely did not arrive. */
export function unavailable(definite: boolean, why: string): GrpcError {
  return new GrpcError(Code.Unavailable, why, { definite });
}

/** Copies the parts of an error that go over the wire: nothing of the server's own objects. */
export function copyError(error: unknown): GrpcError {
  if (!isGrpcError(error)) return new GrpcError(Code.Unknown, String(error));
  const metadata = new Map(
    [...error.metadata].map(([name, value]) => [
      name,
      typeof value === 'string' ? value : Buffer.from(value),
    ]),
  );
  return new GrpcError(error.code, error.message, { metadata, definite: error.definite });
}

/** A call under way, as both ends share it in the simulation. */
export interface Call {
  readonly client: Life;
  readonly server: Life;
  /** The client learns that the connection is gone. */
  broken(error: GrpcError): void;
  /** The server learns that the client is gone. */
  abandoned(): void;
}

/** The server's view of a call; the client's leaving is told to who asks for it, as `ServerCall` does. */
export class ServedCall implements CallContext {
  readonly metadata = new Map<string, string>();
  readonly peer = '10.0.0.1:40000';
  readonly peerCertificate: PeerCertificate;
  readonly path: string;
  readonly #gone: Gone;

  constructor(path: string, peer: PeerCertificate, gone: Gone) {
    this.path = path;
    this.peerCertificate = peer;
    this.#gone = gone;
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  header(): undefined {
    return undefined;
  }

  setTrailer(): void {}
}

/** Whether the client of a call has gone. A signal costs more than the rest of a call: few calls ask for one. */
export class Gone {
  #abort: AbortController | undefined;
  #isTold = false;

  get isTold(): boolean {
    return this.#isTold;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isTold) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  tell(): void {
    this.#isTold = true;
    this.#abort?.abort();
  }
}

/** Never tells anything: what a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** The received messages of a stream. */
export class Inbox<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #leave: () => void;
  #waiting:
    | {
        readonly resolve: (result: IteratorResult<T>) => void;
        readonly reject: (e: unknown) => void;
      }
    | undefined;
  #end: { readonly error: GrpcError | undefined } | undefined;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    if (this.#waiting === undefined) this.#items.push(item);
    else {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ value: item, done: false });
    }
  }

  finish(error: GrpcError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (error === undefined) waiting.resolve({ value: undefined, done: true });
    else waiting.reject(error);
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ value: item, done: false });
    if (this.#end !== undefined) {
      const { error } = this.#end;
      if (error === undefined) return Promise.resolve({ value: undefined, done: true });
      this.#end = { error: undefined };
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#end ??= { error: undefined };
    this.#items.length = 0;
    this.#leave();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Runs `onAbort` once when the signal of a call's options aborts. @returns a function that ends it */
export function onAbort({ signal }: CallOptions, act: () => void): () => void {
  if (signal === undefined) return () => undefined;
  signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}

/** The parts of a call on the network. */
export interface CallParts {
  readonly network: SimNetwork;
  readonly client: SimProcess;
  readonly life: Life;
  readonly method: Method;
  readonly key: string;
  readonly identity: Identity;
}

/** A server that could be reached, in the life that it led then. */
export type Reached = { readonly server: SimServer; readonly life: Life } | undefined;

/** A method of a service, its types forgotten. */
export type Handler = (...parameters: unknown[]) => unknown;
