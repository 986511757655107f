/** `port-forward` in front of a pretended API server. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { PortForwardData } from '../../gen/agent.js';
import { ManualClock } from '../../lib/clock.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import { upgradePortForward } from '../../master/streaming/index.js';
import { FakeCall } from '../../master/streaming/testkit/fake-call.js';
import { processContext } from '../context.js';
import { run } from '../main.js';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
};
/** The port of it that an own, true server of streams forwards. */
const streamPort = 81;
const greeting = (channel: number): Buffer => Buffer.from([channel, 80, 0]);

let upstream: http.Server;
/** What the pod's side of a forwarded connection does. */
let pod81: (call: FakeCall<PortForwardData, PortForwardData>) => void;
/** Is awaited before the handshake. */
let handshake: () => Promise<void> = () => Promise.resolve();
let serve: (socket: WebSocket) => void = () => undefined;
let refusesNewer = false;
/** The answer in the place of an upgrade, if any. */
let refusal = '';
let ended: Promise<number>;
let port = 0;
let port81 = 0;
let words = '';

beforeAll(async () => {
  upstream = http.createServer((_, response) => response.end(JSON.stringify(pod)));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: () => 'v4.channel.k8s.io',
  });
  upstream.on('upgrade', (request, socket, head) => {
    if (refusal !== '') {
      socket.end(refusal);
      return;
    }
    if (request.url?.endsWith(`ports=${streamPort}`) === true) {
      const open = (): ClientDuplex<PortForwardData, PortForwardData> => {
        const call = new FakeCall<PortForwardData, PortForwardData>();
        pod81(call);
        return call;
      };
      const ports = [streamPort];
      upgradePortForward({ request, socket, head }, { ports, open, clock: new ManualClock() });
      return;
    }
    // A server that knows the older protocol only; this library's refuses the other one's name.
    if (!refusesNewer) request.headers['sec-websocket-protocol'] = 'v4.channel.k8s.io';
    void handshake().then(() =>
      sockets.handleUpgrade(request, socket, head, (opened) => serve(opened)),
    );
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  let tell: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const write = (data: string | Uint8Array): void => {
    words += Buffer.from(data).toString('utf8');
    // On both addresses.
    if (words.split(`-> ${streamPort}\n`).length > 2) tell();
  };
  const { port: at } = upstream.address() as net.AddressInfo;
  ended = run(
    ['port-forward', 'pod/p', ':80', `:${streamPort}`, `--server=http://127.0.0.1:${at}`],
    {
      ...processContext,
      out: write,
      err: write,
    },
  );
  await listening;
  const portTo = (remote: number): number =>
    Number(new RegExp(`127\\.0\\.0\\.1:(\\d+) -> ${remote}\\n`).exec(words)?.[1]);
  [port, port81] = [portTo(80), portTo(streamPort)];
});

beforeEach(() => {
  handshake = () => Promise.resolve();
  refusesNewer = false;
  serve = (socket) => {
    for (const channel of [0, 1]) socket.send(greeting(channel));
    socket.on('message', (data: Buffer) => socket.send(data));
  };
});

afterAll(() => void upstream.close());

test('data of more than the buffers hold comes back whole', async () => {
  const sent = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');
  const client = net.connect(port, '127.0.0.1');
  client.write(sent);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of client as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= sent.length) break;
  }
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test('a server that refuses the newer protocol is asked for the older one', async () => {
  refusesNewer = true;
  const client = net.connect(port, '127.0.0.1');
  client.write('hello');
  const [data] = (await once(client, 'data')) as [Buffer];
  expect(data.toString()).toBe('hello');
  client.destroy();
});

test('what the pod refuses is told, and the connection ends', async () => {
  serve = (socket) => {
    for (const channel of [0, 1]) socket.send(greeting(channel));
    socket.send(Buffer.concat([Buffer.from([1]), Buffer.from('connection refused')]));
  };
  const client = net.connect(port, '127.0.0.1').resume();
  await once(client, 'close');
  expect(words).toContain(`an error occurred forwarding ${port} -> 80: connection refused\n`);
});

test('a client that resets before the pod is reached ends its own stream and nothing else', async () => {
  const client = net.connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => {
    serve = (socket) => socket.once('close', () => resolve());
  });
  await new Promise<void>((arrived) => {
    handshake = async () => {
      arrived();
      client.resetAndDestroy();
      await once(client, 'close');
      // The reset is seen here in a later turn than it was made in.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
  });
  await closed;
});

