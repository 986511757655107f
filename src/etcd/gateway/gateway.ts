import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type {
  CallContext,
  Duplex,
  Handlers,
  MessageCodec,
  Sender,
  ServiceDefinition,
} from '../../lib/grpc/types.js';
import { Code, GrpcError, isGrpcError } from '../../lib/grpc/types.js';
import type { Compat } from '../compat.js';
import type { Logger } from '../../lib/log.js';
import { parseTimeoutMs } from '../../lib/grpc/metadata.js';
import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { answerJson } from './answer-json.js';
import { encodeJsonRequest } from './request-json.js';
import { gatewayRoutes } from './routes.js';
import { ValueSplitter } from './value-splitter.js';

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

interface GatewayMethod {
  /** Such as `etcdserverpb.KV/Range`. */
  readonly name: string;
  readonly request: MessageCodec<unknown>;
  readonly response: MessageCodec<unknown>;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly handler: (...parameters: readonly unknown[]) => unknown;
}

/** HTTP status of a gRPC code, as grpc-gateway maps them. */
const httpStatuses: Readonly<Record<number, number>> = {
  [Code.Ok]: 200,
  [Code.Cancelled]: 408,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};
const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** As grpc-gateway, which passes on the metadata of the answer. */
const answerHeaders = {
  'content-type': 'application/json',
  'grpc-metadata-content-type': 'application/grpc',
} as const;

/** A body that is no request: the call has not begun. */
class UnreadableError extends GrpcError {}

/** JSON over HTTP for every call of the client API: the handlers of the gRPC services are called in process. */
export class JsonGateway {
  readonly #methods = new Map<string, GatewayMethod>();
  readonly #maxBodyBytes: number;
  readonly #compat: Compat;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(options: {
    readonly compat: Compat;
    readonly maxBodyBytes: number;
    readonly log: Logger;
    readonly clock: Clock;
  }) {
    this.#maxBodyBytes = options.maxBodyBytes;
    this.#compat = options.compat;
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Adds a service. */
  add<S extends ServiceDefinition>(definition: S, handlers: Handlers<S>): void {
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = (handlers as Record<string, unknown>)[key];
      if (typeof handler !== 'function') continue;
      const name = `${definition.fullName}/${method.name}`;
      this.#methods.set(name, {
        name,
        request: method.requestType as MessageCodec<unknown>,
        response: method.responseType as MessageCodec<unknown>,
        requestStream: method.requestStream,
        responseStream: method.responseStream,
        handler: handler.bind(handlers) as GatewayMethod['handler'],
      });
    }
  }

  /** Serves one request. @param pathname `/v3/…` */
  async serve(pathname: string, request: Request, response: Response): Promise<void> {
    const route = gatewayRoutes[pathname.replace(/^\/v3(alpha|beta)?\//, '')];
    const method = route === undefined ? undefined : this.#methods.get(route);
    if (method === undefined) {
      sendText(response, 404, 'Not Found');
      return;
    }
    if (request.method !== 'POST') {
      sendText(response, 405, 'Method Not Allowed');
      return;
    }
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    const context = contextOf(`/${method.name}`, request, abort.signal);
    let cancelDeadline: (() => void) | undefined;
    try {
      const timeoutMs = timeoutOf(request);
      const call = this.#call(method, request, response, context);
      if (timeoutMs === undefined) {
        await call;
      } else {
        const deadline = new Promise<never>((_resolve, reject) => {
          cancelDeadline = this.#clock.schedule(timeoutMs, () => {
            reject(new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded'));
          });
        });
        await Promise.race([deadline, call]);
      }
    } catch (error) {
      abort.abort();
      if (!isGrpcError(error)) this.#log.warn({ error, pathname }, 'a gateway call failed');
      if (response.headersSent || (method.responseStream && !(error instanceof UnreadableError))) {
        endStream(response, error, this.#compat);
      } else {
        sendError(response, error, this.#compat);
      }
    } finally {
      cancelDeadline?.();
    }
  }

  #call(
    method: GatewayMethod,
    request: Request,
    response: Response,
    context: CallContext,
  ): Promise<void> {
    if (method.requestStream) return this.#stream(method, request, response, context);
    if (method.responseStream) return this.#serverStream(method, request, response, context);
    return this.#unary(method, request, response, context);
  }

  async #unary(
    method: GatewayMethod,
    request: Request,
    response: Response,
    context: CallContext,
  ): Promise<void> {
    const wire = this.#toWire(method, await this.#body(request));
    const answer = await method.handler(wire, context);
    if (response.headersSent) return;
    response.writeHead(200, answerHeaders);
    response.end(JSON.stringify(this.#toJson(method, answer)));
  }

  async #serverStream(
    method: GatewayMethod,
    request: Request,
    response: Response,
    context: CallContext,
  ): Promise<void> {
    const wire = this.#toWire(method, await this.#body(request));
    await method.handler(wire, this.#sender(method, response), context);
    response.end();
  }

  /** Any number of JSON objects in, one line of JSON per answer out. */
  async #stream(
    method: GatewayMethod,
    request: Request,
    response: Response,
    context: CallContext,
  ): Promise<void> {
    const values = this.#values(request, context.signal);
    const compat = this.#compat;
    const toWire = (value: string): unknown => this.#toWire(method, value);
    async function* messages(): AsyncGenerator {
      let isFirst = true;
      for await (const value of values) {
        let message: unknown;
        try {
          message = toWire(value);
        } catch (error) {
          // The call has begun: as in grpc-gateway, this is the end of what the client says, and no more.
          if (!isFirst || compat === '3.6') return;
          throw error;
        }
        isFirst = false;
        yield message;
      }
    }
    const iterator = messages();
    const duplex: Duplex<unknown, unknown> = Object.assign(this.#sender(method, response), {
      [Symbol.asyncIterator]: () => iterator,
    });
    await method.handler(duplex, context);
    response.end();
  }

  /** @throws UnreadableError */
  #toWire(method: GatewayMethod, text: string): unknown {
    const unknownNames = this.#compat === '3.6' ? 'pass' : 'refuse';
    try {
      return method.request.decode(encodeJsonRequest(method.name, text, { unknownNames }));
    } catch (error) {
      // grpc-gateway takes what its reader of streams says for no status.
      const code = method.requestStream ? Code.Unknown : Code.InvalidArgument;
      throw new UnreadableError(code, errorMessage(error));
    }
  }

  #toJson(method: GatewayMethod, answer: unknown): unknown {
    return answerJson(method.name, method.response.encode(answer).finish());
  }

  #sender(method: GatewayMethod, response: Response): Sender<unknown> {
    const write = (json: unknown): boolean => {
      if (response.writableEnded || response.destroyed) return true;
      if (!response.headersSent) {
        response.writeHead(200, answerHeaders);
      }
      return (response as ServerResponse).write(`${JSON.stringify({ result: json })}\n`);
    };
    return {
      send: (message) => write(this.#toJson(method, message)),
      sendEncoded: (parts) => write(answerJson(method.name, Buffer.concat(parts))),
      drained: () =>
        new Promise((resolve) => {
          if (!response.writableNeedDrain || response.destroyed) {
            resolve();
            return;
          }
          const done = (): void => {
            response.removeListener('drain', done);
            response.removeListener('close', done);
            resolve();
          };
          response.on('drain', done);
          response.on('close', done);
        }),
      get ended() {
        return response.destroyed || response.writableEnded;
      },
    };
  }

  async #body(request: Request): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > this.#maxBodyBytes) {
        throw new GrpcError(Code.ResourceExhausted, 'request body is too large');
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  /** The JSON values of a body, each as soon as it is complete. */
  async *#values(request: Request, signal: AbortSignal): AsyncGenerator<string> {
    const splitter = new ValueSplitter();
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (signal.aborted) return;
      const values = splitter.push(chunk);
      if (splitter.sizeBytes > this.#maxBodyBytes) {
        throw new GrpcError(Code.ResourceExhausted, 'request body is too large');
      }
      yield* values;
    }
    const text = splitter.rest();
    if (text.trim() !== '') yield text;
  }
}

