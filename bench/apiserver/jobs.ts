/** The measured jobs: each is a number of calls to one server, over REST or gRPC. */
import * as https from 'node:https';
import { ResourcesDefinition } from '../../src/gen/apiserver.js';
import type { Channel, Client } from '../../src/lib/grpc/index.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { fixedTls } from '../../src/lib/pki/tls-source.js';

export interface Connection {
  readonly restPort: number;
  readonly grpcPort: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export const listedPods = 3_000;
const watchers = 50;
const namespace = '/api/v1/namespaces/bench';
const posting = '/api/v1/namespaces/post';
const json = { 'content-type': 'application/json' };

/** A job. @returns how many operations it was */
export type Job = (target: Target, round: number) => Promise<number>;

/** A server with its connections. */
export class Target {
  readonly #connection: Connection;
  readonly #agent: https.Agent;
  readonly #channel: Channel;
  readonly api: Client<typeof ResourcesDefinition>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#agent = new https.Agent({ keepAlive: true, maxSockets: 16, ...connection.tls });
    this.#channel = createGrpcChannel({
      target: `127.0.0.1:${connection.grpcPort}`,
      tls: fixedTls(connection.tls),
      log: silentLogger,
    });
    this.api = this.#channel.client(ResourcesDefinition);
  }

  /** @returns the length of the answer. @throws Error for an answer that is no success */
  call(method: string, path: string, body?: object): Promise<number> {
    return new Promise((resolve, reject) => {
      const { restPort: port } = this.#connection;
      const options = { host: '127.0.0.1', port, method, path, agent: this.#agent, headers: json };
      const request = https.request(options, (response) => {
        let length = 0;
        response.on('data', (chunk: Buffer) => (length += chunk.length));
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 300) resolve(length);
          else reject(new Error(`${method} ${path}: ${statusCode}`));
        });
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Watches over HTTP on a connection of its own; `heard` is told of each line. */
  watch(path: string, heard: (lines: number) => void): Promise<() => void> {
    const { restPort: port, tls } = this.#connection;
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, agent: new https.Agent(tls) };
      const request = https.get(options, (response) => {
        response.on('data', (chunk: Buffer) => {
          let lines = 0;
          for (const byte of chunk) if (byte === 10) lines++;
          heard(lines);
        });
        resolve(() => request.destroy());
      });
      request.on('error', reject);
    });
  }

  async prepare(): Promise<void> {
    for (const name of ['bench', 'post']) {
      await this.call('POST', '/api/v1/namespaces', { metadata: { name } });
      const accounts = `/api/v1/namespaces/${name}/serviceaccounts`;
      await this.call('POST', accounts, { metadata: { name: 'default' } });
    }
    await spread(listedPods, 16, (i) => this.call('POST', `${namespace}/pods`, pod(`pod-${i}`)));
  }

  close(): void {
    this.#agent.destroy();
    this.#channel.close();
  }
}

function pod(name: string): { metadata: { name: string }; spec: object } {
  const resources = { requests: { cpu: '10m', memory: '8Mi' } };
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'busybox', resources }] } };
}

async function spread(
  total: number,
  clients: number,
  run: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < total) await run(next++);
  };
  await Promise.all(Array.from({ length: clients }, work));
  return total;
}

function ref(name: string, where = 'bench', resource = 'pods') {
  return { group: '', version: 'v1', resource, namespace: where, name, subresource: '' };
}

const all = { labelSelector: '', fieldSelector: '', resourceVersion: '' };
const options = { dryRun: false, fieldManager: 'bench', fieldValidation: '' };

/** Changes one object `changes` times while `watchers` listen, and waits until all have heard. */
async function fanOut(
  target: Target,
  open: (heard: (events: number) => void) => Promise<() => void>,
): Promise<number> {
  const changes = 100;
  let heard = 0;
  let enough: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (enough = resolve));
  const stops = await Promise.all(
    Array.from({ length: watchers }, () =>
      open((events) => {
        heard += events;
        if (heard >= changes * watchers) enough();
      }),
    ),
  );
  for (let change = 0; change < changes; change++) {
    const path = '/api/v1/namespaces/post/configmaps';
    await target.call('POST', path, { metadata: { generateName: 'c-' } });
  }
  await done;
  for (const stop of stops) stop();
  await target.call('DELETE', '/api/v1/namespaces/post/configmaps');
  return changes * watchers;
}

export const jobs: Readonly<Record<string, Job>> = {
  'REST GET pod': (target) =>
    spread(2_000, 16, (i) => target.call('GET', `${namespace}/pods/pod-${i}`)),
  'gRPC GET pod': (target) =>
    spread(4_000, 16, (i) =>
      target.api.get({ ref: ref(`pod-${i % listedPods}`), resourceVersion: '' }),
    ),
  'REST LIST 3,000 pods': (target) => spread(5, 1, () => target.call('GET', `${namespace}/pods`)),
  'gRPC LIST 3,000 pods': (target) =>
    spread(10, 1, async () => {
      const page = { resourceVersionMatch: '', limit: 0, continue: '' };
      let count = 0;
      for await (const { objects } of target.api.list({ ref: ref(''), ...all, ...page })) {
        count += objects.length;
      }
      if (count !== listedPods) throw new Error(`${count} pods`);
    }),
  'REST POST pod': async (target, round) => {
    const path = `${posting}/pods`;
    const count = await spread(400, 16, (i) => target.call('POST', path, pod(`r${round}-${i}`)));
    await target.call('DELETE', path);
    return count;
  },
  'gRPC POST pod': async (target, round) => {
    const object = (i: number): Buffer => Buffer.from(JSON.stringify(pod(`g${round}-${i}`)));
    const count = await spread(400, 16, (i) =>
      target.api.create({ ref: ref('', 'post'), object: object(i), options }),
    );
    await target.call('DELETE', `${posting}/pods`);
    return count;
  },
  'REST watch, 50 watchers, an event': (target) =>
    fanOut(target, (heard) =>
      target.watch('/api/v1/namespaces/post/configmaps?watch=1&resourceVersion=0', heard),
    ),
  'gRPC watch, 50 watchers, an event': (target) =>
    fanOut(target, async (heard) => {
      const stop = new AbortController();
      const request = { ref: ref('', 'post', 'configmaps'), ...all, allowBookmarks: true };
      const stream = target.api.watch(request, { signal: stop.signal });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      const listen = async (): Promise<void> => {
        for (;;) {
          const next = await iterator.next();
          if (next.done === true) return;
          heard(next.value.events.length);
        }
      };
      listen().catch(() => undefined);
      return () => stop.abort();
    }),
};
