/**
 * A cluster that lost its quorum for good, brought back by `trireme master recover`: from a survivor, and from a
 * snapshot.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePorts, hasProgram, run, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl') && hasProgram('kubectl');
const patienceMs = 60_000;

class Master {
  readonly name: string;
  readonly directory: string;
  readonly #ports: readonly number[];
  #child: ChildProcess | undefined;

  constructor(name: string, home: string, ports: readonly number[]) {
    this.name = name;
    this.directory = join(home, name);
    this.#ports = ports;
  }

  get flags(): string[] {
    const names = ['rest-port', 'grpc-port', 'etcd-client-port', 'etcd-peer-port'];
    return [
      `--name=${this.name}`,
      `--data-dir=${this.directory}`,
      '--address=127.0.0.1',
      '--scheduler-port=0',
      '--controller-manager-port=0',
      ...names.map((name, at) => `--${name}=${this.#ports[at]}`),
    ];
  }

  start(join: readonly string[] = []): void {
    const log = openSync(`${this.directory}.log`, 'a');
    const words = ['bin/trireme', 'master', ...this.flags, ...join];
    this.#child = spawn(process.execPath, words, { stdio: ['ignore', log, log] });
    closeSync(log);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  recover(...words: string[]): ReturnType<typeof run> {
    return run(process.execPath, ['bin/trireme', 'master', 'recover', ...this.flags, ...words]);
  }

  async kubectl(...words: string[]): Promise<string> {
    const config = `--kubeconfig=${join(this.directory, 'admin.kubeconfig')}`;
    let out = '';
    await waitFor(
      `kubectl ${words.join(' ')}`,
      async () => {
        const { code, stdout } = await run('kubectl', [config, '--request-timeout=5s', ...words]);
        out = stdout;
        return code === 0;
      },
      patienceMs,
    );
    return out;
  }

  etcdctl(...words: string[]): ReturnType<typeof run> {
    const pki = join(this.directory, 'pki');
    return run('etcdctl', [
      `--endpoints=https://127.0.0.1:${this.#ports[2]}`,
      `--cacert=${join(pki, 'etcd-ca.crt')}`,
      `--cert=${join(pki, 'apiserver-etcd-client.crt')}`,
      `--key=${join(pki, 'apiserver-etcd-client.key')}`,
      ...words,
    ]);
  }

  /** Returns the flags with which another master joins this one. */
  async invitation(): Promise<string[]> {
    const { ca, token } = await this.#token();
    return [`--join=127.0.0.1:${this.#ports[1]}`, `--token=${token}`, `--ca-hash=${ca}`];
  }

  async #token(): Promise<{ ca: string; token: string }> {
    const config = `--kubeconfig=${join(this.directory, 'admin.kubeconfig')}`;
    const words = ['bin/trireme', 'token', 'create', '--for', 'master', config];
    const { stdout, stderr } = await run(process.execPath, words);
    const found = /token:\s+(\S+)\nca-hash:\s+(\S+)/.exec(stdout);
    if (found === null) throw new Error(stderr);
    return { token: found[1] ?? '', ca: found[2] ?? '' };
  }

  /** Until the store has so many members that vote. */
  async voters(count: number): Promise<void> {
    const isVoter = (line: string): boolean => line.endsWith(', false') && line.includes('started');
    await waitFor(
      `${count} members vote`,
      async () => {
        const { stdout } = await this.etcdctl('member', 'list');
        return stdout.trim().split('\n').filter(isVoter).length === count;
      },
      patienceMs,
    );
  }
}

(possible ? describe : describe.skip)('a lost quorum', () => {
  let home = '';
  let masters: Master[] = [];

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'trireme-recover-'));
    const ports = await freePorts(8);
    masters = ['m1', 'm2'].map((name, at) => new Master(name, home, ports.slice(4 * at)));
  });

  afterAll(async () => {
    await Promise.all(masters.map((master) => master.stop('SIGKILL')));
    rmSync(home, { recursive: true, force: true });
  });

  test('a master alone carries on with what it has, or with a snapshot, and another joins again', async () => {
    const [one, two] = masters as [Master, Master];
    const create = ['create', 'configmap'];
    one.start();
    await one.kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=a=1');
    two.start(await one.invitation());
    await one.voters(2);
    await one.kubectl(...create, 'before');

    await two.stop('SIGKILL');
    const running = await one.recover();
    expect(running).toMatchObject({ code: 2, stderr: expect.stringContaining('stop this master') });
    await one.stop('SIGTERM');
    expect(await one.recover()).toMatchObject({ code: 0 });
    one.start();
    expect(await one.kubectl('get', 'configmap', 'before', '-o', 'name')).toContain('before');
    await one.voters(1);
    rmSync(two.directory, { recursive: true });
    two.start(await one.invitation());
    await one.voters(2);
    expect(await two.kubectl('get', 'configmap', 'before', '-o', 'name')).toContain('before');

    const snapshot = join(home, 'snapshot.db');
    expect(await one.etcdctl('snapshot', 'save', snapshot)).toMatchObject({ code: 0 });
    await one.kubectl(...create, 'later');
    await Promise.all(masters.map((master) => master.stop('SIGKILL')));
    const back = await one.recover(`--from=${snapshot}`);
    expect(back.stdout).toMatch(/goes on at revision 100\d{6}\n.*before-/);
    one.start();
    await one.kubectl(...create, 'after');
    const names = await one.kubectl('get', 'configmaps', '-o', 'name');
    expect(names).toContain('configmap/before');
    expect(names).not.toContain('configmap/later');
    const secret = await one.kubectl('get', 'secret', 'hidden', '-o', 'jsonpath={.data.a}');
    expect(Buffer.from(secret, 'base64').toString()).toBe('1');
    expect(readFileSync(`${one.directory}.log`, 'utf8')).not.toContain('BACKEND_CORRUPT');
  }, 240_000);
});
