/**
 * The contract of our gRPC plumbing: what a service handler gets and gives, and what a client sees.
 * Services are the `XDefinition` objects that `src/gen` holds; both sides' types derive from them.
 */

/** gRPC status codes (grpc/doc/statuscodes.md). */
export const Code = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

/** One of the status codes of gRPC. */
export type Code = (typeof Code)[keyof typeof Code];

/** Header or trailer fields: lower-case names; a value of a `-bin` name is bytes, all others are text. */
export type Metadata = ReadonlyMap<string, string | Buffer>;

/**
 * The error of a call that does not succeed. Thrown by handlers, thrown at callers. `definite` is false when the server
 * may have acted all the same (a broken connection, a deadline).
 */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: Code;
  readonly metadata: Metadata;
  readonly definite: boolean;

  constructor(
    code: Code,
    message: string,
    options: {
      readonly metadata?: Metadata;
      readonly definite?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.metadata = options.metadata ?? new Map();
    this.definite = options.definite ?? true;
  }
}

/** True for a {@link GrpcError}, across module instances. */
export function isGrpcError(error: unknown): error is GrpcError {
  return error instanceof Error && error.name === 'GrpcError' && 'code' in error;
}

/** The type of one message, as ts-proto generates it. */
export interface MessageCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** One method: its path, its messages, and which sides stream. */
export interface MethodDefinition<Req = unknown, Res = unknown> {
  readonly name: string;
  readonly requestType: MessageCodec<Req>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<Res>;
  readonly responseStream: boolean;
}

/** One service: its full name and its methods. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, UntypedMethod>>;
}

/** A method of which only the shape of the call is known. */
export interface UntypedMethod {
  readonly name: string;
  readonly requestType: object;
  readonly requestStream: boolean;
  readonly responseType: object;
  readonly responseStream: boolean;
}

/** Identifies the caller of a call, and tells for how long it waits. */
export interface CallContext {
  readonly metadata: Metadata;
  /** One text field of the metadata, without the cost of all of them. */
  header(name: string): string | undefined;
  /** `address:port` of the caller. */
  readonly peer: string;
  /** The caller's verified client certificate, if it showed one. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** Aborts when the caller cancels, its deadline passes, or its connection ends. */
  readonly signal: AbortSignal;
  /** The full method path, `/package.Service/Method`. */
  readonly path: string;
  /** Adds a field to the trailers of the answer. */
  setTrailer(name: string, value: string | Buffer): void;
}

/** Told of each call of a service when it begins; what it returns is told how the call ended, by undefined if well. */
export type CallObserver = (context: CallContext) => (error: GrpcError | undefined) => void;

/** The names in a client's certificate, once it has been verified. */
export interface PeerCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** When it ends, in milliseconds of the wall clock; absent where nobody knows. */
  readonly endsMs?: number;
  /** SHA-256 of the certificate in lower-case hexadecimal digits. */
  readonly sha256?: string;
}

/** The sending half of a stream. */
export interface Sender<Out> {
  /**
   * Sends one message. False means that the transport's buffer is full: wait for {@link drained} before the next one,
   * else memory grows. Messages sent after the end of the call are dropped.
   */
  send(message: Out): boolean;
  /**
   * Sends a message that is encoded already (without the gRPC frame header). The bytes must not change afterwards.
   * @param parts cut anywhere, so that what others have need not be copied together
   */
  sendEncoded(parts: readonly Uint8Array[]): boolean;
  /** Resolves when the transport takes more, or when the call has ended. */
  drained(): Promise<void>;
  /** True once nothing that is sent can arrive any more. */
  readonly ended: boolean;
}

/**
 * Both halves; iterating yields the other side's messages until it half-closes. Leaving the loop early stops reading.
 */
export interface Duplex<In, Out> extends Sender<Out>, AsyncIterable<In> {}

type Streams<M, Unary, ServerStream, ClientStream, Bidi> = M extends {
  requestStream: false;
  responseStream: false;
}
  ? Unary
  : M extends { requestStream: false; responseStream: true }
    ? ServerStream
    : M extends { requestStream: true; responseStream: false }
      ? ClientStream
      : Bidi;

type Handler<M> = M extends {
  readonly requestType: MessageCodec<infer Req>;
  readonly responseType: MessageCodec<infer Res>;
}
  ? Streams<
      M,
      (request: Req, context: CallContext) => Res | Promise<Res>,
      (request: Req, stream: Sender<Res>, context: CallContext) => Promise<void>,
      (stream: AsyncIterable<Req>, context: CallContext) => Promise<Res>,
      (stream: Duplex<Req, Res>, context: CallContext) => Promise<void>
    >
  : never;

/**
 * One handler per method of a service. A streaming call ends with OK when its handler's promise resolves, and with the
 * error's status when it rejects; an error that is not a {@link GrpcError} is logged and becomes UNKNOWN.
 */
export type Handlers<S extends { readonly methods: object }> = {
  readonly [K in keyof S['methods']]: Handler<S['methods'][K]>;
};

/** Options of one call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds from now. Unary calls have a default; streams have none. */
  readonly deadlineMs?: number;
  readonly metadata?: Metadata;
}

/** A stream that a client opened. `end` half-closes; `cancel` gives up on both directions. */
export interface ClientDuplex<In, Out> extends Duplex<In, Out> {
  end(): void;
  cancel(): void;
}

type ClientMethod<M> = M extends {
  readonly requestType: MessageCodec<infer Req>;
  readonly responseType: MessageCodec<infer Res>;
}
  ? Streams<
      M,
      (request: Req, options?: CallOptions) => Promise<Res>,
      (request: Req, options?: CallOptions) => AsyncIterable<Res>,
      (options?: CallOptions) => ClientDuplex<Res, Req>,
      (options?: CallOptions) => ClientDuplex<Res, Req>
    >
  : never;

/**
 * A service as its caller sees it. Calls throw {@link GrpcError}. A server stream is read with `for await`; leaving the
 * loop cancels the call. A bidi or client stream is iterated for its answers.
 */
export type Client<S extends { readonly methods: object }> = {
  readonly [K in keyof S['methods']]: ClientMethod<S['methods'][K]>;
};
