/**
 * The end of a conversation ends nothing else: clients of every kind over every transport leave at every step, on a
 * seed; nodes are killed under them. Afterwards both processes live, and hold no stream, no child and no descriptor
 * more than before. `CLOSERS_ROUNDS=1000` goes on for hours, `CLOSERS_SEED` repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { AgentDefinition } from '../../src/gen/agent.js';
import { delay, systemClock } from '../../src/lib/clock.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import { fixedTls } from '../../src/lib/pki/tls-source.js';
import { Prng } from '../../src/lib/prng.js';
import type { RigFiles } from './lib/closers-rig.js';
import type { Holdings } from './lib/rig-process.js';
import { RigProcess } from './lib/rig-process.js';
import type { Talk, Topic } from './lib/stream-clients.js';
import { grpcTalk, spdyTalk, webSocketTalk } from './lib/stream-clients.js';

const clock = systemClock();
const seed = Number(process.env['CLOSERS_SEED'] ?? 7);
const rounds = Number(process.env['CLOSERS_ROUNDS'] ?? 4);
const perRound = 16;
const patienceMs = 15_000;
/**
 * Buffers of four streams, and what the collector leaves lying about. Without back-pressure it is hundreds of megabytes
 * a second.
 */
const grownBytesMax = 100 * 1024 * 1024;

const steps = [
  'before start',
  'at start',
  'in data',
  'unread',
  'half closed',
  'at its end',
] as const;
/** By it the processes of commands that do not want to end are known. */
const marker = `closers-${process.pid}-${seed}`;
const commands: readonly (readonly string[])[] = [
  ['sleep', '1000'],
  ['cat'],
  ['yes'],
  ['true'],
  ['/no/such/program'],
  ['sh', '-c', `: ${marker}; trap "" TERM HUP INT; while :; do sleep 1; done`],
  ['sh', '-c', 'sleep 1000 & sleep 1000 & exit 3'],
];
const transports = ['grpc', 'v5.channel.k8s.io', 'v4.channel.k8s.io', 'spdy'] as const;

let dir = '';
let agent: RigProcess;
let gateway: RigProcess;
let channel: Channel;
let echo: net.Server;
let files: RigFiles;

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  dir = await mkdtemp('/tmp/trireme-closers-');
  const archive = execFileSync('scripts/images/build', ['busybox'])
    .toString()
    .trim()
    .split('\n')[0];
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = (commonName: string, usage: 'server' | 'client') =>
    issueCertificate({
      ca,
      subject: {
        commonName,
        // An agent serves members of this group only.
        organizations: usage === 'client' ? ['system:masters'] : [],
        hosts: ['127.0.0.1'],
        usages: [usage],
      },
      clock,
    });
  files = {
    ca: ca.cert,
    server: await issue('system:node:n1', 'server'),
    client: await issue('kube-apiserver-kubelet-client', 'client'),
    archive: archive ?? '',
    agentPort: await freePort(),
  };
  await writeFile(join(dir, 'rig.json'), JSON.stringify(files), { mode: 0o600 });
  agent = await RigProcess.start('agent', dir);
  gateway = await RigProcess.start('gateway', dir);
  channel = openChannel();
  echo = net.createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => {
    echo.listen(0, '127.0.0.1', resolve);
  });
}, 60_000);

