/** Requests through the forwarder of the ingress to endpoints that speak HTTP/2, and trailers of both versions. */
import { afterEach, expect, test } from '@jest/globals';
import { createServer as createHttp1, request as http1Request } from 'node:http';
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { connect, createServer } from 'node:http2';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../lib/clock.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { portOf } from '../../lib/http2/testkit/raw-peer.js';
import type { Target } from './backends.js';
import { forward } from './forward.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { Upstreams } from './upstreams.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, resolve));
  ends.push(() => server.close());
  return portOf(server);
}

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

async function http2Backend(serve: Serve): Promise<Target> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    serve(stream, headers);
  });
  server.on('session', (session) => ends.push(() => session.destroy()));
  return { host: '127.0.0.1', port: await listen(server), http2: true };
}

async function http1Backend(serve: RequestListener): Promise<Target> {
  return { host: '127.0.0.1', port: await listen(createHttp1(serve)) };
}

/** Names of the cluster. */
const named = new Map<string, readonly string[]>();

/** A front that forwards everything to the targets. @returns its ports */
function front(...targets: Target[]): Promise<{ http1: number; http2: number }> {
  return frontAt(systemClock(), ...targets);
}

async function frontAt(
  clock: Clock,
  ...targets: Target[]
): Promise<{ http1: number; http2: number }> {
  const upstreams = new Upstreams(async (host) => named.get(host));
  ends.push(() => upstreams.close());
  const handle = (req: IngressRequest, res: IngressResponse): void => {
    const { method = 'GET', url = '/' } = req;
    const sender = { address: '192.0.2.1', scheme: 'http', port: 80, trusted: [] } as const;
    const request = { method, host: 'app.test', target: url, targets };
    forward(req, res, request, { upstreams, clock, timeoutMs: 60_000, sender });
  };
  const http2 = createServer(handle);
  http2.on('session', (session) => ends.push(() => session.destroy()));
  return { http1: await listen(createHttp1(handle)), http2: await listen(http2) };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
  /** The head was also the end. */
  readonly isHeadAlone?: boolean;
  /** The error code of the end. */
  readonly code?: number;
}

function askHttp2(port: number, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  ends.push(() => session.destroy());
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let [text, status, isHeadAlone] = ['', 0, false];
    let seen: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (found, flags) => {
      status = found[':status'] ?? 0;
      seen = found;
      isHeadAlone = (flags & 1) === 1;
    });
    stream.on('trailers', (found) => (trailers = found));
    stream.on('data', (data: Buffer) => (text += data.toString()));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      const { rstCode: code } = stream;
      resolve({ status, headers: seen, body: text, trailers, isHeadAlone, code });
    });
    if (body !== undefined) stream.end(body);
  });
}

function askHttp1(port: number, headers: OutgoingHttpHeaders, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', method: body === '' ? 'GET' : 'POST', headers };
    const request = http1Request(options, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => (text += data.toString()));
      answer.on('end', () => {
        const { statusCode: status = 0, headers: seen, trailers } = answer;
        resolve({ status, headers: seen, body: text, trailers });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** As a gRPC server: the message comes back, its status after it. */
const echo: Serve = (stream, headers) => {
  let text = '';
  stream.on('data', (data: Buffer) => (text += data.toString()));
  stream.on('end', () => {
    stream.respond(
      { ':status': 200, 'x-te': headers['te'] ?? '', 'x-host': headers[':authority'] ?? '' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': '0', 'content-type': 'x' }),
    );
    stream.end(text);
  });
};

const call = { ':method': 'POST', ':path': '/pkg.Service/Call', te: 'trailers' };

test('a call of gRPC keeps its message, its TE and its trailers', async () => {
  const { http2 } = await front(await http2Backend(echo));
  const answer = await askHttp2(http2, call, 'hello');
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'x-te': 'trailers', 'x-host': 'app.test' },
    body: 'hello',
    trailers: { 'grpc-status': '0' },
  });
  expect(answer.trailers).not.toHaveProperty('content-type');
});

test('a status of gRPC in the head alone stays there', async () => {
  const { http2 } = await front(
    await http2Backend((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true }),
    ),
  );
  const answer = await askHttp2(http2, call, 'hello');
  expect(answer).toMatchObject({ headers: { 'grpc-status': '5' }, body: '', isHeadAlone: true });
});

test('a client of HTTP/1.1 is served as well, and gets trailers if it takes them', async () => {
  const { http1 } = await front(await http2Backend(echo));
  const plain = await askHttp1(http1, {}, 'hello');
  expect(plain).toMatchObject({ status: 200, body: 'hello', trailers: {} });
  expect(plain.headers['x-te']).toBe('');
  const taking = await askHttp1(http1, { te: 'trailers' }, 'hello');
  expect(taking).toMatchObject({ body: 'hello', trailers: { 'grpc-status': '0' } });
});

