/** A real master process with scripted nodes, and kubectl in front of it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GrpcApiClient } from '../../../src/client/index.js';
import { createApiClient } from '../../../src/client/index.js';
import { delay, systemClock } from '../../../src/lib/clock.js';
import { silentLogger } from '../../../src/lib/log.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import { runProgram } from './run-program.js';
import type { ScriptedNode } from './scripted-kubelet.js';
import { ScriptedKubelet } from './scripted-kubelet.js';

const clock = systemClock();
const startMsMax = 20_000;

export interface ControlPlaneOptions {
  /** The first of four ports. */
  readonly basePort: number;
  readonly nodes: readonly ScriptedNode[];
  readonly masterFlags?: readonly string[];
}

export class ControlPlane {
  readonly client: GrpcApiClient;
  readonly kubelet: ScriptedKubelet;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(parts: {
    readonly client: GrpcApiClient;
    readonly kubelet: ScriptedKubelet;
    readonly child: ChildProcess;
    readonly directory: string;
  }) {
    this.client = parts.client;
    this.kubelet = parts.kubelet;
    this.#child = parts.child;
    this.#directory = parts.directory;
  }

  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const directory = mkdtempSync(join(tmpdir(), 'trireme-control-'));
    const child = spawnMaster(directory, options);
    try {
      const probe = ['get', 'namespace', 'default'];
      await until(async () => (await kubectl(directory, probe)).code === 0, startMsMax);
      const pki = (name: string): string =>
        readFileSync(join(directory, 'data', 'pki', name), 'utf8');
      const client = createApiClient({
        servers: [`127.0.0.1:${options.basePort + 1}`],
        clock,
        log: silentLogger,
        tls: fixedTls({ ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') }),
      });
      const parts = { client, clock, log: silentLogger };
      const kubelet = await ScriptedKubelet.start(parts, options.nodes);
      return new ControlPlane({ client, kubelet, child, directory });
    } catch (error) {
      const log = readFileSync(join(directory, 'log'), 'utf8').slice(-4000);
      await end(child);
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`the master did not start:\n${log}`, { cause: error });
    }
  }

  get pkiDirectory(): string {
    return join(this.#directory, 'data', 'pki');
  }

  /** Runs kubectl. @throws Error with its output when it fails */
  async kubectl(...parameters: string[]): Promise<string> {
    const { code, output } = await kubectl(this.#directory, parameters);
    if (code !== 0) throw new Error(`kubectl ${parameters.join(' ')}: ${output}`);
    return output.trim();
  }

  /** As `kubectl`, with a manifest on its standard input. */
  async apply(...manifests: object[]): Promise<void> {
    const input = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
    const { code, output } = await kubectl(this.#directory, ['apply', '-f', '-'], input);
    if (code !== 0) throw new Error(`kubectl apply: ${output}`);
  }

  /** Runs kubectl and returns its output when it fails; empty when it succeeds. */
  async refusal(...parameters: string[]): Promise<string> {
    const { code, output } = await kubectl(this.#directory, parameters);
    return code === 0 ? '' : output;
  }

  /** A JSONPath of an object or a list. */
  read(what: string, path: string): Promise<string> {
    return this.kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);
  }

  async stop(): Promise<void> {
    this.kubelet.stop();
    this.client.close();
    await end(this.#child);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Waits for a condition, or fails when it does not come in time. */
export async function until(condition: () => Promise<boolean>, msMax = 15_000): Promise<void> {
  const endMs = clock.monotonicMs() + msMax;
  while (!(await condition())) {
    if (clock.monotonicMs() > endMs)
      throw new Error(`not so within ${msMax} ms: ${String(condition)}`);
    await delay(clock, 100);
  }
}

function spawnMaster(directory: string, options: ControlPlaneOptions): ChildProcess {
  const log = openSync(join(directory, 'log'), 'w');
  const [rest, grpc, etcdClient, etcdPeer] = [0, 1, 2, 3].map((n) => options.basePort + n);
  return spawn(
    process.execPath,
    [
      'bin/trireme',
      'master',
      '--name=m1',
      `--data-dir=${join(directory, 'data')}`,
      '--address=127.0.0.1',
      `--rest-port=${rest}`,
      `--grpc-port=${grpc}`,
      `--etcd-client-port=${etcdClient}`,
      `--etcd-peer-port=${etcdPeer}`,
      '--scheduler-port=0',
      '--controller-manager-port=0',
      ...(options.masterFlags ?? []),
    ],
    // Jest's own options are not for the master.
    { stdio: ['ignore', log, log], env: { ...process.env, NODE_OPTIONS: '' } },
  );
}

async function kubectl(
  directory: string,
  parameters: readonly string[],
  input = '',
): Promise<{ code: number; output: string }> {
  const config = join(directory, 'data', 'admin.kubeconfig');
  const { code, out, err } = await runProgram('kubectl', ['--kubeconfig', config, ...parameters], {
    input,
    timeoutMs: 30_000,
  });
  return { code: code ?? 1, output: code === 0 ? out : out + err };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const cancel = clock.schedule(10_000, () => child.kill('SIGKILL'));
  child.kill('SIGTERM');
  await ended;
  cancel();
}