afterAll(async () => {
  channel.close();
  echo.close();
  await gateway.kill();
  await agent.stop();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

function openChannel(): Channel {
  const { ca, client } = files;
  return createGrpcChannel({
    target: `127.0.0.1:${files.agentPort}`,
    log: silentLogger,
    clock,
    tls: fixedTls({ ca, ...client }),
  });
}

interface Plan {
  readonly topic: Topic;
  readonly transport: (typeof transports)[number];
  readonly step: (typeof steps)[number];
  readonly abrupt: boolean;
}

function open({ topic, transport }: Plan): Talk {
  if (transport === 'grpc' || topic.kind === 'logs') {
    return grpcTalk(channel.client(AgentDefinition), topic);
  }
  if (transport === 'spdy') return spdyTalk(gateway.port, topic);
  // Port-forward knows no v5.
  const protocol = topic.kind === 'portForward' ? 'v4.channel.k8s.io' : transport;
  return webSocketTalk(gateway.port, topic, protocol);
}

/** Resolves when it comes, or after a moment. */
async function soon(promise: Promise<void>): Promise<void> {
  const abort = new AbortController();
  await Promise.race([promise, delay(clock, 300, abort.signal)]);
  abort.abort();
}

async function converse(plan: Plan): Promise<void> {
  const talk = open(plan);
  const leave = (): void => (plan.abrupt ? talk.destroy() : talk.close());
  const { step } = plan;
  if (step !== 'before start') talk.start();
  if (step === 'in data' || step === 'unread') {
    talk.send(Buffer.from('hello\n'));
    await soon(talk.first);
  }
  if (step === 'unread') {
    talk.stopReading();
    talk.send(Buffer.alloc(100_000, 'x'));
  }
  if (step === 'half closed') talk.halfClose();
  if (step === 'at its end') {
    talk.halfClose();
    await soon(talk.ended);
  }
  leave();
  // A client that only closes politely may wait for ever for a stream that does not end.
  await soon(talk.ended);
  talk.destroy();
  await talk.ended;
}

/** A command that ends by itself, heard out. */
async function runToEnd(plan: Plan): Promise<void> {
  const topic: Topic = { ...plan.topic, kind: 'exec', command: ['true'], tty: false };
  const talk = open({ ...plan, topic });
  talk.start();
  await talk.first;
  if (plan.transport === 'grpc') await talk.ended;
  talk.destroy();
  await talk.ended;
}

function planOf(
  kind: Topic['kind'],
  transport: Plan['transport'],
  command: readonly string[],
): Plan {
  const { port } = echo.address() as AddressInfo;
  return { topic: { kind, command, tty: false, port }, transport, step: 'in data', abrupt: true };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const untilMs = clock.monotonicMs() + patienceMs;
  while (!(await condition())) {
    if (clock.monotonicMs() > untilMs) throw new Error(`not in time: ${what}`);
    await delay(clock, 20);
  }
}

async function settles(process: RigProcess, wanted: Partial<Holdings>): Promise<void> {
  const untilMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const { rssBytes: _rss, ...held } = await process.holds();
    const over = Object.entries(wanted).some(
      ([name, most]) => held[name as keyof typeof held] > most,
    );
    if (!over) return;
    if (clock.monotonicMs() > untilMs) {
      expect({ held, descriptors: process.descriptors() }).toEqual(wanted);
      return;
    }
    await delay(clock, 50);
  }
}

/** Nothing but what was held before. */
async function nothingStays(agentHeld: Holdings, gatewayHeld: Holdings): Promise<void> {
  await until('no command is left', async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
    return (await Promise.all(lines)).every((line) => !line.includes(`: ${marker};`));
  });
  const { rssBytes: _a, ...agentMay } = agentHeld;
  const { rssBytes: _g, ...gatewayMay } = gatewayHeld;
  await settles(agent, agentMay);
  await settles(gateway, gatewayMay);
}

function drawPlans(): Plan[] {
  const prng = new Prng(seed);
  const pick = <T>(of: readonly T[]): T => of[prng.below(of.length)]!;
  const { port } = echo.address() as AddressInfo;
  return Array.from({ length: rounds * perRound }, (_, n) => ({
    topic: {
      kind: (['exec', 'attach', 'portForward', 'logs'] as const)[n % 4]!,
      command: pick(commands),
      tty: prng.below(3) === 0,
      port: prng.below(8) === 0 ? 1 : port,
    },
    transport: pick(transports),
    step: pick(steps),
    abrupt: prng.below(2) === 0,
  }));
}

