import { describe, expect, test } from '@jest/globals';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Container, Probe } from '../../api/types/core.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { RuntimeError } from '../../runtime/types.js';
import { attemptProbe } from './attempt.js';
import { ProbeManager } from './probe-manager.js';
import type { ProbeTarget } from './prober.js';

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function managed(container: Partial<Container>, answers: (target: ProbeTarget) => boolean) {
  const clock = new ManualClock();
  const log: string[] = [];
  const manager = new ProbeManager({
    clock,
    attempt: async (target) => {
      const ok = answers(target);
      log.push(`${clock.monotonicMs() / 1000} ${target.kind} ${ok ? 'ok' : 'no'}`);
      return { ok, output: '' };
    },
    onResult: (target, result) =>
      log.push(`${clock.monotonicMs() / 1000} ${target.kind} -> ${result}`),
    onNotice: () => undefined,
  });
  manager.start('c1', { name: 'c', ...container });
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(0);
      await settle();
      clock.advance(0);
      await settle();
      clock.advance(1000);
    }
    await settle();
  };
  return { manager, log, pass };
}

const probe = (fields: Partial<Probe>): Probe => ({ periodSeconds: 2, ...fields });

describe('probes', () => {
  test('thresholds: so many in a row, and a success in between starts anew', async () => {
    const plan = [true, false, true, false, false, false];
    let turn = 0;
    const { manager, log, pass } = managed(
      { readinessProbe: probe({ failureThreshold: 3 }) },
      () => plan[turn++] ?? true,
    );
    expect(manager.result('c1', 'readiness')).toBe('failure');
    await pass(10);
    expect(log.filter((line) => line.includes('->'))).toEqual([
      '0 readiness -> success',
      '10 readiness -> failure',
    ]);
    manager.stopAll();
  });

  test('others wait for the startup probe, and go on at once when it succeeds', async () => {
    let up = false;
    const { manager, log, pass } = managed(
      {
        startupProbe: probe({ failureThreshold: 10 }),
        readinessProbe: probe({ initialDelaySeconds: 1 }),
        livenessProbe: probe({}),
      },
      (target) => target.kind !== 'startup' || up,
    );
    await pass(3);
    up = true;
    await pass(2);
    expect(log).toContain('4 startup -> success');
    expect(log).toContain('4 readiness -> success');
    expect(log.filter((line) => line.includes('liveness') && line.startsWith('2'))).toEqual([]);
    expect(manager.hasStarted('c1')).toBe(true);
    manager.stopAll();
  });

  test('attempts that a runtime could not make say nothing of the container', async () => {
    const clock = new ManualClock();
    const results: string[] = [];
    const outputs: string[] = [];
    let isAway = true;
    const manager = new ProbeManager({
      clock,
      attempt: (target) =>
        attemptProbe(target.probe, {
          podIp: '127.0.0.1',
          ports: [],
          clock,
          execSync: async () => {
            if (isAway) throw new RuntimeError('Unavailable', 'connection refused');
            return { exitCode: 1, output: 'no', timedOut: false };
          },
        }),
      onResult: (target, result) => results.push(`${target.kind} ${result}`),
      onNotice: (_target, { output }) => outputs.push(output),
    });
    const livenessProbe = probe({ exec: { command: ['true'] }, failureThreshold: 2 });
    manager.start('c1', { name: 'c', livenessProbe });
    const pass = async (): Promise<void> => {
      await settle();
      clock.advance(2000);
      await settle();
    };
    for (let turn = 0; turn < 5; turn++) await pass();
    expect(results).toEqual([]);
    expect(outputs.length).toBeGreaterThan(3);
    expect(new Set(outputs)).toEqual(new Set(['connection refused']));
    isAway = false;
    for (let turn = 0; turn < 3; turn++) await pass();
    expect(results).toEqual(['liveness failure']);
    manager.stopAll();
  });

  test('an attempt that warns is told of, and is a success', async () => {
    const clock = new ManualClock();
    const told: unknown[] = [];
    const warning = { ok: true, output: 'elsewhere', isWarning: true };
    const manager = new ProbeManager({
      clock,
      attempt: () => Promise.resolve(warning),
      onResult: ({ kind }, result) => told.push(`${kind} ${result}`),
      onNotice: (_target, outcome) => told.push(outcome),
    });
    manager.start('c1', { name: 'c', readinessProbe: probe({}) });
    clock.advance(0);
    await settle();
    expect(told).toEqual([warning, 'readiness success']);
    manager.stopAll();
  });

  test('a failed liveness probe says so once and ends', async () => {
    const { log, pass } = managed({ livenessProbe: probe({ failureThreshold: 2 }) }, () => false);
    await pass(10);
    expect(log).toEqual(['0 liveness no', '2 liveness no', '2 liveness -> failure']);
  });
});

describe('attempts', () => {
  const context = {
    podIp: '127.0.0.1',
    ports: [{ name: 'web', containerPort: 1 }],
    clock: systemClock({ unref: true }),
    execSync: async (command: readonly string[]) => ({
      exitCode: command[0] === 'true' ? 0 : 1,
      output: 'said',
      timedOut: command[0] === 'sleep',
    }),
  };

  test('HTTP: status, headers, named ports', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const server = http.createServer((request, response) => {
      seen.push(request.headers);
      response.statusCode = request.url === '/bad' ? 500 : 200;
      response.end('body');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const ask = (httpGet: object) => attemptProbe({ httpGet } as Probe, context);
    expect(
      await ask({ port, path: '/ok', httpHeaders: [{ name: 'X-A', value: 'b' }] }),
    ).toMatchObject({ ok: true });
    expect(await ask({ port, path: '/bad' })).toEqual({
      ok: false,
      output: 'HTTP probe failed with statuscode: 500',
    });
    expect(await ask({ port: 'nope' })).toEqual({ ok: false, output: "couldn't find port: nope" });
    expect(await ask({ port: 'web' })).toMatchObject({ ok: false });
    expect(seen[0]).toMatchObject({ 'x-a': 'b', 'user-agent': 'kube-probe/1.33' });
    expect(await attemptProbe({ tcpSocket: { port } }, context)).toMatchObject({ ok: true });
    await new Promise((resolve) => server.close(resolve));
    expect(await attemptProbe({ tcpSocket: { port } }, context)).toEqual({
      ok: false,
      output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });

  test('HTTP: a body without an end is judged by its status', async () => {
    const server = http.createServer((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000)));
      };
      response.on('drain', write);
      write();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const outcome = await attemptProbe({ httpGet: { port } }, context);
    expect(outcome).toEqual({ ok: true, output: 'x'.repeat(1024) });
    await new Promise((resolve) => server.close(resolve));
  });

  test('commands', async () => {
    expect(await attemptProbe({ exec: { command: ['true'] } }, context)).toMatchObject({
      ok: true,
    });
    expect(await attemptProbe({ exec: { command: ['no'] } }, context)).toEqual({
      ok: false,
      output: 'said',
    });
    expect(await attemptProbe({ exec: { command: ['sleep', '9'] } }, context)).toEqual({
      ok: false,
      output: 'command timed out: sleep 9 timed out after 1s',
    });
  });
});
