import { constants } from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Logger } from '../log.js';
import { FrameReader, frameMessage } from './framing.js';
import { MessageQueue } from './message-queue.js';
import { addMetadata, encodeStatusMessage, metadataFromHeaders } from './metadata.js';
import { Outbox } from './outbox.js';
import { peerCertificateOf } from './peer.js';
import type { CallContext, Duplex, Metadata, MethodDefinition, PeerCertificate } from './types.js';
import { Code, GrpcError, isGrpcError } from './types.js';

/** A method with its handler, types erased: the definition's codecs and the handler agree by construction. */
export interface BoundMethod {
  readonly path: string;
  readonly definition: MethodDefinition;
  readonly handler: (...parameters: readonly unknown[]) => unknown;
}

const okTrailers: OutgoingHttpHeaders = { 'grpc-status': '0' };
const responseHeaders: OutgoingHttpHeaders = {
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': 'identity,gzip',
};

/** Ends a stream that never became a call with a status alone. */
export function refuse(stream: ServerHttp2Stream, code: Code, message: string): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    {
      ...responseHeaders,
      'grpc-status': String(code),
      'grpc-message': encodeStatusMessage(message),
    },
    { endStream: true },
  );
}

/** One call: reads its messages, runs the handler, writes the answer and the status. */
export class ServerCall implements CallContext {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #method: BoundMethod;
  readonly #log: Logger;
  #metadata: Metadata | undefined;
  #abort: AbortController | undefined;
  #aborted = false;
  #trailers: Map<string, string | Buffer> | undefined;
  #finished = false;
  #queue: MessageQueue<unknown> | undefined;
  #cancelDeadline: (() => void) | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    method: BoundMethod,
    log: Logger,
  ) {
    this.path = method.path;
    this.#stream = stream;
    this.#headers = headers;
    this.#method = method;
    this.#log = log;
    stream.on('error', () => undefined);
    stream.on('close', () => this.#closed());
  }

  get metadata(): Metadata {
    return (this.#metadata ??= metadataFromHeaders(this.#headers));
  }

  get peer(): string {
    const socket = this.#stream.session?.socket;
    return `${socket?.remoteAddress ?? ''}:${socket?.remotePort ?? 0}`;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return peerCertificateOf(this.#stream.session?.socket);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  setTrailer(name: string, value: string | Buffer): void {
    this.#trailers ??= new Map();
    this.#trailers.set(name, value);
  }

  /** Starts the call. `schedule` is the clock's, for the caller's deadline. */
  start(options: {
    readonly maxReceiveBytes: number;
    readonly timeoutMs: number | undefined;
    readonly schedule: (delayMs: number, fn: () => void) => () => void;
  }): void {
    if (options.timeoutMs !== undefined) {
      this.#cancelDeadline = options.schedule(options.timeoutMs, () => {
        this.#fail(new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded'));
      });
    }
    const reader = new FrameReader(options.maxReceiveBytes);
    if (this.#method.definition.requestStream) this.#readStream(reader);
    else this.#readUnary(reader);
  }

  #readUnary(reader: FrameReader): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    stream.on('end', () => {
      let request: unknown;
      try {
        const bytes = reader.next();
        if (bytes === undefined) {
          throw new GrpcError(Code.Internal, 'grpc: the request message is missing or cut short');
        }
        request = this.#decode(bytes);
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#run(request);
    });
  }

  #readStream(reader: FrameReader): void {
    const stream = this.#stream;
    const queue = new MessageQueue<unknown>({
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      abandoned: () => stream.resume(),
    });
    this.#queue = queue;
    stream.on('data', (chunk: Buffer) => {
      if (this.#finished) return;
      reader.push(chunk);
      try {
        for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
          queue.push(this.#decode(bytes));
        }
      } catch (error) {
        queue.end(error instanceof Error ? error : new Error(String(error)));
        this.#fail(error);
      }
    });
    stream.on('end', () => {
      if (!this.#aborted) queue.end();
    });
    this.#run(undefined);
  }

  #decode(bytes: Buffer): unknown {
    try {
      return this.#method.definition.requestType.decode(bytes);
    } catch (cause) {
      throw new GrpcError(
        Code.Internal,
        `grpc: error unmarshalling request: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  #run(request: unknown): void {
    if (this.#finished || this.#aborted) return;
    const { definition, handler } = this.#method;
    try {
      if (!definition.responseStream) {
        const result = definition.requestStream
          ? handler(this.#duplex(), this)
          : handler(request, this);
        if (result instanceof Promise) {
          result.then(
            (response) => this.#answer(response),
            (error: unknown) => this.#fail(error),
          );
        } else {
          this.#answer(result);
        }
        return;
      }
      const duplex = this.#duplex();
      const done = definition.requestStream
        ? handler(duplex, this)
        : handler(request, duplex, this);
      Promise.resolve(done).then(
        () => this.#finish(duplex),
        (error: unknown) => this.#fail(error, duplex),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #duplex(): Duplex<unknown, unknown> & { flush(): void } {
    const stream = this.#stream;
    if (this.#method.definition.responseStream && !stream.headersSent && !stream.destroyed) {
      this.#respond();
    }
    const outbox = new Outbox(stream);
    const { responseType } = this.#method.definition;
    const queue = this.#queue;
    return {
      send: (message) => outbox.push(responseType.encode(message).finish()),
      sendEncoded: (bytes) => outbox.push(bytes),
      drained: () => outbox.drained(),
      flush: () => outbox.flush(),
      get ended() {
        return outbox.ended;
      },
      [Symbol.asyncIterator]: () => {
        if (queue === undefined) throw new TypeError('this call has no request stream');
        return queue;
      },
    };
  }

  #respond(): void {
    this.#stream.respond(responseHeaders, { waitForTrailers: true });
    this.#stream.on('wantTrailers', () => {
      this.#sendTrailers();
    });
  }

  #sendTrailers(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const trailers = this.#status ?? okTrailers;
    if (this.#trailers === undefined) {
      stream.sendTrailers(trailers);
    } else {
      const all = { ...trailers };
      addMetadata(all, this.#trailers);
      stream.sendTrailers(all);
    }
    if (!stream.readableEnded) this.#stopReading();
  }

  #status: OutgoingHttpHeaders | undefined;

  #answer(response: unknown): void {
    if (this.#finished) return;
    let frame: Buffer;
    try {
      frame = frameMessage(this.#method.definition.responseType.encode(response).finish());
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#finished = true;
    this.#cancelDeadline?.();
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#respond();
    stream.end(frame);
  }

  #finish(duplex: { flush(): void }): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#cancelDeadline?.();
    duplex.flush();
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.end();
  }

  #fail(error: unknown, duplex?: { flush(): void }): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#cancelDeadline?.();
    duplex?.flush();
    const status = this.#statusOf(error);
    this.#abortCall();
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const fields: OutgoingHttpHeaders = {
      'grpc-status': String(status.code),
      'grpc-message': encodeStatusMessage(status.message),
    };
    addMetadata(fields, status.metadata);
    if (stream.headersSent) {
      this.#status = fields;
      stream.end();
    } else {
      const headers = { ...responseHeaders, ...fields };
      if (this.#trailers !== undefined) addMetadata(headers, this.#trailers);
      stream.respond(headers, { endStream: true });
      this.#stopReading();
    }
  }

  /** An ended call takes no more input: once its status has left, the stream is reset so that the caller stops. */
  #stopReading(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    stream.resume();
    setImmediate(() => {
      if (!stream.readableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #statusOf(error: unknown): GrpcError {
    if (isGrpcError(error)) return error;
    this.#log.error({ path: this.path, error }, 'a handler failed');
    return new GrpcError(Code.Unknown, error instanceof Error ? error.message : String(error));
  }

  #closed(): void {
    this.#cancelDeadline?.();
    if (!this.#finished) this.#log.debug({ path: this.path }, 'the caller went away');
    this.#finished = true;
    this.#queue?.end(new GrpcError(Code.Cancelled, 'context canceled'));
    this.#abortCall();
  }

  #abortCall(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#abort?.abort();
    this.#queue?.end(new GrpcError(Code.Cancelled, 'context canceled'));
  }
}
