/**
 * Two processes for the test of closers, run by fork: `agent`, a node with real processes and its gRPC service, and
 * `gateway`, the API server's streaming layer in front of it. Neither has a handler for what nobody handles: such an
 * error ends it, and the test.
 */
import { resources } from '../../../src/client/resources.js';
import { mkdir, readFile } from 'node:fs/promises';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ContainerRef } from '../../../src/gen/agent.js';
import { AgentDefinition } from '../../../src/gen/agent.js';
import { FakeApi } from '../../../src/client/testkit/fake.js';
import { createInformerFactory } from '../../../src/client/index.js';
import { delay, systemClock } from '../../../src/lib/clock.js';
import { createGrpcChannel, createGrpcServer } from '../../../src/lib/grpc/index.js';
import { silentLogger } from '../../../src/lib/log.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import type { UpgradeRequest } from '../../../src/master/streaming/index.js';
import { upgradeCommand, upgradePortForward } from '../../../src/master/streaming/index.js';
import { ProcessRuntime } from '../../../src/runtime/process/runtime.js';
import { startWorkerNode } from '../../../src/worker/agent/worker-node.js';
import { readMachine } from '../../../src/worker/node/facts.js';
import { HollowNetwork } from '../../../src/worker/run/hollow-network.js';
import { createAgentHandlers } from '../../../src/worker/service/handlers.js';
import { SessionTable } from '../../../src/worker/service/session-table.js';

/** Files that the test leaves in the rig's directory. */
export interface RigFiles {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  readonly archive: string;
  readonly agentPort: number;
}

/** A message of a process of the rig. */
export type RigWord =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'holds'; readonly sessions: number; readonly rssBytes: number }
  | { readonly type: 'stopped' };

const clock = systemClock();
const say = (word: RigWord): void => {
  process.send?.(word);
};

export const container = (name: string): ContainerRef => ({
  namespace: 'default',
  pod: 'p',
  uid: '',
  container: name,
});

/** A pod with two containers: one prints all the time, the other echoes its standard input. */
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: {
    nodeName: 'n1',
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'ticker',
        image: 'busybox',
        command: ['sh', '-c', 'while :; do echo tick; sleep 0.02; done'],
      },
      {
        name: 'shell',
        image: 'busybox',
        stdin: true,
        command: ['sh', '-c', 'while :; do cat; sleep 0.1; done'],
      },
    ],
  },
};

async function runAgent(dir: string, files: RigFiles): Promise<void> {
  const dataDir = join(dir, 'node');
  await mkdir(dataDir, { recursive: true });
  const runtime = new ProcessRuntime({ dataDir: join(dataDir, 'rt'), clock, log: silentLogger });
  await runtime.start();
  await runtime.importImages(files.archive);
  const api = new FakeApi();
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const node = await startWorkerNode({
    name: 'n1',
    ips: ['127.0.0.1'],
    dataDir,
    client: api,
    informers,
    runtime,
    network: new HollowNetwork('127.0.0.1'),
    dns: () => ({ address: '127.0.0.1', domain: 'cluster.local' }),
    machine: await readMachine('/'),
    labels: {},
    taints: [],
    agentPort: files.agentPort,
    podsMax: 110,
    leaseRenewMs: 3000,
    leaseSeconds: 40,
    imported: new Set(['docker.io/library/busybox:latest']),
    clock,
    log: silentLogger,
    signal: new AbortController().signal,
  });
  await api.create(resources.pods, pod);
  for (;;) {
    const containers = [...node.pods.workers.values()].flatMap(({ state }) => [
      ...state.trackedContainers.values(),
    ]);
    if (containers.length === 2 && containers.every(({ current }) => current?.phase === 'running'))
      break;
    await delay(clock, 10);
  }
  const { ca, server: own } = files;
  const sessions = new SessionTable(clock);
  const server = createGrpcServer({
    log: silentLogger,
    tls: fixedTls({ ...own, ca, requestClientCert: 'required' }),
    clock,
  });
  server.addService(AgentDefinition, createAgentHandlers({ find: () => node, clock, sessions }));
  const { port } = await server.listen({ host: '127.0.0.1', port: files.agentPort });
  answer(
    () => sessions.size,
    async () => {
      await node.stop();
      // A container that is being started meanwhile may stand in the way of the first try.
      for (let tries = 0; tries < 20; tries++) {
        const { sandboxes } = await runtime.list();
        const removed = sandboxes.map(({ id }) => runtime.removeSandbox(id));
        const results = await Promise.allSettled(removed);
        if (results.every(({ status }) => status === 'fulfilled')) break;
        await delay(clock, 100);
      }
    },
  );
  say({ type: 'ready', port });
}

async function runGateway(files: RigFiles): Promise<void> {
  const { ca, client: own, agentPort } = files;
  const target = `127.0.0.1:${agentPort}`;
  const channel = createGrpcChannel({
    target,
    log: silentLogger,
    clock,
    tls: fixedTls({ ca, ...own }),
  });
  const agent = channel.client(AgentDefinition);
  const server = http.createServer();
  let open = 0;
  server.on('upgrade', (request, socket, head) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    socket.on('error', () => undefined);
    // As in the API server, some time goes by before the connection is taken over.
    clock.schedule(5, () => takeOver({ request, socket, head }));
  });
  const takeOver = (upgrade: UpgradeRequest): void => {
    const url = new URL(upgrade.request.url ?? '/', 'http://x');
    const flag = (name: string): boolean => url.searchParams.get(name) === 'true';
    if (url.pathname === '/portforward') {
      upgradePortForward(upgrade, {
        ports: url.searchParams.getAll('ports').map(Number),
        clock,
        open: (port) => {
          const call = agent.portForward();
          call.send({
            kind: {
              $case: 'start',
              value: { container: container(''), port, toPodAddress: false },
            },
          });
          return call;
        },
      });
      return;
    }
    const method = url.pathname === '/attach' ? 'attach' : 'exec';
    upgradeCommand(upgrade, {
      start: {
        container: container(method === 'attach' ? 'shell' : 'ticker'),
        command: url.searchParams.getAll('command'),
        stdin: flag('stdin'),
        stdout: true,
        stderr: !flag('tty'),
        tty: flag('tty'),
      },
      open: () => agent[method](),
      clock,
    });
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  answer(
    () => open,
    () => Promise.resolve(),
  );
  say({ type: 'ready', port: (server.address() as AddressInfo).port });
}

/** Answers what is held now, and stops when it is told to. */
function answer(sessions: () => number, stop: () => Promise<void>): void {
  process.on('message', (question) => {
    if (question === 'stop') void stopped(stop);
    else say({ type: 'holds', sessions: sessions(), rssBytes: process.memoryUsage.rss() });
  });
}

async function stopped(stop: () => Promise<void>): Promise<void> {
  await stop();
  say({ type: 'stopped' });
}

const [, , role, dir = ''] = process.argv;
if (process.send !== undefined && (role === 'agent' || role === 'gateway')) {
  const files = JSON.parse(await readFile(join(dir, 'rig.json'), 'utf8')) as RigFiles;
  await (role === 'agent' ? runAgent(dir, files) : runGateway(files));
}
