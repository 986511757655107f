/** Puts and gets: closed-loop load, and filling a store. */
import { Prng } from '../../src/lib/prng.js';
import { GrpcConnection } from '../lib/grpc-connection.js';
import { paths, putRequest, rangeRequest } from './calls.js';
import type { FillJob, LoadJob, Measured } from './jobs.js';
import { Meter } from './meter.js';

const keyPrefix = 'bench/';
const keyDigits = 10;
/** After so many failures a run is given up: its figures would say nothing. */
const failuresMax = 100;

/** The n-th key: 16 bytes. */
export function keyOf(number: number): Buffer {
  return Buffer.from(keyPrefix + String(number).padStart(keyDigits, '0'));
}

/** All keys of {@link keyOf}: the first one that is not. */
export const keysEnd = Buffer.from('bench0');

/** A value that no compression shortens much. */
export function valueOf(bytes: number, seed: number): Buffer {
  const prng = new Prng(seed);
  return Buffer.from(Array.from({ length: bytes }, () => prng.between(33, 126)));
}

/** Opens `count` connections, the members taking turns. */
export async function connectAll(
  endpoints: readonly string[],
  count: number,
): Promise<GrpcConnection[]> {
  return Promise.all(
    Array.from({ length: count }, (_, at) =>
      GrpcConnection.connect(endpoints[at % endpoints.length] ?? ''),
    ),
  );
}

/** Writes the key's number over the zeros of key 0 in a request made for it: no request is built per call. */
class RequestTemplate {
  readonly bytes: Buffer;
  readonly #at: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#at = bytes.indexOf(keyOf(0)) + keyPrefix.length;
  }

  withKey(number: number): Buffer {
    let rest = number;
    for (let at = this.#at + keyDigits - 1; at >= this.#at; at--) {
      this.bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    return this.bytes;
  }
}

/** Runs one caller: its next call begins when the last one is answered, until `next` gives no key. */
function runClient(
  connection: GrpcConnection,
  options: {
    readonly path: string;
    readonly template: RequestTemplate;
    /** An answer shorter than this is none. */
    readonly answerBytesMin: number;
    readonly meter: Meter;
    next(): number | undefined;
  },
): Promise<void> {
  const { path, template, meter } = options;
  return new Promise((resolve) => {
    let startMs = 0;
    let answerBytes = 0;
    const receiver = {
      onMessage: (bytes: Buffer): void => {
        answerBytes = bytes.length;
      },
      onEnd: (failure: string | undefined): void => {
        if (failure !== undefined) meter.failed(failure);
        else if (answerBytes < options.answerBytesMin) meter.failed('an empty answer');
        else meter.succeeded(performance.now() - startMs);
        begin();
      },
    };
    const begin = (): void => {
      const key = options.next();
      if (key === undefined || meter.failures > failuresMax) {
        resolve();
        return;
      }
      answerBytes = 0;
      startMs = performance.now();
      connection.unary(path, template.withKey(key), receiver);
    };
    begin();
  });
}

export async function runLoad(job: LoadJob): Promise<Measured> {
  const connections = await connectAll(job.endpoints, job.connections);
  const meter = new Meter(job.pids);
  const prng = new Prng(job.seed);
  const isPut = job.operation === 'put';
  const request = isPut
    ? putRequest(keyOf(0), valueOf(job.valueBytes, job.seed))
    : rangeRequest(keyOf(0), { serializable: job.operation === 'get-serializable' });
  let over = false;
  const options = {
    path: isPut ? paths.put : paths.range,
    template: new RequestTemplate(request),
    answerBytesMin: isPut ? 8 : job.valueBytes,
    meter,
    next: () => (over ? undefined : prng.below(job.keys)),
  };
  const clients = Array.from({ length: job.clients }, (_, at) => {
    const connection = connections[at % connections.length];
    if (connection === undefined) throw new Error('no connection');
    return runClient(connection, options);
  });
  await meter.warmUp(job.warmup);
  const measured = await meter.measure(job.measureMs);
  over = true;
  await Promise.all(clients);
  for (const connection of connections) connection.close();
  return { ...measured, failed: meter.failures };
}

/** @returns of the whole time that it took */
export async function runFill(job: FillJob): Promise<Measured> {
  const connections = await connectAll(job.endpoints, job.connections);
  const meter = new Meter([]);
  meter.begin();
  let key = 0;
  const options = {
    path: paths.put,
    template: new RequestTemplate(putRequest(keyOf(0), valueOf(job.valueBytes, job.seed))),
    answerBytesMin: 8,
    meter,
    next: () => (key < job.keys ? key++ : undefined),
  };
  await Promise.all(
    Array.from({ length: job.clients }, (_, at) => {
      const connection = connections[at % connections.length];
      if (connection === undefined) throw new Error('no connection');
      return runClient(connection, options);
    }),
  );
  for (const connection of connections) connection.close();
  return meter.end();
}
