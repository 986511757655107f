/** Every port of the product that listens, in three processes: a store, an API server, and what a worker opens. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { startHarness } from '../cluster/apiserver-harness.js';
import { freePorts, MemberProcess, waitFor } from '../cluster/etcd-processes.js';

const host = '127.0.0.1';

export interface EdgePorts {
  readonly agent: { readonly port: number; readonly ca: string } & ClientKeys;
  readonly ingress: { readonly http: number; readonly https: number };
  readonly dns: number;
}

interface ClientKeys {
  readonly cert: string;
  readonly key: string;
}

/** The resources that a process holds now. */
export interface Held {
  readonly residentBytes: number;
  readonly descriptors: number;
}

export interface Target {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly protocol: 'tcp' | 'tls' | 'udp';
  /** A good request is answered. @throws Error when it is not */
  readonly probe: () => Promise<void>;
}

/** Listeners, and who ends them. */
export interface Targets {
  readonly all: readonly Target[];
  readonly harness: ApiserverHarness;
  stop(): Promise<void>;
}

export function heldBy(pid: number): Held {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  return {
    residentBytes: kilobytes * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** A connection that is up; the caller destroys it. */
export function connect(
  port: number,
  secure: tls.ConnectionOptions | undefined,
): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket =
      secure === undefined
        ? net.connect({ port, host })
        : tls.connect({ port, host, rejectUnauthorized: false, ...secure });
    socket.once(secure === undefined ? 'connect' : 'secureConnect', () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => undefined);
    socket.once('close', () => reject(new Error('closed')));
  });
}

/** Sends bytes and resolves when the answer contains `wanted`. */
export async function exchange(
  port: number,
  secure: tls.ConnectionOptions | undefined,
  bytes: string | Buffer,
  wanted: string | Buffer,
): Promise<void> {
  const socket = await connect(port, secure);
  let seen: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (seen = Buffer.concat([seen, chunk])));
  socket.write(bytes);
  try {
    await waitFor(`${port} answers`, () => seen.includes(wanted) || socket.destroyed);
    if (!seen.includes(wanted)) throw new Error(`${port}: ${seen.toString('latin1')}`);
  } finally {
    socket.destroy();
  }
}

function http(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
/** The head of a SETTINGS frame with at least one setting. */
const settings = Buffer.from('\x04\0\0\0\0\0\0', 'latin1');

const query = Buffer.from(
  '000101000001000000000000036e6f6e07636c7573746572056c6f63616c0000010001',
  'hex',
);

async function askName(port: number): Promise<void> {
  const socket = createSocket('udp4');
  let isAnswered = false;
  socket.on('message', (answer) => (isAnswered ||= answer.readUInt16BE(0) === 1));
  socket.on('error', () => undefined);
  try {
    socket.send(query, port, host);
    await waitFor('the name server answers', () => isAnswered);
  } finally {
    socket.close();
  }
}

function edgeTargets({ agent, ingress, dns }: EdgePorts, pid: number): Target[] {
  const keys = { ca: agent.ca, cert: agent.cert, key: agent.key, ALPNProtocols: ['h2'] };
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  const asked = Buffer.concat([length, query]);
  return [
    {
      name: 'agent',
      pid,
      port: agent.port,
      protocol: 'tls',
      probe: () => exchange(agent.port, keys, preface, settings),
    },
    {
      name: 'ingress',
      pid,
      port: ingress.http,
      protocol: 'tcp',
      probe: () => exchange(ingress.http, undefined, http('/'), '404'),
    },
    {
      name: 'ingress TLS',
      pid,
      port: ingress.https,
      protocol: 'tls',
      probe: () => exchange(ingress.https, {}, http('/'), '404'),
    },
    {
      name: 'DNS over TCP',
      pid,
      port: dns,
      protocol: 'tcp',
      probe: () => exchange(dns, undefined, asked, query.subarray(0, 2)),
    },
    { name: 'DNS over UDP', pid, port: dns, protocol: 'udp', probe: () => askName(dns) },
  ];
}

/** Resolves when all of them answer. */
export async function startTargets(): Promise<Targets> {
  const directory = mkdtempSync(join(tmpdir(), 'trireme-targets-'));
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const program = [process.execPath, 'bin/trireme', 'etcd'];
  const member = new MemberProcess({ name: 'm', clientPort, peerPort, directory, program });
  member.start(`m=http://${host}:${peerPort}`);
  const harness = await startHarness();
  const child: ChildProcess = fork(fileURLToPath(new URL('./edge-process.js', import.meta.url)));
  const edge = await new Promise<EdgePorts>((resolve, reject) => {
    child.once('message', (message) => resolve(message as EdgePorts));
    child.once('exit', (code) => reject(new Error(`the edge process ended with ${code}`)));
  });
  const rest = Number(new URL(harness.url).port);
  const { grpcPort, pid } = harness;
  const store = (name: string, port: number, probe: () => Promise<void>): Target => ({
    name,
    pid: member.pid,
    port,
    protocol: 'tcp',
    probe,
  });
  const all: Target[] = [
    {
      name: 'API server',
      pid,
      port: rest,
      protocol: 'tls',
      probe: () => exchange(rest, {}, http('/version'), 'gitVersion'),
    },
    {
      name: 'API server gRPC',
      pid,
      port: grpcPort,
      protocol: 'tls',
      probe: () => exchange(grpcPort, { ALPNProtocols: ['h2'] }, preface, settings),
    },
    store('store', clientPort, () => exchange(clientPort, undefined, http('/health'), 'true')),
    store('store peers', peerPort, () => exchange(peerPort, undefined, preface, settings)),
    ...edgeTargets(edge, child.pid ?? 0),
  ];
  for (const { name, probe } of all) {
    await waitFor(`${name} answers`, () =>
      probe().then(
        () => true,
        () => false,
      ),
    );
  }
  return {
    all,
    harness,
    async stop() {
      child.kill();
      await Promise.all([member.stop(), harness.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
