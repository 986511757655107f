/** Against grpc-js: its client and our server, our client and its server. */
import { afterEach, describe, expect, test } from '@jest/globals';
import * as grpcJs from '@grpc/grpc-js';
import { systemClock } from '../clock.js';
import { silentLogger } from '../log.js';
import { createGrpcChannel } from './channel.js';
import { ask, EchoDefinition, echoHandlers } from './testkit/echo-service.js';
import { createGrpcServer } from './server.js';
import type { CallOptions, Client } from './types.js';
import { Code } from './types.js';

const path = (method: string): string => `/trireme.test.Echo/${method}`;
const same = (message: Uint8Array): Buffer => Buffer.from(message);
const gzip = {
  'grpc.default_compression_algorithm': grpcJs.compressionAlgorithms.gzip,
};
const clock = systemClock();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('their client and our server', () => {
  async function start(
    options: grpcJs.ClientOptions = {},
    onGone: () => void = () => undefined,
  ): Promise<grpcJs.Client> {
    const server = createGrpcServer({
      log: silentLogger,
      maxReceiveBytes: 2_000_000,
      fallback: (_request, response) => void response.end(),
    });
    server.addService(EchoDefinition, echoHandlers(onGone));
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    cleanups.push(() => server.close());
    const security = grpcJs.credentials.createInsecure();
    const client = new grpcJs.Client(`127.0.0.1:${port}`, security, options);
    cleanups.push(() => client.close());
    return client;
  }

  interface Outcome {
    readonly answer: Buffer | undefined;
    readonly status: grpcJs.StatusObject;
  }

  function unary(
    client: grpcJs.Client,
    request: string | Buffer,
    metadata = new grpcJs.Metadata(),
    options: grpcJs.CallOptions = {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      let answer: Buffer | undefined;
      const call = client.makeUnaryRequest(
        path('Unary'),
        same,
        same,
        Buffer.from(request),
        metadata,
        options,
        (_error, value) => {
          answer = value;
        },
      );
      // The callback comes first.
      call.on('status', (status) => setImmediate(() => resolve({ answer, status })));
    });
  }

  test.each([
    ['plain', {}],
    ['compressed', gzip],
  ])('unary calls, %s', async (_name, options) => {
    const client = await start(options);
    const sizes = [0, 1, 1000, 16_380, 300_000, 1_999_000];
    const outcomes = await Promise.all(sizes.map((size) => unary(client, Buffer.alloc(size, 'x'))));
    expect(outcomes.map(({ answer }) => answer?.length)).toEqual(sizes);
  });

  test('compressed requests get compressed answers, on streams too', async () => {
    const client = await start(gzip);
    const zeros = Buffer.alloc(20_000);
    const parts = await new Promise<Buffer[]>((resolve, reject) => {
      const all: Buffer[] = [];
      const call = client.makeBidiStreamRequest(path('Both'), same, same);
      call.on('data', (part: Buffer) => all.push(part));
      call.on('error', reject).on('end', () => resolve(all));
      for (const part of ['one', zeros, '', 'two']) call.write(Buffer.from(part));
      call.end();
    });
    expect(parts.map((part) => part.length)).toEqual([3, 20_000, 0, 3]);
  });

  test('metadata both ways', async () => {
    const client = await start();
    const metadata = new grpcJs.Metadata();
    metadata.add('key', 'one');
    metadata.add('key', 'two');
    metadata.add('key-bin', Buffer.from([0, 1, 255]));
    metadata.add('key-bin', Buffer.from([7]));
    const { answer, status } = await unary(client, ask.metadata, metadata);
    const seen = JSON.parse(String(answer)) as Record<string, string>;
    // grpc-js puts a blank behind the comma or does not, as the field's line was written.
    expect(seen['key']?.replaceAll(' ', '')).toBe('one,two');
    expect(seen['key-bin']).toBe('0001ff07');
    expect(status.metadata.getMap()).toMatchObject({
      trailer: 'last',
      'trailer-bin': Buffer.from([1, 2, 254]),
    });
  });

  test('an error with details, without a message', async () => {
    const client = await start();
    const { answer, status } = await unary(client, ask.fail);
    expect(answer).toBeUndefined();
    expect(status).toMatchObject({ code: Code.FailedPrecondition, details: ' no “fail” 100%\n' });
    expect(status.metadata.get('reason-bin')).toEqual([Buffer.from([0, 255, 1])]);
  });

  test('deadlines and cancellation reach the server', async () => {
    let gone = 0;
    let tell: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const client = await start({}, () => {
      gone += 1;
      if (gone === 2) tell();
    });
    const timed = unary(client, ask.hang, undefined, { deadline: clock.nowMs() + 100 });
    expect((await timed).status.code).toBe(Code.DeadlineExceeded);
    const cancelled = await new Promise<number | undefined>((resolve) => {
      const call = client.makeUnaryRequest(
        path('Unary'),
        same,
        same,
        Buffer.from(ask.hang),
        (error) => resolve(error?.code),
      );
      setImmediate(() => call.cancel());
    });
    expect(cancelled).toBe(Code.Cancelled);
    // A second call that is surely there before it is cancelled.
    const abandoned = unary(client, ask.hang, undefined, { deadline: clock.nowMs() + 200 });
    expect((await abandoned).status.code).toBe(Code.DeadlineExceeded);
    await both;
  });

  test('a request that is too long', async () => {
    for (const options of [{}, gzip]) {
      const client = await start(options);
      const { status } = await unary(client, Buffer.alloc(2_000_001));
      expect(status.code).toBe(Code.ResourceExhausted);
      expect((await unary(client, 'next')).answer?.toString()).toBe('next');
    }
  });

  test('streams of all kinds', async () => {
    const client = await start();
    const downloaded = await new Promise<number[]>((resolve, reject) => {
      const sizes: number[] = [];
      client
        .makeServerStreamRequest(path('Download'), same, same, Buffer.from('300 20000'))
        .on('data', (part: Buffer) => sizes.push(part.length))
        .on('error', reject)
        .on('end', () => resolve(sizes));
    });
    expect(downloaded).toEqual(Array.from({ length: 300 }, () => 20_000));
    const uploaded = await new Promise<string>((resolve, reject) => {
      const call = client.makeClientStreamRequest(path('Upload'), same, same, (error, value) => {
        if (error === null) resolve(String(value));
        else reject(error);
      });
      for (let count = 0; count < 200; count++) call.write(Buffer.alloc(30_000));
      call.end();
    });
    expect(uploaded).toBe('6000000');
    const echoed = await new Promise<number>((resolve, reject) => {
      let total = 0;
      const call = client.makeBidiStreamRequest(path('Both'), same, same);
      call.on('data', (part: Buffer) => {
        total += part.length;
      });
      call.on('error', reject).on('end', () => resolve(total));
      for (let count = 0; count < 200; count++) call.write(Buffer.alloc(30_000));
      call.end();
    });
    expect(echoed).toBe(6_000_000);
  });

  test('a stream that the server ends before its client does', async () => {
    const client = await start();
    const error = await new Promise<grpcJs.ServiceError>((resolve) => {
      const call = client.makeBidiStreamRequest(path('Both'), same, same);
      call.on('error', resolve).on('data', () => undefined);
      call.write(Buffer.from('one'));
      call.write(Buffer.from(ask.fail));
    });
    expect(error).toMatchObject({ code: Code.Aborted, details: 'enough' });
    expect((await unary(client, 'next')).answer?.toString()).toBe('next');
  });

  test('keep-alive pings while a call waits', async () => {
    let told: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      told = resolve;
    });
    const client = await start(
      { 'grpc.keepalive_time_ms': 5, 'grpc.keepalive_timeout_ms': 5000 },
      told,
    );
    const { status } = await unary(client, ask.hang, undefined, { deadline: clock.nowMs() + 200 });
    await gone;
    expect(status.code).toBe(Code.DeadlineExceeded);
    expect((await unary(client, 'next')).answer?.toString()).toBe('next');
  });
});

