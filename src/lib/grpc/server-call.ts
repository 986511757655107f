import { compact, encodeFields } from '../http2/index.js';
import type { Headers, Http2Stream, StreamHandler } from '../http2/index.js';
import { answerFields, answerHead, plainType, refuse } from './answer-head.js';
import type { BoundMethod, CallHost } from './call-host.js';
import { asideBytesMin, compressed, compressedAside } from './compression.js';
import { FrameReader, wholeMessage } from './framing.js';
import { MessageQueue } from './message-queue.js';
import {
  encodeStatusMessage,
  metadataFields,
  metadataFromHeaders,
  parseTimeoutMs,
  timeoutFault,
} from './metadata.js';
import { Outbox } from './outbox.js';
import { peerCertificateOf } from './peer.js';
import type { CallContext, Duplex, Metadata, PeerCertificate } from './types.js';
import { Code, GrpcError, isGrpcError } from './types.js';
import type { Socket } from 'node:net';
import { errorMessage, toError } from '../errors.js';

const okTrailers = encodeFields([['grpc-status', '0']]);
/** Before each message on the wire. */
const messageHeadBytes = 5;
/** Deadlines may be late by this much: timers of equal length are cheap. */
const deadlineGrainMs = 16;

/** One call: reads its messages, runs the handler, writes the answer and the status. */
export class ServerCall implements CallContext, StreamHandler {
  readonly path: string;
  readonly #stream: Http2Stream;
  readonly #socket: Socket;
  readonly #headers: Headers;
  readonly #method: BoundMethod;
  readonly #host: CallHost;
  #metadata: Metadata | undefined;
  #abort: AbortController | undefined;
  #aborted = false;
  #trailers: Map<string, string | Buffer> | undefined;
  #answered = false;
  #finished = false;
  /** A unary request's first chunk, nearly always the whole of it. */
  #chunk: Buffer | undefined;
  #reader: FrameReader | undefined;
  #queue: MessageQueue<unknown> | undefined;
  #outbox: Outbox | undefined;
  #cancelDeadline: (() => void) | undefined;
  #cancelWait: (() => void) | undefined;
  /** Tells the observer of the call how it ended. */
  #tellEnd: ((error: GrpcError | undefined) => void) | undefined;

  /** @param socket the connection of the stream */
  constructor(
    stream: Http2Stream,
    socket: Socket,
    headers: Headers,
    method: BoundMethod,
    host: CallHost,
  ) {
    this.path = method.path;
    this.#stream = stream;
    this.#socket = socket;
    this.#headers = headers;
    this.#method = method;
    this.#host = host;
    stream.handler = this;
  }

