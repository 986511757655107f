/**
 * A running ingress controller on loopback, with objects in memory and two backends that record every byte they get and
 * answer what a test tells them. Clients are raw sockets, so that they can say what no library says.
 */
import type { KubeObject } from '../../src/api/object.js';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { FakeApi } from '../../src/client/testkit/fake.js';
import type { InformerFactory } from '../../src/client/index.js';
import { createInformerFactory } from '../../src/client/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/log.js';
import { IngressController } from '../../src/netproxy/ingress/controller.js';
import { ServiceWatch } from '../../src/netproxy/model/service-watch.js';
import { resources } from '../../src/client/resources.js';
import type { Service } from '../../src/api/types/core.js';
import type { EndpointSlice, Ingress } from '../../src/api/types/networking.js';
import type { IngressOptions } from '../../src/netproxy/types.js';

const clock = systemClock();

/** Answers a connection when a request's head has arrived. */
export type Answer = (socket: Socket, head: string) => void;

export class RawBackend {
  readonly name: string;
  received = '';
  answer: Answer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(name: string) {
    this.name = name;
    this.answer = this.says(200);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** An answer of one letter, the backend's name. */
  says(status: number | string, fields = ''): Answer {
    return (socket) =>
      void socket.write(
        `HTTP/1.1 ${status} Text\r\n${fields}Content-Length: 1\r\n\r\n${this.name}`,
      );
  }

  raw(text: string, end = true): Answer {
    return (socket) => void (end ? socket.end(text, 'latin1') : socket.write(text, 'latin1'));
  }

  reset(): void {
    this.received = '';
    this.answer = this.says(200);
    for (const socket of this.#sockets) socket.destroy();
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let unread = '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (data) => {
      const text = data.toString('latin1');
      this.received += text;
      unread += text;
      for (let end = headEnd(unread); end !== -1; end = headEnd(unread)) {
        const head = unread.slice(0, end);
        unread = unread.slice(end);
        this.answer(socket, head);
      }
    });
  }
}

/** The end of a request's head, if the text begins with one; bodies are skipped. */
function headEnd(text: string): number {
  const match = /[A-Z]+ \S+ HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/.exec(text);
  return match === null ? -1 : match.index + match[0].length;
}

export interface Lab {
  readonly api: FakeApi;
  readonly http: number;
  readonly https: number;
  readonly a: RawBackend;
  readonly b: RawBackend;
  stop(): Promise<void>;
}

export function backendOf(name: string) {
  return { service: { name, port: { number: 80 } } };
}

/** [host, path, backend] with Prefix. */
export function ingressOf(name: string, rules: readonly (readonly [string, string, string])[]) {
  return {
    metadata: { namespace: 'default', name },
    spec: {
      ingressClassName: 'trireme',
      rules: rules.map(([host, path, service]) => ({
        host,
        http: { paths: [{ path, pathType: 'Prefix', backend: backendOf(service) }] },
      })),
    },
  } satisfies Ingress;
}

async function addService(api: FakeApi, name: string, port: number): Promise<void> {
  const metadata = { namespace: 'default', name };
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
  const service: Service = { metadata, spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports } };
  await api.create(resources.services, service);
  const slice: EndpointSlice = {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  };
  await api.create(resources.endpointSlices, slice);
}

/** Requests for `app.test` go to a under /public and to b under /admin; those for `any.test` to a. */
export async function startLab(
  options: IngressOptions = {},
  objects: readonly KubeObject[] = [],
): Promise<Lab> {
  const api = new FakeApi();
  const [a, b] = [new RawBackend('a'), new RawBackend('b')];
  await addService(api, 'a', await a.listen());
  await addService(api, 'b', await b.listen());
  await api.create(
    resources.ingresses,
    ingressOf('app', [
      ['app.test', '/public', 'a'],
      ['app.test', '/admin', 'b'],
      ['any.test', '/', 'a'],
    ]),
  );
  for (const object of objects) await api.create(resources.ingresses, object);
  const informers: InformerFactory = createInformerFactory({
    client: api,
    clock,
    log: silentLogger,
  });
  const watch = new ServiceWatch(informers);
  const controller = new IngressController({
    httpPort: 0,
    httpsPort: 0,
    bindAddress: '127.0.0.1',
    ...options,
    watch,
    informers,
    clock,
    log: silentLogger,
  });
  await Promise.all([watch.whenSynced(), controller.whenKnown(new AbortController().signal)]);
  const ports = await controller.start();
  return {
    api,
    ...ports,
    a,
    b,
    async stop() {
      a.close();
      b.close();
      await controller.stop();
      informers.stop();
    },
  };
}

/** Everything that comes back to these bytes until the server closes the connection. */
export function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = '';
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(answer));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.write(bytes, 'latin1');
  });
}

/** The statuses of the answers in a text. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
}

export interface Http2Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The error code with which the stream was closed; 0: none. */
  readonly code: number;
}

export function openHttp2(port: number): ClientHttp2Session {
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    servername: 'any.test',
  });
  session.on('error', () => undefined);
  return session;
}

export function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let status: number | undefined;
    let seen: IncomingHttpHeaders = {};
    let text = '';
    stream.on('response', (found) => {
      status = found[':status'];
      seen = found;
    });
    stream.on('data', (data: Buffer) => (text += data.toString('latin1')));
    stream.on('error', () => undefined);
    stream.on('close', () =>
      resolve({ status, headers: seen, body: text, code: stream.rstCode ?? 0 }),
    );
    if (body !== undefined) stream.end(body);
  });
}
