/** For tests: a server's end of a connection, with requests that do as their path says. */
import type { Socket } from 'node:net';
import type { BytePool } from '../../byte-pool.js';
import type { Clock } from '../../clock.js';
import { systemClock } from '../../clock.js';
import { knownPeer } from '../../net-limits.js';
import type { PeerLimits } from '../../net-limits.js';
import { flag, frameType, preface } from '../constants.js';
import type { Headers } from '../hpack-decoder.js';
import { encodeFields } from '../hpack-encoder.js';
import type { KeepAliveOptions } from '../keep-alive.js';
import { frame, grpcMessage, RawPeer, settingsFrame, socketPair } from './raw-peer.js';
import { ServerConnection } from '../server-connection.js';
import type { Http2Stream, StreamHandler } from '../stream.js';

export const answerBlock = encodeFields([
  [':status', '200'],
  ['content-type', 'application/grpc'],
]);
export const trailerBlock = encodeFields([['grpc-status', '0']]);

export function requestBlock(
  path: string,
  fields: Iterable<readonly [string, string]> = [],
): Buffer {
  return encodeFields([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
    ...fields,
  ]);
}

/** A block of fields that is whole and the last of its stream. */
export const both = flag.endHeaders | flag.endStream;
export const hello = grpcMessage(Buffer.from('hello'));

export function requestFrame(id: number, path: string, flags: number = both): Buffer {
  return frame(frameType.headers, flags, id, requestBlock(path));
}

export function times(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

/** Puts down what a call's caller is told. */
export function notesIn(told: string[]): StreamHandler {
  return {
    onHeaders: () => told.push('headers'),
    onData: () => told.push('data'),
    onEnd: () => told.push('end'),
    onWritable: () => told.push('writable'),
    onClosed: () => told.push('closed'),
  };
}

/**
 * `/echo`: what came, at its end; `/pause`: takes nothing; `/drop`: takes nothing and forgets it; `/size/N`: an answer
 * of so many bytes; others: no answer.
 */
export class TestRequest implements StreamHandler {
  readonly stream: Http2Stream;
  readonly headers: Headers;
  readonly chunks: Buffer[] = [];
  /** The events that the handler received, in order. */
  readonly told: string[] = [];
  #afterClose = false;

  constructor(stream: Http2Stream, headers: Headers) {
    this.stream = stream;
    this.headers = headers;
    stream.handler = this;
    if (headers[':path'] === '/pause' || headers[':path'] === '/drop') stream.pause();
  }

  get received(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get isClosed(): boolean {
    return this.#afterClose;
  }

  onHeaders(): void {
    this.#tell('headers');
  }

  onData(chunk: Buffer): void {
    this.#tell('data');
    if (this.headers[':path'] !== '/drop') this.chunks.push(chunk);
  }

  onEnd(): void {
    this.#tell('end');
    const path = this.headers[':path'] ?? '';
    if (path === '/echo') this.answer(Buffer.concat(this.chunks).subarray(5));
    const size = /^\/size\/(\d{1,7})$/.exec(path)?.[1];
    if (size !== undefined) this.answer(Buffer.alloc(Number(size), 's'));
  }

  onWritable(): void {
    this.#tell('writable');
  }

  onClosed(code: number | undefined): void {
    this.#tell(`closed ${code ?? ''}`);
    this.#afterClose = true;
  }

  answer(message: Uint8Array): void {
    this.stream.headers(answerBlock, false);
    this.stream.message([message]);
    this.stream.finish(trailerBlock);
  }

  #tell(what: string): void {
    if (this.#afterClose) throw new Error(`${what} after the stream was closed`);
    this.told.push(what);
  }
}

export interface TestServer {
  readonly connection: ServerConnection;
  readonly peer: RawPeer;
  readonly requests: TestRequest[];
  /** `undefined` in the list: ended in order. */
  readonly ends: (Error | undefined)[];
}

export function serve(
  socket: Socket,
  options: {
    readonly maxConcurrentStreams?: number;
    readonly limits?: Partial<PeerLimits>;
    readonly pool?: BytePool;
    readonly keepAlive?: KeepAliveOptions;
    readonly clock?: Clock;
  } = {},
): Omit<TestServer, 'peer'> {
  const requests: TestRequest[] = [];
  const ends: (Error | undefined)[] = [];
  const connection = new ServerConnection(
    socket,
    {
      clock: options.clock ?? systemClock({ unref: true }),
      limits: {
        ...knownPeer,
        streams: options.maxConcurrentStreams ?? knownPeer.streams,
        ...options.limits,
      },
      keepAlive: options.keepAlive,
      ...(options.pool === undefined ? {} : { pool: options.pool }),
      onRequest: (stream, headers) => requests.push(new TestRequest(stream, headers)),
    },
    { onClosed: (error) => ends.push(error) },
  );
  connection.start(Buffer.alloc(0));
  return { connection, requests, ends };
}

/** A server and a client that has said its preface and settings. */
export async function startPair(
  options: {
    readonly maxConcurrentStreams?: number;
    readonly limits?: Partial<PeerLimits>;
    readonly pool?: BytePool;
    readonly keepAlive?: KeepAliveOptions;
    readonly clock?: Clock;
    readonly reads?: boolean;
    readonly settings?: readonly (readonly [id: number, value: number])[];
    readonly silent?: boolean;
  } = {},
): Promise<TestServer> {
  const [here, there] = await socketPair();
  const peer = new RawPeer(here, { reads: options.reads ?? true });
  const server = serve(there, options);
  if (options.silent !== true) peer.send(preface, settingsFrame(...(options.settings ?? [])));
  return { ...server, peer };
}

/** Pairs of one test; `end` afterwards. */
export class TestServers {
  readonly #started: TestServer[] = [];

  async start(options: Parameters<typeof startPair>[0] = {}): Promise<TestServer> {
    const server = await startPair(options);
    this.#started.push(server);
    return server;
  }

  end(): void {
    for (const { peer, connection } of this.#started.splice(0)) {
      connection.destroy();
      peer.socket.destroy();
    }
  }
}
