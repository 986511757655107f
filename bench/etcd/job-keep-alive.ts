/** Keep-alives, each client with a lease and a stream of its own. */
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '../../src/gen/etcd/rpc.js';
import type { GrpcConnection } from '../lib/grpc-connection.js';
import { grantLease, paths } from './calls.js';
import { connectAll } from './job-load.js';
import type { KeepAliveJob, Measured } from './jobs.js';
import { Meter } from './meter.js';

/** Long enough that none ends by itself. */
const ttlSeconds = 600;

/** Sends, waits for the answer, sends again, until it is `over`. */
async function runClient(
  connection: GrpcConnection,
  meter: Meter,
  isOver: () => boolean,
): Promise<void> {
  const id = await grantLease(connection, ttlSeconds);
  const request = LeaseKeepAliveRequest.encode({ ID: id }).finish();
  return new Promise((resolve) => {
    let startMs = 0;
    const stream = connection.open(paths.keepAlive, {
      onMessage: (bytes) => {
        const answer = LeaseKeepAliveResponse.decode(bytes);
        if (answer.ID !== id || answer.TTL !== ttlSeconds) {
          meter.failed(`lease ${answer.ID} has ${answer.TTL} s to live`);
        } else meter.succeeded(performance.now() - startMs);
        begin();
      },
      onEnd: (failure) => {
        if (!isOver()) meter.failed(`a stream ended: ${failure ?? 'by the server'}`);
        resolve();
      },
    });
    const begin = (): void => {
      if (isOver()) {
        stream.end();
        return;
      }
      startMs = performance.now();
      stream.send(request);
    };
    begin();
  });
}

export async function runKeepAlive(job: KeepAliveJob): Promise<Measured> {
  const connections = await connectAll(job.endpoints, job.connections);
  const meter = new Meter(job.pids);
  let over = false;
  const clients = Array.from({ length: job.clients }, (_, at) => {
    const connection = connections[at % connections.length];
    if (connection === undefined) throw new Error('no connection');
    return runClient(connection, meter, () => over);
  });
  const all = Promise.all(clients);
  all.catch((error: unknown) => meter.failed(String(error)));
  await meter.warmUp(job.warmup);
  const measured = await meter.measure(job.measureMs);
  over = true;
  await all;
  for (const connection of connections) connection.close();
  return measured;
}