  get metadata(): Metadata {
    return (this.#metadata ??= metadataFromHeaders(this.#headers));
  }

  header(name: string): string | undefined {
    return this.#headers[name];
  }

  get peer(): string {
    return `${this.#socket.remoteAddress ?? ''}:${this.#socket.remotePort ?? 0}`;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return peerCertificateOf(this.#socket);
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

  /** Starts the call. */
  start(): void {
    this.#tellEnd = this.#method.observer?.(this);
    const fault = timeoutFault(this.#headers['grpc-timeout'] ?? '0n');
    if (fault !== undefined) {
      this.#finished = true;
      const text = `malformed grpc-timeout: ${fault}`;
      refuse(this.#stream, Code.Internal, text, 400);
      this.#tellEnd?.(new GrpcError(Code.Internal, text));
      return;
    }
    const encoding = this.#encoding;
    if (encoding !== undefined && encoding !== 'identity' && encoding !== 'gzip') {
      this.setTrailer('grpc-accept-encoding', 'identity,gzip');
      const text = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
      this.#fail(new GrpcError(Code.Unimplemented, text));
      return;
    }
    const timeout = this.#headers['grpc-timeout'];
    if (timeout !== undefined) this.#startDeadline(parseTimeoutMs(timeout));
    if (this.#finished) return;
    if (this.#method.definition.requestStream) this.#readStream();
    else if (this.#host.requestMs !== undefined) {
      this.#cancelWait = this.#host.clock.schedule(this.#host.requestMs, () => {
        this.#fail(new GrpcError(Code.DeadlineExceeded, 'the request message has not come'));
      });
    }
  }

  get #type(): string {
    return this.#headers['content-type'] ?? plainType;
  }

  get #encoding(): string | undefined {
    return this.#headers['grpc-encoding'];
  }

  /** As Go's servers: the answer is compressed as the request was, or might have been. */
  get #compresses(): boolean {
    return this.#encoding === 'gzip';
  }

  #startDeadline(timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) return;
    if (timeoutMs === 0) {
      this.#fail(new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded'));
      return;
    }
    const delayMs = Math.ceil(timeoutMs / deadlineGrainMs) * deadlineGrainMs;
    this.#cancelDeadline = this.#host.clock.schedule(delayMs, () => {
      this.#fail(new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded'));
    });
  }

  onHeaders(): void {
    // A caller's trailers say nothing to gRPC.
  }

  onWritable(): void {
    this.#outbox?.wake();
  }

  onData(chunk: Buffer, isLast: boolean): void {
    if (this.#finished) return;
    if (this.#reader === undefined && this.#chunk === undefined && this.#queue === undefined) {
      this.#chunk = isLast ? chunk : compact(chunk);
      return;
    }
    const reader = (this.#reader ??= this.#newReader());
    if (this.#chunk !== undefined) reader.push(this.#chunk);
    this.#chunk = undefined;
    reader.push(chunk);
    try {
      if (this.#queue === undefined) reader.checkLength();
      else {
        if (isLast) this.#keeps(chunk.length);
        this.#queueMessages(reader, this.#queue);
      }
      reader.settle();
    } catch (error) {
      this.#queue?.end(toError(error));
      this.#fail(error);
    }
  }

  #newReader(): FrameReader {
    const { maxReceiveBytes, inflateBudget } = this.#host;
    return new FrameReader(maxReceiveBytes, this.#encoding, inflateBudget);
  }

  #queueMessages(reader: FrameReader, queue: MessageQueue<unknown>): void {
    for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
      const inflatedBytes = reader.inflatedBytes;
      if (inflatedBytes > 0) this.#keeps(inflatedBytes);
      const message = this.#decode(queue.hasReader ? bytes : compact(bytes));
      queue.push(message, bytes.length);
    }
    if (queue.isEmpty && !reader.partial) this.#stream.consumed();
  }

  /** @throws GrpcError when so much more is not to be held */
  #keeps(bytes: number): void {
    if (this.#stream.keeps(bytes)) return;
    throw new GrpcError(Code.ResourceExhausted, 'grpc: too much is held for this connection');
  }

  onEnd(): void {
    this.#cancelWait?.();
    if (this.#finished) return;
    if (this.#queue !== undefined) {
      this.#queue.end();
      return;
    }
    this.#stream.consumed();
    let request: unknown;
    try {
      request = this.#decode(this.#unaryBytes());
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#run(request);
  }

  onClosed(): void {
    this.#cancelWait?.();
    this.#cancelDeadline?.();
    if (!this.#finished) {
      this.#host.log.debug({ path: this.path }, 'the caller went away');
      this.#tellEnd?.(new GrpcError(Code.Cancelled, 'the caller went away'));
    }
    this.#finished = true;
    this.#outbox?.wake();
    this.#abortCall();
  }

  /** The one message of a request that has ended. */
  #unaryBytes(): Buffer {
    const chunk = this.#chunk;
    const { maxReceiveBytes } = this.#host;
    const whole = chunk === undefined ? undefined : wholeMessage(chunk, maxReceiveBytes);
    if (whole !== undefined) return whole;
    const reader = (this.#reader ??= this.#newReader());
    if (chunk !== undefined) reader.push(chunk);
    const bytes = reader.next();
    if (bytes === undefined) {
      throw new GrpcError(Code.Unknown, reader.begun ? 'unexpected EOF' : 'EOF');
    }
    return bytes;
  }

  #readStream(): void {
    const stream = this.#stream;
    this.#queue = new MessageQueue<unknown>({
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      abandoned: () => {
        stream.consumed();
        stream.resume();
      },
      taken: (bytes, isEmpty) => {
        if (isEmpty && this.#reader?.partial !== true) stream.consumed();
        else stream.released(bytes + messageHeadBytes);
      },
    });
    this.#run(undefined);
  }

  #decode(bytes: Buffer): unknown {
    try {
      return this.#method.definition.requestType.decode(bytes);
    } catch (cause) {
      throw new GrpcError(
        Code.Internal,
        `grpc: error unmarshalling request: ${errorMessage(cause)}`,
        { cause },
      );
    }
  }

  #run(request: unknown): void {
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
        () => this.#finish(),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #duplex(): Duplex<unknown, unknown> {
    if (this.#method.definition.responseStream) this.#sendAnswerHeaders();
    const outbox = (this.#outbox = new Outbox(this.#stream, this.#compresses));
    const { responseType } = this.#method.definition;
    const queue = this.#queue;
    return {
      send: (message) => outbox.push([responseType.encode(message).finish()]),
      sendEncoded: (parts) => outbox.push(parts),
      drained: () => outbox.drained(),
      get ended() {
        return outbox.ended;
      },
      [Symbol.asyncIterator]: () => {
        if (queue === undefined) throw new TypeError('this call has no request stream');
        return queue;
      },
    };
  }

  #sendAnswerHeaders(): void {
    this.#answered = true;
    this.#stream.headers(answerHead(this.#type, this.#compresses), false);
  }

  #answer(response: unknown): void {
    if (this.#finished) return;
    let bytes: Uint8Array;
    try {
      bytes = this.#method.definition.responseType.encode(response).finish();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#compresses && bytes.length > 0) this.#answerCompressed(bytes);
    else this.#sendAnswer(bytes, 0);
  }

  #answerCompressed(bytes: Uint8Array): void {
    if (bytes.length < asideBytesMin) {
      this.#sendAnswer(compressed(bytes), 1);
      return;
    }
    compressedAside(bytes).then(
      (message) => {
        if (!this.#finished) this.#sendAnswer(message, 1);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #sendAnswer(message: Uint8Array, format: 0 | 1): void {
    this.#sendAnswerHeaders();
    this.#stream.message([message], format);
    this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#cancelDeadline?.();
    this.#tellEnd?.(undefined);
    this.#stream.forgive();
    const trailers = this.#trailers;
    this.#stream.finish(
      trailers === undefined
        ? okTrailers
        : encodeFields([['grpc-status', '0'], ...metadataFields(trailers)]),
    );
  }

  #fail(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#cancelDeadline?.();
    const status = this.#statusOf(error);
    this.#tellEnd?.(status);
    const fields: [string, string][] = [
      ['grpc-status', String(status.code)],
      ['grpc-message', encodeStatusMessage(status.message)],
      ...metadataFields(status.metadata),
    ];
    if (this.#trailers !== undefined) fields.push(...metadataFields(this.#trailers));
    this.#stream.finish(
      encodeFields(this.#answered ? fields : [...answerFields(this.#type), ...fields]),
    );
    this.#abortCall();
  }

  #statusOf(error: unknown): GrpcError {
    if (isGrpcError(error)) return error;
    this.#host.log.error({ path: this.path, error }, 'a handler failed');
    return new GrpcError(Code.Unknown, errorMessage(error));
  }

  #abortCall(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#abort?.abort();
    this.#queue?.end(new GrpcError(Code.Cancelled, 'context canceled'));
  }
}
