import { errorCode } from '../http2/index.js';
import type { Headers, Http2Stream, StreamHandler } from '../http2/index.js';
import { FrameReader, wholeMessage } from './framing.js';
import { MessageQueue } from './message-queue.js';
import { codeFromHttpStatus, decodeStatusMessage, metadataFromHeaders } from './metadata.js';
import { Outbox } from './outbox.js';
import type { ClientDuplex, Code, MethodDefinition } from './types.js';
import { Code as Codes, GrpcError } from './types.js';

/** The settings that every kind of call needs. */
export interface CallSetup {
  readonly definition: MethodDefinition;
  readonly maxReceiveBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline:
    { readonly ms: number; schedule(ms: number, fn: () => void): () => void } | undefined;
}

/** Statuses after which the server may have acted all the same: it ran out of time, lost its leader, or broke. */
const outcomeUnknown: ReadonlySet<number> = new Set([
  Codes.Cancelled,
  Codes.Unknown,
  Codes.DeadlineExceeded,
  Codes.Internal,
  Codes.Unavailable,
  Codes.DataLoss,
]);

function statusError(headers: Headers): GrpcError | undefined {
  const text = headers['grpc-status'];
  if (text === '0') return undefined;
  const code = Number(text);
  const message = headers['grpc-message'];
  return new GrpcError(
    (Number.isInteger(code) && code >= 0 && code <= 16 ? code : Codes.Unknown) as Code,
    message === undefined ? '' : decodeStatusMessage(message),
    { metadata: metadataFromHeaders(headers), definite: !outcomeUnknown.has(code) },
  );
}

function asGrpcError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const options = { definite: false, cause: error };
  return new GrpcError(Codes.Internal, 'the answer cannot be decoded', options);
}

/** Codes of resets that have a status of their own (grpc/doc/PROTOCOL-HTTP2.md, "Errors"); all others are INTERNAL. */
function codeFromReset(code: number): Code {
  switch (code) {
    case errorCode.refusedStream:
      return Codes.Unavailable;
    case errorCode.cancel:
      return Codes.Cancelled;
    case errorCode.enhanceYourCalm:
      return Codes.ResourceExhausted;
    default:
      return Codes.Internal;
  }
}

/**
 * Messages of a call under way as they come, then exactly one end: status, broken connection, cancellation or deadline.
 */
abstract class ClientCall implements StreamHandler {
  protected stream: Http2Stream | undefined;
  protected readonly setup: CallSetup;
  readonly #cancelDeadline: (() => void) | undefined;
  readonly #onAbort: (() => void) | undefined;
  #reader: FrameReader | undefined;
  #status: Headers | undefined;
  #encoding: string | undefined;
  #httpStatus = '200';
  #ended = false;

