/**
 * Exec and port-forward with the real kubectl, each version over the transport that it prefers, against our streaming
 * layer in front of a pretended pod: what is tested is the protocols, without a cluster.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import * as http from 'node:http';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ExecInput, ExecOutput, PortForwardData } from '../../src/gen/agent.js';
import { systemClock } from '../../src/lib/clock.js';
import type { ClientDuplex } from '../../src/lib/grpc/index.js';
import { upgradeCommand, upgradePortForward } from '../../src/master/streaming/index.js';
import type { Ran } from './lib/run-program.js';
import { runProgram } from './lib/run-program.js';

const clock = systemClock({ unref: true });

/** A call whose other end is a function. */
function pretend<In, Out>(
  serve: (input: AsyncIterable<In>, send: (output: Out) => void) => Promise<void>,
): ClientDuplex<Out, In> {
  const pipe = <T>() => {
    const held: T[] = [];
    let wake: () => void = () => undefined;
    let ended = false;
    return {
      push: (value: T) => {
        held.push(value);
        wake();
      },
      end: () => {
        ended = true;
        wake();
      },
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const value = held.shift();
          if (value !== undefined) yield value;
          else if (ended) return;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      },
    };
  };
  const [input, output] = [pipe<In>(), pipe<Out>()];
  void serve(input, (value) => output.push(value)).then(() => output.end());
  return {
    send: (message) => {
      input.push(message);
      return true;
    },
    sendEncoded: () => true,
    drained: () => Promise.resolve(),
    ended: false,
    end: () => input.end(),
    cancel: () => {
      input.end();
      output.end();
    },
    [Symbol.asyncIterator]: () => output[Symbol.asyncIterator](),
  };
}

/** Echoes its input, then says what it was asked to run on stderr, and ends with 3. */
const openExec = (): ClientDuplex<ExecOutput, ExecInput> =>
  pretend<ExecInput, ExecOutput>(async (input, send) => {
    let command = '';
    for await (const { kind } of input) {
      if (kind?.$case === 'start') {
        command = kind.value.command.join(' ');
        if (!kind.value.stdin) break;
      } else if (kind?.$case === 'stdin') send({ kind: { $case: 'stdout', value: kind.value } });
      else if (kind?.$case === 'stdinClosed') break;
    }
    send({ kind: { $case: 'stdout', value: Buffer.from('end\n') } });
    send({ kind: { $case: 'stderr', value: Buffer.from(`ran ${command}\n`) } });
    send({ kind: { $case: 'exit', value: { code: command === 'ok' ? 0 : 3, error: '' } } });
  });

const openPort = (port: number): ClientDuplex<PortForwardData, PortForwardData> =>
  pretend<PortForwardData, PortForwardData>(async (input, send) => {
    for await (const { kind } of input) {
      if (kind?.$case !== 'data') break;
      const text = `${port}:${kind.value.toString('utf8')}`;
      send({ kind: { $case: 'data', value: Buffer.from(text) } });
    }
  });

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
};
const documents: Readonly<Record<string, unknown>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'] },
    ],
  },
  '/api/v1/namespaces/default/pods/p': pod,
};

let server: http.Server;
let address = '';
const upgrades: string[] = [];
const used = new Set<string>();

beforeAll(async () => {
  server = http.createServer((request, response) => {
    const found = documents[new URL(request.url ?? '/', 'http://x').pathname];
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { kind: 'Status', status: 'Failure', code: 404 }));
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://x');
    upgrades.push(String(request.headers.upgrade));
    const upgrade = { request, socket, head };
    if (url.pathname.endsWith('/portforward')) {
      upgradePortForward(upgrade, { ports: [], clock, open: openPort });
      return;
    }
    const flag = (name: string): boolean => url.searchParams.get(name) === 'true';
    upgradeCommand(upgrade, {
      start: {
        container: undefined,
        command: url.searchParams.getAll('command'),
        stdin: flag('stdin'),
        stdout: flag('stdout'),
        stderr: flag('stderr'),
        tty: flag('tty'),
      },
      open: openExec,
      clock,
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** The machine's kubectl, and an older one that $TRIREME_OLD_KUBECTL may name. */
const candidates = ['kubectl', process.env['TRIREME_OLD_KUBECTL'] ?? 'kubectl-old'];
const kubectls = candidates.filter((path) => spawnSync(path, ['version', '--client']).status === 0);

function run(
  path: string,
  parameters: readonly string[],
  input: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const args = ['--server', address, '--kubeconfig', '/dev/null', ...parameters];
  return runProgram(path, args, { env: environment, input });
}

const transports = kubectls.flatMap((path) => [
  { path, environment: {} },
  {
    path,
    environment: {
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false',
      KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false',
    },
  },
]);

describe.each(transports)('$path $environment', ({ path, environment }) => {
  test('exec: input, both outputs and the exit code', async () => {
    const large = 'x'.repeat(300_000);
    const result = await run(path, ['exec', '-i', 'p', '--', 'run', 'me'], large, environment);
    expect(result.out).toBe(`${large}end\n`);
    expect(result.err).toContain('ran run me');
    expect(result.code).toBe(3);
    const fine = await run(path, ['exec', 'p', '--', 'ok'], '', environment);
    expect(fine).toMatchObject({ code: 0, out: 'end\n' });
  });

  test('port-forward: several connections, both ways, over the transport that was asked for', async () => {
    upgrades.length = 0;
    const child = spawn(
      path,
      ['--server', address, '--kubeconfig', '/dev/null', 'port-forward', 'p', ':81'],
      { env: { ...process.env, ...environment } },
    );
    try {
      const port = await new Promise<number>((resolve, reject) => {
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          const match = /127\.0\.0\.1:(\d+) -> 81/.exec(said);
          if (match !== null) resolve(Number(match[1]));
        });
        child.on('close', () => reject(new Error(`port-forward ended: ${said}`)));
      });
      const answers = await Promise.all(
        ['one', 'two', 'three'].map(
          (word) =>
            new Promise<string>((resolve, reject) => {
              const socket = net.connect(port, '127.0.0.1', () => socket.write(word));
              socket.on('error', reject);
              socket.once('data', (data) => {
                resolve(data.toString());
                socket.destroy();
              });
            }),
        ),
      );
      expect(answers).toEqual(['81:one', '81:two', '81:three']);
      // A client whose WebSocket is refused falls back to SPDY.
      const isOld = path !== 'kubectl';
      expect(upgrades.every((name) => /spdy/i.test(name))).toBe(
        isOld || 'KUBECTL_PORT_FORWARD_WEBSOCKETS' in environment,
      );
      for (const name of upgrades) used.add(name.toLowerCase());
    } finally {
      child.kill('SIGKILL');
    }
  });
});

test('there is a kubectl to test with, and both transports were used', () => {
  expect(kubectls.length).toBeGreaterThan(0);
  expect(used).toEqual(new Set(['websocket', 'spdy/3.1']));
});