describe('our client and their server', () => {
  type Call = grpcJs.ServerUnaryCall<Buffer, Buffer>;
  const kind = (requestStream: boolean, responseStream: boolean, method: string): object => ({
    path: path(method),
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  });

  async function start(
    options: grpcJs.ChannelOptions = {},
    onGone: () => void = () => undefined,
  ): Promise<Client<typeof EchoDefinition>> {
    const server = new grpcJs.Server(options);
    const definition = {
      unary: kind(false, false, 'Unary'),
      download: kind(false, true, 'Download'),
      upload: kind(true, false, 'Upload'),
      both: kind(true, true, 'Both'),
    };
    server.addService(definition as unknown as grpcJs.ServiceDefinition, {
      unary(call: Call, done: grpcJs.sendUnaryData<Buffer>) {
        const text = call.request.length < 100 ? call.request.toString() : '';
        if (text === ask.hang) {
          call.on('cancelled', onGone);
          return;
        }
        if (text === ask.fail) {
          const metadata = new grpcJs.Metadata();
          metadata.add('reason-bin', Buffer.from([0, 255, 1]));
          done({ code: grpcJs.status.FAILED_PRECONDITION, details: 'no “fail” 100%\n', metadata });
          return;
        }
        const fields = Object.entries(call.metadata.getMap()).map(([name, value]) => [
          name,
          value.toString(),
        ]);
        done(
          null,
          text === ask.metadata
            ? Buffer.from(JSON.stringify(Object.fromEntries(fields)))
            : call.request,
        );
      },
      download(call: grpcJs.ServerWritableStream<Buffer, Buffer>) {
        const [count = 0, size = 0] = call.request.toString().split(' ').map(Number);
        for (let at = 0; at < count; at++) call.write(Buffer.alloc(size, at));
        call.end();
      },
      upload(
        call: grpcJs.ServerReadableStream<Buffer, Buffer>,
        done: grpcJs.sendUnaryData<Buffer>,
      ) {
        let total = 0;
        call.on('data', (part: Buffer) => {
          total += part.length;
        });
        call.on('end', () => done(null, Buffer.from(String(total))));
      },
      both(call: grpcJs.ServerDuplexStream<Buffer, Buffer>) {
        call.on('cancelled', onGone);
        call.on('data', (part: Buffer) => {
          if (part.toString() === ask.fail)
            call.emit('error', { code: Code.Aborted, details: 'enough' });
          else call.write(part);
        });
        call.on('end', () => call.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      const security = grpcJs.ServerCredentials.createInsecure();
      server.bindAsync('127.0.0.1:0', security, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    cleanups.push(() => server.forceShutdown());
    const channel = createGrpcChannel({
      target: `127.0.0.1:${port}`,
      log: silentLogger,
      maxReceiveBytes: 2_000_000,
    });
    cleanups.push(() => channel.close());
    return channel.client(EchoDefinition);
  }

  test.each([
    ['plain', {}],
    ['compressed', gzip],
  ])('unary calls, %s', async (_name, options) => {
    const client = await start(options);
    const sizes = [0, 1, 1000, 16_380, 300_000, 1_999_000];
    const answers = await Promise.all(sizes.map((size) => client.unary(Buffer.alloc(size, 'x'))));
    expect(answers.map((answer) => answer.length)).toEqual(sizes);
  });

  test('metadata, errors and their details', async () => {
    const client = await start();
    const metadata: CallOptions['metadata'] = new Map<string, string | Buffer>([
      ['key', 'value'],
      ['key-bin', Buffer.from('bytes')],
    ]);
    const answer = await client.unary(Buffer.from(ask.metadata), { metadata });
    expect(JSON.parse(Buffer.from(answer).toString())).toMatchObject({
      key: 'value',
      'key-bin': 'bytes',
    });
    await expect(client.unary(Buffer.from(ask.fail))).rejects.toMatchObject({
      code: Code.FailedPrecondition,
      message: 'no “fail” 100%\n',
      metadata: new Map([['reason-bin', Buffer.from([0, 255, 1])]]),
    });
  });

  test('deadlines and cancellation reach the server', async () => {
    let gone = 0;
    let tell: () => void = () => undefined;
    const client = await start({}, () => {
      gone += 1;
      tell();
    });
    const next = (): Promise<void> =>
      new Promise((resolve) => {
        tell = resolve;
      });
    let told = next();
    await expect(client.unary(Buffer.from(ask.hang), { deadlineMs: 100 })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
      definite: false,
    });
    await told;
    told = next();
    const call = client.both();
    call.send(Buffer.from('one'));
    const answers = call[Symbol.asyncIterator]();
    expect((await answers.next()).value?.toString()).toBe('one');
    call.cancel();
    await expect(answers.next()).rejects.toMatchObject({ code: Code.Cancelled });
    await told;
    expect(gone).toBe(2);
  });

  test('an answer that is too long', async () => {
    for (const options of [{}, gzip]) {
      const client = await start({ ...options, 'grpc.max_receive_message_length': -1 });
      await expect(client.unary(Buffer.alloc(2_000_001))).rejects.toMatchObject({
        code: Code.ResourceExhausted,
      });
      expect((await client.unary(Buffer.from('next'))).toString()).toBe('next');
    }
  });

  test('streams of all kinds', async () => {
    const client = await start();
    let downloaded = 0;
    for await (const part of client.download(Buffer.from('300 20000'))) downloaded += part.length;
    expect(downloaded).toBe(6_000_000);
    const upload = client.upload();
    for (let count = 0; count < 200; count++) {
      if (!upload.send(Buffer.alloc(30_000))) await upload.drained();
    }
    upload.end();
    for await (const total of upload) expect(Buffer.from(total).toString()).toBe('6000000');
    const both = client.both();
    const sending = (async () => {
      for (let count = 0; count < 200; count++) {
        if (!both.send(Buffer.alloc(30_000))) await both.drained();
      }
      both.end();
    })();
    let echoed = 0;
    for await (const part of both) echoed += part.length;
    await sending;
    expect(echoed).toBe(6_000_000);
    const failing = client.both();
    failing.send(Buffer.from(ask.fail));
    await expect(failing[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.Aborted,
    });
    await failing.drained();
  });
});
