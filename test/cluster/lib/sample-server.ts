/**
 * A server that an APIService names: widgets in memory, with list, get, create, delete, watch and an upgrade that
 * echoes. Who asks it knows by request headers, from front proxies whose certificate is of the authority that it was
 * told; it believes nobody else.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

const group = 'sample.example.com';
const base = `/apis/${group}/v1`;
const resources = [
  {
    name: 'widgets',
    singularName: 'widget',
    namespaced: true,
    kind: 'Widget',
    verbs: ['create', 'delete', 'get', 'list', 'watch'],
    shortNames: ['wdg'],
  },
  { name: 'widgets/exec', singularName: '', namespaced: true, kind: 'Widget', verbs: ['create'] },
];
const widgetName = 'com.example.sample.v1.Widget';
const openApi2 = {
  swagger: '2.0',
  info: { title: 'sample', version: 'v1' },
  paths: {
    [`${base}/namespaces/{namespace}/widgets`]: {
      get: {
        responses: { 200: { description: 'OK', schema: { $ref: `#/definitions/${widgetName}` } } },
      },
    },
    '/apis/other.example.com/v1/': { get: { responses: {} } },
  },
  definitions: { [widgetName]: { type: 'object', description: 'A widget.' }, Unused: {} },
};

interface Widget {
  metadata: { name: string; namespace?: string; resourceVersion?: string; uid?: string };
}

/** The server of the sample; `askers` tells who asked for what. */
export class SampleServer {
  readonly askers: { readonly user: string; readonly groups: string; readonly path: string }[] = [];
  readonly #server: https.Server;
  readonly #widgets = new Map<string, Widget>();
  readonly #watchers = new Set<ServerResponse>();
  readonly #names: readonly string[];
  #revision = 1;

  constructor(options: {
    readonly cert: string;
    readonly key: string;
    /** Of front proxies. */
    readonly ca: string;
    readonly allowedNames: readonly string[];
  }) {
    const { cert, key, ca } = options;
    this.#names = options.allowedNames;
    this.#server = https.createServer(
      { cert, key, ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on('upgrade', (request, socket) => {
      if (this.#userOf(request) === undefined) return socket.destroy();
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: echo', 'Connection: Upgrade'];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return socket.pipe(socket);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Undefined for a caller who is no front proxy. */
  #userOf(request: IncomingMessage): string | undefined {
    const socket = request.socket as TLSSocket;
    const { subject } = socket.getPeerCertificate();
    const isProxy = socket.authorized && this.#names.includes(String(subject?.CN));
    return isProxy ? String(request.headers['x-remote-user'] ?? '') : undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const user = this.#userOf(request);
    const url = new URL(request.url ?? '/', 'https://sample');
    const send = (code: number, body: object): void => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (user === undefined) return send(401, { kind: 'Status', status: 'Failure', code: 401 });
    const groups = String(request.headers['x-remote-group'] ?? '');
    this.askers.push({ user, groups, path: url.pathname });
    if (url.pathname === base) {
      return send(200, { kind: 'APIResourceList', groupVersion: `${group}/v1`, resources });
    }
    if (url.pathname === '/openapi/v2') return send(200, openApi2);
    if (url.pathname === '/openapi/v3') {
      const serverRelativeURL = `/openapi/v3${base}?hash=ABC`;
      return send(200, { paths: { [base.slice(1)]: { serverRelativeURL } } });
    }
    if (url.pathname === `/openapi/v3${base}`) return send(200, { openapi: '3.0.0', paths: {} });
    const [, namespace = '', name = ''] =
      /^\/namespaces\/([^/]+)\/widgets\/?([^/]*)$/.exec(url.pathname.slice(base.length)) ?? [];
    if (namespace === '') return send(404, notFound(url.pathname));
    return this.#widget({ request, response, url, namespace, name, send });
  }

  async #widget(asked: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly url: URL;
    readonly namespace: string;
    readonly name: string;
    readonly send: (code: number, body: object) => void;
  }): Promise<void> {
    const { request, response, url, namespace, name, send } = asked;
    const key = `${namespace}/${name}`;
    if (request.method === 'POST') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const widget = JSON.parse(Buffer.concat(chunks).toString()) as Widget;
      widget.metadata = { ...widget.metadata, namespace, uid: 'u', resourceVersion: this.#next() };
      this.#widgets.set(`${namespace}/${widget.metadata.name}`, widget);
      this.#tell('ADDED', widget);
      return send(201, widget);
    }
    const found = this.#widgets.get(key);
    if (request.method === 'DELETE' && found !== undefined) {
      this.#widgets.delete(key);
      this.#tell('DELETED', found);
      return send(200, found);
    }
    if (name !== '') return found === undefined ? send(404, notFound(name)) : send(200, found);
    const items = [...this.#widgets.values()];
    if (url.searchParams.get('watch') === null) {
      const metadata = { resourceVersion: String(this.#revision) };
      return send(200, { kind: 'WidgetList', apiVersion: `${group}/v1`, metadata, items });
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#watchers.add(response);
    response.once('close', () => this.#watchers.delete(response));
  }

  #next(): string {
    this.#revision += 1;
    return String(this.#revision);
  }

  #tell(type: string, object: Widget): void {
    for (const watcher of this.#watchers) watcher.write(`${JSON.stringify({ type, object })}\n`);
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }
}

function notFound(name: string): object {
  const message = `widgets.${group} "${name}" not found`;
  const details = { name, group, kind: 'widgets' };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code: 404 };
  return { ...status, reason: 'NotFound', message, details };
}