  constructor(setup: CallSetup) {
    this.setup = setup;
    const { deadline, signal } = setup;
    this.#cancelDeadline = deadline?.schedule(deadline.ms, () => {
      const options = { definite: false };
      this.giveUp(new GrpcError(Codes.DeadlineExceeded, 'context deadline exceeded', options));
    });
    if (signal === undefined) return;
    this.#onAbort = (): void => {
      this.giveUp(new GrpcError(Codes.Cancelled, 'context canceled', { definite: false }));
    };
    if (!signal.aborted) signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** True once the caller knows the outcome. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The call has its stream. */
  attach(stream: Http2Stream): void {
    this.stream = stream;
    stream.handler = this;
  }

  /** Ends the call for the caller, and tells the server that nobody waits. */
  giveUp(error: GrpcError): void {
    this.finish(error);
    this.stream?.reset(errorCode.cancel);
  }

  onHeaders(headers: Headers): void {
    const httpStatus = headers[':status'];
    if (httpStatus !== undefined) this.#httpStatus = httpStatus;
    this.#encoding ??= headers['grpc-encoding'];
    if (httpStatus === undefined || headers['grpc-status'] !== undefined) this.#status = headers;
  }

  onData(chunk: Buffer): void {
    if (this.#ended || this.#httpStatus !== '200') return;
    const { maxReceiveBytes } = this.setup;
    if (this.#reader === undefined) {
      const whole = wholeMessage(chunk, maxReceiveBytes);
      if (whole !== undefined) {
        this.#take(whole);
        return;
      }
      this.#reader = new FrameReader(maxReceiveBytes, this.#encoding);
    }
    const reader = this.#reader;
    reader.push(chunk);
    try {
      for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
        if (!this.#take(bytes)) return;
      }
      if (!reader.partial) this.#reader = undefined;
    } catch (error) {
      this.giveUp(asGrpcError(error));
    }
  }

  /** @returns false when the message made no sense, which ends the call */
  #take(bytes: Buffer): boolean {
    try {
      this.onMessage(bytes);
    } catch (error) {
      this.giveUp(asGrpcError(error));
    }
    return !this.#ended;
  }

  onEnd(): void {
    this.finish(this.#outcome(undefined));
    if (this.stream?.localEnded === false) this.stream.reset(errorCode.cancel);
  }

  onWritable(): void {
    // Unary calls write once.
  }

  onClosed(code: number | undefined): void {
    this.finish(this.#outcome(code));
  }

  /** Returns the error of the call, judged by the frames that have arrived; undefined for success. */
  #outcome(code: number | undefined): GrpcError | undefined {
    if (this.#status !== undefined) {
      if (this.#status['grpc-status'] !== undefined) return statusError(this.#status);
      return new GrpcError(Codes.Internal, 'the answer has no status', { definite: false });
    }
    if (this.#httpStatus !== '200') {
      return new GrpcError(
        codeFromHttpStatus(Number(this.#httpStatus)),
        `unexpected HTTP status code received from server: ${this.#httpStatus}`,
      );
    }
    if (code === undefined) {
      const text = 'the connection ended before the answer';
      return new GrpcError(Codes.Unavailable, text, { definite: false });
    }
    const text = `the server reset the stream with code ${code}`;
    const definite = code === errorCode.refusedStream;
    return new GrpcError(codeFromReset(code), text, { definite });
  }

  protected finish(error: GrpcError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelDeadline?.();
    if (this.#onAbort !== undefined) this.setup.signal?.removeEventListener('abort', this.#onAbort);
    this.onOutcome(error);
  }

  protected abstract onMessage(bytes: Buffer): void;

  protected abstract onOutcome(error: GrpcError | undefined): void;
}

/** A call with one request and one answer. */
export class UnaryCall extends ClientCall {
  readonly #resolve: (answer: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #answer: Buffer | undefined;

  constructor(
    setup: CallSetup,
    settle: { resolve: (answer: unknown) => void; reject: (error: unknown) => void },
  ) {
    super(setup);
    this.#resolve = settle.resolve;
    this.#reject = settle.reject;
  }

  protected override onMessage(bytes: Buffer): void {
    if (this.#answer !== undefined) {
      const text = 'the answer has more than one message';
      throw new GrpcError(Codes.Internal, text, { definite: false });
    }
    this.#answer = bytes;
  }

  protected override onOutcome(error: GrpcError | undefined): void {
    if (error !== undefined) {
      this.#reject(error);
      return;
    }
    if (this.#answer === undefined) {
      const text = 'the answer has no message';
      this.#reject(new GrpcError(Codes.Internal, text, { definite: false }));
      return;
    }
    let answer: unknown;
    try {
      answer = this.setup.definition.responseType.decode(this.#answer);
    } catch (cause) {
      const text = 'the answer cannot be decoded';
      this.#reject(new GrpcError(Codes.Internal, text, { definite: false, cause }));
      return;
    }
    this.#resolve(answer);
  }
}

/** A stream of answers, and of requests too. */
export class StreamCall extends ClientCall implements ClientDuplex<unknown, unknown> {
  readonly #queue: MessageQueue<unknown>;
  #outbox: Outbox | undefined;

  constructor(setup: CallSetup) {
    super(setup);
    this.#queue = new MessageQueue<unknown>({
      pause: () => this.stream?.pause(),
      resume: () => {
        this.stream?.consumed();
        this.stream?.resume();
      },
      abandoned: () => this.stream?.reset(errorCode.cancel),
    });
  }

  override attach(stream: Http2Stream): void {
    super.attach(stream);
    this.#outbox = new Outbox(stream);
  }

  override onWritable(): void {
    this.#outbox?.wake();
  }

  override onClosed(code: number | undefined): void {
    super.onClosed(code);
    this.#outbox?.wake();
  }

  protected override onMessage(bytes: Buffer): void {
    this.#queue.push(this.setup.definition.responseType.decode(bytes), bytes.length);
    if (!this.#queue.paused) this.stream?.consumed();
  }

  protected override onOutcome(error: GrpcError | undefined): void {
    this.#queue.end(error);
  }

  send(message: unknown): boolean {
    return this.sendEncoded([this.setup.definition.requestType.encode(message).finish()]);
  }

  sendEncoded(parts: readonly Uint8Array[]): boolean {
    return this.#outbox?.push(parts) ?? true;
  }

  drained(): Promise<void> {
    return this.#outbox?.drained() ?? Promise.resolve();
  }

  // `ended` of the duplex is about sending: nothing arrives any more.
  override get ended(): boolean {
    return super.ended || (this.#outbox?.ended ?? true);
  }

  end(): void {
    this.stream?.end();
  }

  cancel(): void {
    this.#queue.end(new GrpcError(Codes.Cancelled, 'context canceled'));
    this.giveUp(new GrpcError(Codes.Cancelled, 'context canceled'));
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#queue;
  }
}