/** All that comes of a connection until its end. */
async function readAll(client: net.Socket): Promise<string> {
  let text = '';
  for await (const chunk of client) text += String(chunk);
  return text;
}

/** Answers with what came, once nothing more comes. */
function echoAtTheEnd(call: FakeCall<PortForwardData, PortForwardData>): void {
  const send = call.send.bind(call);
  const chunks: Buffer[] = [];
  call.send = (message) => {
    if (message.kind?.$case === 'data') chunks.push(Buffer.from(message.kind.value));
    if (message.kind?.$case === 'halfClosed') {
      call.say({ kind: { $case: 'data', value: Buffer.concat(chunks) } });
      call.say({ kind: { $case: 'halfClosed', value: true } });
    }
    return send(message);
  };
}

test('a client that has sent all, and says so, still gets its answer', async () => {
  pod81 = echoAtTheEnd;
  const sent = 'abcdefgh'.repeat(200_000);
  const client = net.connect({ port: port81, host: '127.0.0.1', allowHalfOpen: true });
  client.end(sent);
  expect(await readAll(client)).toBe(sent);
});

test('a pod that has sent all does not keep the client from sending', async () => {
  const heard: string[] = [];
  const lastWord = new Promise<void>((resolve) => {
    pod81 = (call) => {
      call.say({ kind: { $case: 'data', value: Buffer.from('bye') } });
      call.say({ kind: { $case: 'halfClosed', value: true } });
      const send = call.send.bind(call);
      call.send = (message) => {
        if (message.kind?.$case === 'data') heard.push(message.kind.value.toString());
        if (message.kind?.$case === 'halfClosed') resolve();
        return send(message);
      };
    };
  });
  const client = net.connect({ port: port81, host: '127.0.0.1', allowHalfOpen: true });
  const [first] = (await once(client, 'data')) as [Buffer];
  expect(first.toString()).toBe('bye');
  client.end('and so say I');
  await lastWord;
  expect(heard.join('')).toBe('and so say I');
});

test('what the pod refuses is told over streams as well', async () => {
  pod81 = (call) => {
    call.say({ kind: { $case: 'error', value: 'connection refused' } });
    call.say(undefined);
  };
  const client = net.connect(port81, '127.0.0.1').resume();
  await once(client, 'close');
  expect(words).toContain(
    `an error occurred forwarding ${port81} -> ${streamPort}: connection refused\n`,
  );
});

describe('another command', () => {
  /** Runs one that ends by itself. */
  async function forward(...more: string[]): Promise<{ code: number; said: string }> {
    let said = '';
    const write = (data: string | Uint8Array): void => {
      said += Buffer.from(data).toString('utf8');
    };
    const { port: at } = upstream.address() as net.AddressInfo;
    const code = await run(['port-forward', 'pod/p', ...more, `--server=http://127.0.0.1:${at}`], {
      ...processContext,
      out: write,
      err: write,
    });
    return { code, said };
  }

  test('for ports that are in use says so, of each address, and ends', async () => {
    expect(await forward(`${port}:80`)).toEqual({
      code: 1,
      said:
        `Unable to listen on port ${port}: Listeners failed to create with the following errors: ` +
        `[unable to create listener: Error listen tcp4 127.0.0.1:${port}: bind: address already in use ` +
        `unable to create listener: Error listen tcp6 [::1]:${port}: bind: address already in use]\n` +
        `error: unable to listen on any of the requested ports: [{${port} 80}]\n`,
    });
  });

  test('that the server refuses ends before anything listens', async () => {
    refusal = 'HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\nnot for you';
    try {
      expect(await forward(':80')).toEqual({
        code: 1,
        said: 'error: error upgrading connection: not for you\n',
      });
    } finally {
      refusal = '';
    }
  });
});

test('localhost is both addresses, on one port', async () => {
  expect(words).toContain(`Forwarding from [::1]:${port} -> 80\n`);
  const client = net.connect(port, '::1');
  client.write('hello');
  const [data] = (await once(client, 'data')) as [Buffer];
  expect(data.toString()).toBe('hello');
  client.destroy();
});

test('SIGINT ends it, with the connections that are open', async () => {
  const client = net.connect(port, '127.0.0.1').resume();
  await new Promise<void>((resolve) => {
    serve = () => resolve();
  });
  const closed = once(client, 'close');
  process.emit('SIGINT');
  expect(await ended).toBe(0);
  await closed;
});
