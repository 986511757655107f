import { afterEach, describe, expect, test } from '@jest/globals';
import * as grpcJs from '@grpc/grpc-js';
import { getEventListeners } from 'node:events';
import type * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { AgentDefinition, ExecInput, ExecOutput, LogsChunk, LogsRequest } from '../../gen/agent.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { silentLogger } from '../log.js';
import type { Channel, GrpcServer, Handlers } from './index.js';
import { Code, createGrpcChannel, createGrpcServer, GrpcError } from './index.js';

const container = { namespace: 'a', pod: 'b', uid: '', container: '' };
const logsRequest: LogsRequest = {
  container,
  follow: false,
  previous: false,
  timestamps: false,
  sinceTime: '',
};

const agent: Handlers<typeof AgentDefinition> = {
  async logs(request, stream, context) {
    if (request.previous) throw new GrpcError(Code.NotFound, 'no “previous” 100%');
    for (let line = 0; line < 3; line++) {
      if (!stream.send({ data: Buffer.from(`line ${line}\n`) })) await stream.drained();
    }
    if (request.follow) {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    }
  },
  async exec(stream) {
    for await (const input of stream) {
      if (input.kind?.$case === 'stdin') {
        stream.send({ kind: { $case: 'stdout', value: input.kind.value } });
      }
    }
    stream.send({ kind: { $case: 'exit', value: { code: 3, error: '' } } });
  },
  async attach() {
    throw new Error('broken');
  },
  async portForward() {},
  stats: () => ({ summary: Buffer.from('{}') }),
};

