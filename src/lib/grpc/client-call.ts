import { constants } from 'node:http2';
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { FrameReader, frameMessage } from './framing.js';
import { MessageQueue } from './message-queue.js';
import { codeFromHttpStatus, decodeStatusMessage, metadataFromHeaders } from './metadata.js';
import { Outbox } from './outbox.js';
import type { ClientDuplex, Code, MethodDefinition } from './types.js';
import { Code as Codes, GrpcError } from './types.js';

/** What a call under way is told: messages as they come, then exactly one end. */
interface Receiver {
  message(bytes: Buffer): void;
  end(error: GrpcError | undefined): void;
}

/** Wires a client stream to a receiver: frames, status, broken connections, cancellation and the deadline. */
function receive(
  stream: ClientHttp2Stream,
  options: {
    readonly maxReceiveBytes: number;
    readonly receiver: Receiver;
    readonly signal: AbortSignal | undefined;
    readonly deadline:
      { readonly ms: number; schedule(ms: number, fn: () => void): () => void } | undefined;
  },
): void {
  const { receiver, signal } = options;
  const reader = new FrameReader(options.maxReceiveBytes);
  let status: IncomingHttpHeaders | undefined;
  let httpStatus = 200;
  let failure: GrpcError | undefined;
  let ended = false;

  const end = (error: GrpcError | undefined): void => {
    if (ended) return;
    ended = true;
    cancelDeadline?.();
    signal?.removeEventListener('abort', onAbort);
    receiver.end(error);
  };
  const giveUp = (error: GrpcError): void => {
    end(error);
    if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  };
  const onAbort = (): void => {
    giveUp(new GrpcError(Codes.Cancelled, 'context canceled', { definite: false }));
  };
  const cancelDeadline = options.deadline?.schedule(options.deadline.ms, () => {
    giveUp(new GrpcError(Codes.DeadlineExceeded, 'context deadline exceeded', { definite: false }));
  });
  if (signal?.aborted === true) {
    onAbort();
    return;
  }
  signal?.addEventListener('abort', onAbort, { once: true });

  stream.on('response', (headers) => {
    httpStatus = headers[':status'] ?? 200;
    if (headers['grpc-status'] !== undefined) status = headers;
  });
  stream.on('trailers', (headers: IncomingHttpHeaders) => {
    status = headers;
  });
  stream.on('data', (chunk: Buffer) => {
    if (ended || httpStatus !== 200) return;
    reader.push(chunk);
    try {
      for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
        receiver.message(bytes);
      }
    } catch (error) {
      giveUp(error instanceof GrpcError ? error : new GrpcError(Codes.Internal, String(error)));
    }
  });
  stream.on('end', () => {
    if (status === undefined) return;
    end(statusError(status));
    if (!stream.writableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('error', (cause: Error & { code?: string }) => {
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    failure = new GrpcError(Codes.Unavailable, `the connection broke: ${cause.message}`, {
      definite: refused,
      cause,
    });
  });
  stream.on('close', () => {
    if (ended) return;
    if (status !== undefined) end(statusError(status));
    else if (failure !== undefined) end(failure);
    else if (httpStatus !== 200) {
      end(
        new GrpcError(
          codeFromHttpStatus(httpStatus),
          `unexpected HTTP status code received from server: ${httpStatus}`,
        ),
      );
    } else {
      end(
        new GrpcError(Codes.Unavailable, 'the connection ended before the answer', {
          definite: stream.rstCode === constants.NGHTTP2_REFUSED_STREAM,
        }),
      );
    }
  });
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

function statusError(headers: IncomingHttpHeaders): GrpcError | undefined {
  const code = Number(headers['grpc-status']);
  if (code === 0) return undefined;
  const message = headers['grpc-message'];
  return new GrpcError(
    (Number.isInteger(code) && code >= 0 && code <= 16 ? code : Codes.Unknown) as Code,
    typeof message === 'string' ? decodeStatusMessage(message) : '',
    { metadata: metadataFromHeaders(headers), definite: !outcomeUnknown.has(code) },
  );
}

/** What every kind of call needs. */
export interface CallSetup {
  readonly definition: MethodDefinition;
  readonly maxReceiveBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline:
    { readonly ms: number; schedule(ms: number, fn: () => void): () => void } | undefined;
}

/** One request, one answer. */
export function unaryCall(
  stream: ClientHttp2Stream,
  request: Uint8Array,
  setup: CallSetup,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let answer: Buffer | undefined;
    receive(stream, {
      ...setup,
      receiver: {
        message: (bytes) => {
          answer = bytes;
        },
        end: (error) => {
          if (error !== undefined) reject(error);
          else if (answer === undefined) {
            reject(new GrpcError(Codes.Internal, 'the answer has no message', { definite: false }));
          } else {
            try {
              resolve(setup.definition.responseType.decode(answer));
            } catch (cause) {
              reject(
                new GrpcError(Codes.Internal, 'the answer cannot be decoded', {
                  definite: false,
                  cause,
                }),
              );
            }
          }
        },
      },
    });
    if (!stream.destroyed) stream.end(frameMessage(request));
  });
}

/** A stream of answers, and of requests if `request` is undefined. */
export function streamCall(
  stream: ClientHttp2Stream,
  request: Uint8Array | undefined,
  setup: CallSetup,
): ClientDuplex<unknown, unknown> {
  const outbox = new Outbox(stream);
  const cancel = (): void => {
    if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  };
  const queue = new MessageQueue<unknown>({
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    abandoned: cancel,
  });
  receive(stream, {
    ...setup,
    receiver: {
      message: (bytes) => queue.push(setup.definition.responseType.decode(bytes)),
      end: (error) => queue.end(error),
    },
  });
  if (request !== undefined && !stream.destroyed) stream.end(frameMessage(request));
  return {
    send: (message) => outbox.push(setup.definition.requestType.encode(message).finish()),
    sendEncoded: (bytes) => outbox.push(bytes),
    drained: () => outbox.drained(),
    get ended() {
      return outbox.ended;
    },
    end: () => {
      outbox.flush();
      if (!stream.destroyed) stream.end();
    },
    cancel: () => {
      queue.end(new GrpcError(Codes.Cancelled, 'context canceled'));
      cancel();
    },
    [Symbol.asyncIterator]: () => queue,
  };
}