/** @throws GrpcError InvalidArgument for no time, DeadlineExceeded for one that is over before it begins */
function timeoutOf(request: Request): number | undefined {
  const field = request.headers['grpc-timeout'];
  if (typeof field !== 'string' || field === '') return undefined;
  const timeoutMs = parseTimeoutMs(field);
  if (timeoutMs === undefined) {
    throw new GrpcError(Code.InvalidArgument, `invalid grpc-timeout: ${field}`);
  }
  if (timeoutMs < 1) throw new GrpcError(Code.DeadlineExceeded, 'context deadline exceeded');
  return timeoutMs;
}

function contextOf(path: string, request: Request, signal: AbortSignal): CallContext {
  const metadata = new Map<string, string | Buffer>([['grpcgateway-accept', '*/*']]);
  const { authorization } = request.headers;
  if (authorization !== undefined) metadata.set('authorization', authorization);
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith('grpc-metadata-') && typeof value === 'string') {
      metadata.set(name.slice('grpc-metadata-'.length), value);
    }
  }
  const { socket } = request;
  return {
    metadata,
    header(name) {
      const value = metadata.get(name);
      return typeof value === 'string' ? value : undefined;
    },
    peer: `${socket?.remoteAddress}:${socket?.remotePort}`,
    peerCertificate: undefined,
    signal,
    path,
    setTrailer: () => undefined,
  };
}

/** Answers a request that is no call in plain text, as grpc-gateway does. */
function sendText(response: Response, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

function asGrpcError(error: unknown): GrpcError {
  if (isGrpcError(error)) return error;
  return new GrpcError(Code.Unknown, errorMessage(error));
}

function sendError(response: Response, error: unknown, compat: Compat): void {
  const { code, message } = asGrpcError(error);
  const body = compat === '3.6' ? { code, message } : { error: message, code, message };
  response.writeHead(httpStatuses[code] ?? 500, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** The error of a stream is its last line, also where it is the only one. */
function endStream(response: Response, error: unknown, compat: Compat): void {
  const { code, message } = asGrpcError(error);
  const status = httpStatuses[code] ?? 500;
  if (!response.headersSent) response.writeHead(status, answerHeaders);
  const statusText = statusTexts[status] ?? '';
  const body =
    compat === '3.6'
      ? { code, message }
      : { grpc_code: code, http_code: status, message, http_status: statusText };
  response.end(`${JSON.stringify({ error: body })}\n`);
}