describe('gRPC', () => {
  const servers: GrpcServer[] = [];
  const channels: Channel[] = [];

  async function start(handlers = agent): Promise<{ port: number; channel: Channel }> {
    const server = createGrpcServer({
      log: silentLogger,
      maxReceiveBytes: 2 * 1024 * 1024,
      fallback: (request, response) => {
        response.writeHead(200);
        (response as http.ServerResponse).end(`${request.httpVersion} ${request.url ?? ''}`);
      },
    });
    server.addService(AgentDefinition, handlers);
    servers.push(server);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const channel = createGrpcChannel({ target: `127.0.0.1:${port}`, log: silentLogger });
    channels.push(channel);
    return { port, channel };
  }

  afterEach(async () => {
    for (const channel of channels.splice(0)) channel.close();
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  test('a unary call', async () => {
    const { channel } = await start();
    const client = channel.client(AgentDefinition);
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.stats({})));
    expect(answers.every((answer) => answer.summary.toString() === '{}')).toBe(true);
  });

  test('a server stream, its end and its error', async () => {
    const { channel } = await start();
    const client = channel.client(AgentDefinition);
    let text = '';
    for await (const chunk of client.logs(logsRequest)) text += chunk.data.toString();
    expect(text).toBe('line 0\nline 1\nline 2\n');
    await expect(
      (async () => {
        for await (const chunk of client.logs({ ...logsRequest, previous: true })) void chunk;
      })(),
    ).rejects.toMatchObject({ code: Code.NotFound, message: 'no “previous” 100%' });
  });

  test('leaving the loop cancels the call at the server', async () => {
    let cancelled: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const { channel } = await start({
      ...agent,
      logs: async (request, stream, context) => {
        context.signal.addEventListener('abort', () => cancelled());
        await agent.logs(request, stream, context);
      },
    });
    for await (const chunk of channel
      .client(AgentDefinition)
      .logs({ ...logsRequest, follow: true })) {
      expect(chunk.data.length).toBeGreaterThan(0);
      break;
    }
    await gone;
  });

  test('a bidirectional stream with more data than any window', async () => {
    const { channel } = await start();
    const call = channel.client(AgentDefinition).exec();
    const megabyte = Buffer.alloc(1024 * 1024, 7);
    const sending = (async () => {
      for (let part = 0; part < 40; part++) {
        if (!call.send({ kind: { $case: 'stdin', value: megabyte } })) await call.drained();
      }
      call.end();
    })();
    let bytes = 0;
    let code = -1;
    for await (const output of call) {
      if (output.kind?.$case === 'stdout') bytes += output.kind.value.length;
      if (output.kind?.$case === 'exit') code = output.kind.value.code;
    }
    await sending;
    expect(bytes).toBe(40 * 1024 * 1024);
    expect(code).toBe(3);
  });

  test('an error that is not a status is UNKNOWN, and the server lives', async () => {
    const { channel } = await start();
    const client = channel.client(AgentDefinition);
    const call = client.attach();
    await expect(call[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: Code.Unknown });
    await expect(client.stats({})).resolves.toBeDefined();
  });

  test('an unknown service and an unknown method are named', async () => {
    const { port, channel } = await start();
    await expect(channel.client(ClusterDefinition).status({})).rejects.toMatchObject({
      code: Code.Unimplemented,
      message: 'unknown service trireme.cluster.v1.Cluster',
    });
    expect(port).toBeGreaterThan(0);
  });

  test('the deadline ends a call on both sides', async () => {
    const { channel } = await start({ ...agent, stats: () => new Promise(() => undefined) });
    await expect(
      channel.client(AgentDefinition).stats({}, { deadlineMs: 30 }),
    ).rejects.toMatchObject({ code: Code.DeadlineExceeded, definite: false });
  });

  test('a message over the limit is RESOURCE_EXHAUSTED', async () => {
    const { channel } = await start();
    const call = channel.client(AgentDefinition).exec();
    call.send({ kind: { $case: 'stdin', value: Buffer.alloc(3 * 1024 * 1024) } });
    await expect(call[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
  });

  test('nobody listening is UNAVAILABLE and definite', async () => {
    const channel = createGrpcChannel({ target: '127.0.0.1:1', log: silentLogger });
    channels.push(channel);
    await expect(channel.client(AgentDefinition).stats({})).rejects.toMatchObject({
      code: Code.Unavailable,
      definite: true,
    });
    await expect(
      channel.client(AgentDefinition).exec()[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: Code.Unavailable });
    expect(channel.state).toBe('broken');
  });

  test('a connection that breaks under a call leaves its outcome open', async () => {
    const { channel } = await start({
      ...agent,
      stats: (_request, context) => {
        void context;
        void servers[0]?.close({ graceMs: 0 });
        return new Promise(() => undefined);
      },
    });
    await expect(channel.client(AgentDefinition).stats({})).rejects.toMatchObject({
      code: Code.Unavailable,
      definite: false,
    });
  });

  test('plain HTTP/1.1 and HTTP/2 are served on the same port', async () => {
    const { port } = await start();
    const text = await fetch(`http://127.0.0.1:${port}/health`).then((answer) => answer.text());
    expect(text).toBe('1.1 /health');
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const body = await new Promise<string>((resolve) => {
      let all = '';
      session
        .request({ ':path': '/version' })
        .on('data', (chunk: Buffer) => {
          all += chunk.toString();
        })
        .on('end', () => resolve(all));
    });
    session.destroy();
    expect(body).toBe('2.0 /version');
  });

  test('garbage on the wire ends that connection only', async () => {
    const { port, channel } = await start();
    for (const garbage of [
      Buffer.from('\x16\x03\x01\x02nonsense'),
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(100, 0xff)]),
      Buffer.from('GET / HTTP/9.9\r\n\r\n\r\n'),
    ]) {
      const socket = net.connect(port, '127.0.0.1');
      await new Promise((resolve) => {
        socket
          .on('error', resolve)
          .on('close', resolve)
          .on('data', () => undefined);
        socket.write(garbage);
      });
      socket.destroy();
    }
    await expect(channel.client(AgentDefinition).stats({})).resolves.toBeDefined();
  });

  test('grpc-js talks to it', async () => {
    const { port } = await start();
    const client = new grpcJs.Client(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
    const chunks = await new Promise<LogsChunk[]>((resolve, reject) => {
      const got: LogsChunk[] = [];
      client
        .makeServerStreamRequest(
          '/trireme.agent.v1.Agent/Logs',
          (request: LogsRequest) => Buffer.from(LogsRequest.encode(request).finish()),
          (bytes: Buffer) => LogsChunk.decode(bytes),
          logsRequest,
        )
        .on('data', (chunk: LogsChunk) => got.push(chunk))
        .on('error', reject)
        .on('end', () => resolve(got));
    });
    expect(chunks).toHaveLength(3);
    const outputs = await new Promise<ExecOutput[]>((resolve, reject) => {
      const got: ExecOutput[] = [];
      const call = client.makeBidiStreamRequest(
        '/trireme.agent.v1.Agent/Exec',
        (input: ExecInput) => Buffer.from(ExecInput.encode(input).finish()),
        (bytes: Buffer) => ExecOutput.decode(bytes),
      );
      call.on('data', (output: ExecOutput) => got.push(output));
      call.on('error', reject).on('end', () => resolve(got));
      call.write({ kind: { $case: 'stdin', value: Buffer.from('x') } });
      call.end();
    });
    client.close();
    expect(outputs.map((output) => output.kind?.$case)).toEqual(['stdout', 'exit']);
  });
});

test('a stream that could not be opened leaves nothing on the signal of its call', async () => {
  const channel = createGrpcChannel({ target: '127.0.0.1:1', log: silentLogger });
  const { signal } = new AbortController();
  for (let attempt = 0; attempt < 3; attempt++) {
    const answers = channel.client(ClusterDefinition).watch({}, { signal });
    await expect(answers[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.Unavailable,
    });
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  channel.close();
});
