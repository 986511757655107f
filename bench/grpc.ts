/**
 * Unary calls on our gRPC server and on grpc-js', by the same client in the same run: `node dist/bench/grpc.js
 * [--clients 64] [--seconds 3] [--rounds 3] [--size 256]`. Each server is a process of its own; rounds alternate.
 * Prints calls a second and the CPU time of the server and of the client for each call.
 */
import * as grpcJs from '@grpc/grpc-js';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGrpcChannel, createGrpcServer } from '../src/lib/grpc/index.js';
import { EchoDefinition, echoHandlers } from '../src/lib/grpc/testkit/echo-service.js';
import { silentLogger } from '../src/lib/log.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    size: { type: 'string', default: '256' },
  },
});

async function listenOurs(): Promise<number> {
  const server = createGrpcServer({ log: silentLogger });
  server.addService(EchoDefinition, { ...echoHandlers(), unary: (request) => request });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return port;
}

function listenGrpcJs(): Promise<number> {
  const server = new grpcJs.Server();
  const same = (message: Buffer): Buffer => message;
  const unary = {
    path: '/trireme.test.Echo/Unary',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { unary },
    {
      unary: (call: grpcJs.ServerUnaryCall<Buffer, Buffer>, done: grpcJs.sendUnaryData<Buffer>) =>
        done(null, call.request),
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpcJs.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

/** The server's process: says its port, and its CPU time in microseconds whenever it is asked. */
async function serve(kind: string): Promise<void> {
  const port = kind === 'ours' ? await listenOurs() : await listenGrpcJs();
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.send?.(port);
}

function nextNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.once('message', (value) => resolve(Number(value))));
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return nextNumber(child);
}

async function measure(child: ChildProcess, port: number, seconds: number): Promise<object> {
  const channel = createGrpcChannel({ target: `127.0.0.1:${port}`, log: silentLogger });
  const { unary } = channel.client(EchoDefinition);
  const message = Buffer.alloc(Number(values.size), 'm');
  const serverBefore = await cpuOf(child);
  const clientBefore = process.cpuUsage();
  const startMs = performance.now();
  let calls = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1000) {
      await unary(message);
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values.clients) }, client));
  const took = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(clientBefore);
  const serverUs = (await cpuOf(child)) - serverBefore;
  channel.close();
  return {
    perSecond: Math.round(calls / took),
    serverUsPerCall: Number((serverUs / calls).toFixed(1)),
    clientUsPerCall: Number(((user + system) / calls).toFixed(1)),
  };
}

if (positionals[0] === 'serve') {
  await serve(positionals[1] ?? 'ours');
} else {
  const program = fileURLToPath(import.meta.url);
  const servers = await Promise.all(
    ['ours', 'grpc-js'].map(async (kind) => {
      const child = fork(program, ['serve', kind]);
      return { kind, child, port: await nextNumber(child) };
    }),
  );
  for (const { child, port } of servers) await measure(child, port, 1);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const { kind, child, port } of servers) {
      const result = await measure(child, port, Number(values.seconds));
      console.log(JSON.stringify({ round, server: kind, ...result }));
    }
  }
  for (const { child } of servers) child.disconnect();
  for (const { child } of servers) child.kill();
}
