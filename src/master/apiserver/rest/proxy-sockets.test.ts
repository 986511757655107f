/** The connections to backends: each is destroyed when its request is over, however it ends. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import * as http from 'node:http';
import { ServerResponse } from 'node:http';
import * as net from 'node:net';
import { Duplex } from 'node:stream';
import { podKind } from '../../../api/core/pod.js';
import { until } from '../../../lib/http2/testkit/raw-peer.js';
import type { Connector } from '../subresources/connector.js';
import type { Verbs } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { open } from './pipeline.js';
import { serveProxy, upgradeProxy } from './proxy.js';
import { forwarded } from './remote.js';
import { sendError } from './respond.js';

const verbs = {
  connect: async (_call: unknown, decode: (target: object) => Connect) => {
    const target = { kind: podKind, namespace: 'n', name: 'p', subresource: 'proxy' };
    await decode(target).use({ target, user: { name: 'u', groups: [] } }, () => undefined);
  },
} as unknown as Verbs;

interface Connect {
  readonly use: (context: object, started: () => void) => Promise<number>;
}

let front: http.Server;
let port: number;
/** The backend's first words; it closes nothing by itself, whatever it is told. */
let says: string;
let opened = 0;
const alive = new Set<Duplex>();

/** As the connections that agents carry: no socket of the system, so that Node itself destroys nothing. */
function carried(): Duplex {
  let isTold = false;
  const socket = new Duplex({
    allowHalfOpen: true,
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      if (!isTold && says !== '') socket.push(says);
      isTold = true;
      done();
    },
  });
  opened++;
  alive.add(socket);
  socket.once('close', () => alive.delete(socket));
  return socket;
}

const connector = {
  backend: () => Promise.resolve({ host: '10.0.0.1:80', connect: carried }),
} as unknown as Connector;

async function guarded(exchange: Exchange, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await sendError(exchange, error).catch(() => exchange.request.socket.destroy());
  }
}

beforeEach(async () => {
  opened = 0;
  alive.clear();
  front = http.createServer((request, response) => {
    const exchange = open(request, response);
    void guarded(exchange, () => serveProxy(exchange, { verbs, connector }));
  });
  front.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    const response = new ServerResponse(request);
    response.assignSocket(socket as net.Socket);
    const exchange = open(request, response);
    response.once('finish', () => socket.end());
    void guarded(exchange, () =>
      upgradeProxy(exchange, { verbs, connector }, { request, response, socket, head }),
    );
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  ({ port } = front.address() as net.AddressInfo);
});

afterEach(() => {
  front.close();
  front.closeAllConnections();
});

const path = '/api/v1/namespaces/n/pods/p/proxy/x';
const plain = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const switching = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n`;
const head = 'HTTP/1.1 200 OK\r\n';
const page = 'Content-Type: text/html\r\n';

/** Opens a connection and says this. @returns the connection, and what it has heard */
function client(text: string): { readonly socket: net.Socket; heard: () => string } {
  let heard = '';
  const socket = net.connect({ host: '127.0.0.1', port }, () => socket.write(text));
  socket.on('data', (data) => (heard += data.toString()));
  socket.on('error', () => undefined);
  return { socket, heard: () => heard };
}

test.each<[string, string, string, RegExp]>([
  ['a whole answer', plain, `${head}Content-Length: 2\r\n\r\nok`, /ok$/],
  ['an answer in chunks', plain, `${head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /200 OK/],
  ['a page', plain, `${head}${page}Content-Length: 2\r\n\r\nok`, /ok/],
  [
    'a page whose coding is a lie',
    plain,
    `${head}${page}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok`,
    /./,
  ],
  ['no status that there is', plain, 'HTTP/1.1 999 X\r\n\r\n', /503/],
  ['no HTTP', plain, 'SSH-2.0\r\n', /503/],
  [
    'a switch that nobody asked for',
    plain,
    'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    /503/,
  ],
  ['a switch that is refused', switching, 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno', /no$/],
  ['a switch that is answered otherwise', switching, `${head}Content-Length: 2\r\n\r\nok`, /500/],
])('%s', async (_, request, answer, wanted) => {
  says = answer;
  const { socket, heard } = client(request);
  await until(() => opened === 1 && alive.size === 0, 'the end of the connection');
  await until(() => wanted.test(heard()) || socket.destroyed, 'the answer');
  socket.destroy();
});

test.each<[string, string, string]>([
  ['before there is an answer', plain, ''],
  ['in the midst of an answer', plain, `${head}Content-Length: 100\r\n\r\nhalf`],
  ['in the midst of a page', plain, `${head}${page}Content-Length: 100\r\n\r\nhalf`],
  ['before the switch', switching, ''],
  [
    'after the switch',
    switching,
    'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhi',
  ],
])('a client that goes %s', async (_, request, answer) => {
  says = answer;
  const { socket, heard } = client(request);
  await until(() => opened === 1 && (answer === '' || heard() !== ''), 'the connection');
  socket.destroy();
  await until(() => alive.size === 0, 'the end of the connection');
});

test('what goes on to an aggregated server shows nobody its credentials', () => {
  const headers = {
    authorization: 'Bearer secret',
    'impersonate-user': 'a',
    'impersonate-extra-x': 'b',
    'x-remote-user': 'c',
    'x-remote-extra-y': 'd',
    'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io',
    accept: '*/*',
    host: 'h',
    connection: 'x-mine',
    'x-mine': '1',
  };
  const request = { headers, socket: { remoteAddress: '192.0.2.1' } as net.Socket };
  expect(forwarded(request, { name: 'jane', groups: ['dev'] })).toEqual({
    accept: '*/*',
    'sec-websocket-protocol': 'v5.channel.k8s.io',
    'x-forwarded-for': '192.0.2.1',
    'X-Remote-User': 'jane',
    'X-Remote-Group': ['dev'],
  });
});