describe(`closers, seed ${seed}`, () => {
  test(
    'a client that goes first, at any step of any stream, ends nothing and leaves nothing',
    async () => {
      const plans = drawPlans();
      // Makes everything that is made only once, before anything is counted.
      for (const transport of transports) await runToEnd({ ...plans[0]!, transport });
      await settles(agent, { sessions: 0 });
      await settles(gateway, { sessions: 0 });
      const [agentHeld, gatewayHeld] = [await agent.holds(), await gateway.holds()];
      for (let at = 0; at < plans.length; at += perRound) {
        await Promise.all(plans.slice(at, at + perRound).map(converse));
      }
      await nothingStays(agentHeld, gatewayHeld);
      expect([agent.ended, gateway.ended]).toEqual([undefined, undefined]);
    },
    60_000 + rounds * 20_000,
  );

  test('a client that goes while the node takes no more of it is noticed', async () => {
    const [agentHeld, gatewayHeld] = [await agent.holds(), await gateway.holds()];
    const talks = transports.map((transport) => {
      const talk = open(planOf('exec', transport, ['sleep', '1000']));
      talk.start();
      return talk;
    });
    await until('all are served', async () => (await agent.holds()).sessions === talks.length);
    for (const talk of talks) for (let n = 0; n < 64; n++) talk.send(Buffer.alloc(65_536, 'x'));
    await delay(clock, 500);
    for (const talk of talks) talk.destroy();
    await nothingStays(agentHeld, gatewayHeld);
  }, 60_000);

  test('a client that reads nothing costs neither of them memory', async () => {
    const [agentHeld, gatewayHeld] = [await agent.holds(), await gateway.holds()];
    const talks = transports.map((transport) => {
      const talk = open(planOf('exec', transport, ['yes', 'x'.repeat(1000)]));
      talk.start();
      return talk;
    });
    await Promise.all(talks.map(({ first }) => first));
    for (const talk of talks) talk.stopReading();
    await delay(clock, 3000);
    const grown = {
      agent: (await agent.holds()).rssBytes - agentHeld.rssBytes,
      gateway: (await gateway.holds()).rssBytes - gatewayHeld.rssBytes,
    };
    for (const talk of talks) talk.destroy();
    for (const bytes of Object.values(grown)) expect(bytes).toBeLessThan(grownBytesMax);
    await nothingStays(agentHeld, gatewayHeld);
  }, 60_000);

  test('a node that is killed ends its streams, and the gateway holds nothing of them', async () => {
    const held = await gateway.holds();
    const talks = [
      ...transports.slice(1).map((transport) => open(planOf('exec', transport, ['cat']))),
      open(planOf('portForward', 'v4.channel.k8s.io', [])),
    ];
    // Its client may ask for more connections, so that it stays until it is left.
    const forward = open(planOf('portForward', 'spdy', []));
    forward.start();
    for (const talk of talks) talk.start();
    await until('all are served', async () => (await agent.holds()).sessions > talks.length);
    await agent.kill();
    await Promise.all(talks.map(({ ended }) => ended));
    forward.destroy();
    await until('none is open', async () => (await gateway.holds()).sessions === 0);
    agent = await RigProcess.start('agent', dir);
    channel.close();
    channel = openChannel();
    for (const transport of transports) await runToEnd(planOf('exec', transport, ['true']));
    const { rssBytes: _g, ...may } = held;
    await settles(gateway, may);
    expect(gateway.ended).toBeUndefined();
  }, 60_000);

  test('containers that are killed end what is attached to them, and nothing else', async () => {
    const [agentHeld, gatewayHeld] = [await agent.holds(), await gateway.holds()];
    const talks = [
      ...transports.map((transport) => open(planOf('attach', transport, []))),
      open(planOf('logs', 'grpc', [])),
    ];
    for (const talk of talks) talk.start();
    await until('all are served', async () => (await agent.holds()).sessions === talks.length);
    const containers = join(dir, 'node/rt/containers');
    for (const id of await readdir(containers)) {
      process.kill(Number(await readFile(join(containers, id, 'pid'), 'utf8')), 'SIGKILL');
    }
    await Promise.all(talks.map(({ ended }) => soon(ended)));
    for (const talk of talks) talk.destroy();
    await nothingStays(agentHeld, gatewayHeld);
    expect([agent.ended, gateway.ended]).toEqual([undefined, undefined]);
  }, 60_000);
});