test('trailers of HTTP/1.1 go on too', async () => {
  const { http2 } = await front(
    await http1Backend((_, res) => {
      res.writeHead(200, { trailer: 'x-sum' });
      res.write('hello');
      res.addTrailers({ 'x-sum': '5' });
      res.end();
    }),
  );
  const answer = await askHttp2(http2, { ':path': '/' });
  expect(answer).toMatchObject({ body: 'hello', trailers: { 'x-sum': '5' } });
});

test('both sides of a call may talk at once', async () => {
  const { http2 } = await front(
    await http2Backend((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    }),
  );
  const session = connect(`http://127.0.0.1:${http2}`);
  ends.push(() => session.destroy());
  const stream = session.request(call);
  await new Promise((resolve) => stream.once('response', resolve));
  for (const word of ['one', 'two']) {
    const heard = new Promise((resolve) => stream.once('data', resolve));
    stream.write(word);
    expect(String(await heard)).toBe(word);
  }
});

test.each([true, false])(
  'an answer ends before its request does, with a body: %s; a client that leaves then ends the request',
  async (hasBody) => {
    let ended = (_code: number | undefined): void => undefined;
    const end = new Promise<number | undefined>((resolve) => (ended = resolve));
    const target = await http2Backend((stream) => {
      // It goes on to read: Node ends the whole stream otherwise.
      stream.resume();
      stream.on('close', () => ended(stream.rstCode));
      const status = { ':status': 200, 'grpc-status': '3' };
      if (!hasBody) stream.respond(status, { endStream: true });
      else {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '3' }));
        stream.end('enough');
      }
    });
    const { http2 } = await front(target);
    const session = connect(`http://127.0.0.1:${http2}`);
    ends.push(() => session.destroy());
    const stream = session.request(call);
    const trailers = new Promise<IncomingHttpHeaders>((resolve) =>
      stream.once(hasBody ? 'trailers' : 'response', resolve),
    );
    stream.write('one of many');
    expect(String(await stream.toArray())).toBe(hasBody ? 'enough' : '');
    expect(await trailers).toMatchObject({ 'grpc-status': '3' });
    session.destroy();
    expect(await end).toBe(8);
  },
);

test('a body that the endpoint breaks off does not look whole', async () => {
  const { http2 } = await front(
    await http2Backend((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => stream.session?.destroy());
    }),
  );
  expect(await askHttp2(http2, { ':path': '/' })).toMatchObject({ body: 'half', code: 2 });
});

test('another endpoint is tried where one is not there; where none is, 502', async () => {
  const gone: Target = { host: '127.0.0.1', port: 1, http2: true };
  const { http2 } = await front(gone, await http2Backend(echo));
  expect(await askHttp2(http2, call, 'hello')).toMatchObject({ status: 200, body: 'hello' });
  const { http2: lonely } = await front(gone);
  expect((await askHttp2(lonely, call, 'hello')).status).toBe(502);
});

test('a connection on which no answer came is not used again', async () => {
  const clock = new ManualClock();
  const sessions: unknown[] = [];
  let asked = (): void => undefined;
  const wasAsked = new Promise<void>((resolve) => (asked = resolve));
  const target = await http2Backend((stream, headers) => {
    sessions.push(stream.session);
    if (sessions.length > 1) echo(stream, headers);
    else asked();
  });
  const { http1 } = await frontAt(clock, target);
  const first = askHttp1(http1, {});
  await wasAsked;
  clock.advance(60_000);
  expect((await first).status).toBe(504);
  expect((await askHttp1(http1, {})).status).toBe(200);
  expect(new Set(sessions).size).toBe(2);
});

test('one that speaks no HTTP/2 is a 502', async () => {
  const backend = await http1Backend((_, res) => res.end('hello'));
  const { http1 } = await front({ ...backend, http2: true });
  expect((await askHttp1(http1, {})).status).toBe(502);
});

test.each([true, false])(
  'a name of the cluster is resolved there, with HTTP/2: %s',
  async (http2) => {
    // No test has another address of its own that a backend may have.
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    const address = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    const backend = http2
      ? await http2Backend(echo)
      : await http1Backend((_, res) => res.end('hi'));
    const host = 'web.default.svc.cluster.local';
    for (const [addresses, status] of [
      [['127.0.0.1'], 502],
      [[], 502],
      [address === undefined ? [] : [address], address === undefined ? 502 : 200],
    ] as const) {
      named.set(host, addresses);
      const ports = await front({ ...backend, host, external: true, http2 });
      expect((await askHttp1(ports.http1, {})).status).toBe(status);
    }
  },
);
