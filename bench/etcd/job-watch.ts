/** Measures the time from a put until the last of many watchers has the event. */
import { WatchRequest, WatchResponse } from '../../src/gen/etcd/rpc.js';
import { GrpcConnection } from '../lib/grpc-connection.js';
import { within } from '../lib/wait.js';
import { call, paths, putRequest } from './calls.js';
import { connectAll, valueOf } from './job-load.js';
import type { Measured, WatchJob } from './jobs.js';
import { Meter } from './meter.js';

const watchedKey = Buffer.from('watched');
const deliveryMsMax = 20_000;

function createWatch(): Buffer {
  const value = {
    key: watchedKey,
    rangeEnd: Buffer.alloc(0),
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0n,
    fragment: false,
  };
  const requestUnion = { $case: 'createRequest', value } as const;
  return Buffer.from(WatchRequest.encode({ requestUnion }).finish());
}

/** Counts events until as many have come as are awaited; more are a failure. */
class Deliveries {
  #awaited = 0;
  #resolve: (() => void) | undefined;
  #failure: string | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** Resolves when so many more have come. */
  expect(count: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(new Error(this.#failure));
    this.#awaited = count;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  arrived(count: number): void {
    if (count === 0) return;
    this.#awaited -= count;
    if (this.#awaited < 0) this.fail('more events than were put');
    else if (this.#awaited === 0) this.#resolve?.();
  }

  fail(reason: string): void {
    this.#failure = reason;
    this.#reject?.(new Error(reason));
  }
}

/** Opens the streams and their watchers. Resolves when the server has confirmed each. */
async function openWatchers(
  job: WatchJob,
  connections: readonly GrpcConnection[],
  events: Deliveries,
): Promise<void> {
  const request = createWatch();
  const created = new Deliveries();
  const all = created.expect(job.watchers);
  const onMessage = (bytes: Buffer): void => {
    const message = WatchResponse.decode(bytes);
    if (message.canceled) events.fail(`a watch was cancelled: ${message.cancelReason}`);
    else if (message.created) created.arrived(1);
    else events.arrived(message.events.length);
  };
  const onEnd = (failure: string | undefined): void => {
    events.fail(`a watch stream ended: ${failure ?? 'by the server'}`);
    created.fail(`a watch stream ended: ${failure ?? 'by the server'}`);
  };
  for (let at = 0; at < job.streams; at++) {
    const stream = connections[at % connections.length]?.open(paths.watch, { onMessage, onEnd });
    const share = Math.floor(((at + 1) * job.watchers) / job.streams);
    const before = Math.floor((at * job.watchers) / job.streams);
    for (let count = before; count < share; count++) stream?.send(request);
  }
  await within(deliveryMsMax, 'creating the watchers', all);
}

export async function runWatch(job: WatchJob): Promise<Measured> {
  const connections = await connectAll(job.endpoints, job.connections);
  const putter = await GrpcConnection.connect(job.putTo);
  const events = new Deliveries();
  await openWatchers(job, connections, events);
  const meter = new Meter(job.pids);
  const request = putRequest(watchedKey, valueOf(job.valueBytes, job.seed));
  const load = { over: false };
  const puts = (async () => {
    while (!load.over) {
      const delivered = events.expect(job.watchers);
      const startMs = performance.now();
      await call(putter, paths.put, request);
      await within(deliveryMsMax, 'delivery to all watchers', delivered);
      meter.succeeded(performance.now() - startMs, job.watchers);
    }
  })();
  puts.catch((error: unknown) => meter.failed(String(error)));
  await meter.warmUp(job.warmup);
  const measured = await meter.measure(job.measureMs);
  load.over = true;
  await puts;
  for (const connection of [...connections, putter]) connection.close();
  return measured;
}
