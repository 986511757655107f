/** Helpers of end-to-end tests: a cluster of `trireme up` in a home of its own, and the real clients. */
import { describe } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterRecord, HostRecord } from '../../src/cli/home.js';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; never rejects. */
export function run(
  command: string,
  parameters: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      [...parameters],
      {
        env: { ...process.env, ...options.env },
        timeout: options.timeoutMs ?? 60_000,
        maxBuffer: 64 * 1024 * 1024,
        killSignal: 'SIGKILL',
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
    // A program may end without reading its input.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

/** Asks until `holds` gives a value other than undefined; the deadline is there to end a broken run, not to measure. */
export async function eventually<T>(
  what: string,
  holds: () => Promise<T | undefined> | T | undefined,
  patienceMs = 90_000,
): Promise<T> {
  const giveUpMs = performance.now() + patienceMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await holds();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > giveUpMs) throw new Error(`${what}: never (${String(last)})`);
    await new Promise((resolve) => setImmediate(resolve));
    await run('sleep', ['0.1']);
  }
}

/** A cluster in the background. */
export class Cluster {
  readonly home: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(home: string) {
    this.home = home;
    this.#env = { TRIREME_HOME: home, KUBECONFIG: join(home, 'kubeconfig') };
  }

  static async create(): Promise<Cluster> {
    return new Cluster(await mkdtemp(join(tmpdir(), 'trireme-e2e-')));
  }

  trireme(parameters: readonly string[], timeoutMs = 60_000): Promise<Result> {
    return run(process.execPath, ['bin/trireme', ...parameters], { env: this.#env, timeoutMs });
  }

  up(parameters: readonly string[] = []): Promise<Result> {
    return this.trireme(['up', ...parameters], 300_000);
  }

  async down(): Promise<Result> {
    const result = await this.trireme(['down', '--purge'], 120_000);
    await rm(this.home, { recursive: true, force: true });
    return result;
  }

  kubectl(parameters: readonly string[], input?: string): Promise<Result> {
    return run('kubectl', ['--request-timeout=20s', ...parameters], {
      env: this.#env,
      ...(input === undefined ? {} : { input }),
    });
  }

  /** The output, trimmed. @throws Error when kubectl fails */
  async get(...parameters: readonly string[]): Promise<string> {
    const result = await this.kubectl(parameters);
    if (result.code !== 0) throw new Error(`kubectl ${parameters.join(' ')}: ${result.stderr}`);
    return result.stdout.trim();
  }

  etcdctl(parameters: readonly string[]): Promise<Result> {
    const text = readFileSync(join(this.home, 'etcd.env'), 'utf8');
    const env: Record<string, string> = {};
    for (const [, name = '', value = ''] of text.matchAll(/^export (\w+)='(.*)'$/gm)) {
      env[name] = value;
    }
    return run('etcdctl', parameters, { env });
  }

  record(): ClusterRecord {
    return JSON.parse(readFileSync(join(this.home, 'cluster.json'), 'utf8')) as ClusterRecord;
  }

  host(name: string): HostRecord {
    const found = this.record().hosts.find((host) => host.name === name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }

  /** Runs a program on a host: in its network namespace. */
  on(host: string, command: string, parameters: readonly string[]): Promise<Result> {
    const { netns } = this.host(host);
    return netns === null
      ? run(command, parameters)
      : run('nsenter', [`--net=/run/netns/${netns}`, command, ...parameters]);
  }

  async leader(): Promise<string> {
    const { stdout } = await this.trireme(['cluster', 'status', '-o', 'json']);
    const { members } = JSON.parse(stdout) as {
      members: { name: string; leader: boolean; reachable: boolean }[];
    };
    const found = members.find((member) => member.leader && member.reachable);
    if (found === undefined) throw new Error('no leader');
    return found.name;
  }

  /** `trireme cluster watch` until stopped. */
  watch(): { lines(): string[]; stop(): void } {
    let said = '';
    const child = spawn(process.execPath, ['bin/trireme', 'cluster', 'watch'], {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    return { lines: () => said.split('\n'), stop: () => child.kill('SIGKILL') };
  }
}

/** Why containers cannot be run here; undefined where they can. */
export function whyNoContainers(): string | undefined {
  if (process.getuid?.() !== 0)
    return 'this test needs root: it makes network namespaces and containers';
  for (const path of ['containerd', 'ctr', 'runc', 'iptables', 'nsenter']) {
    const there = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin'].some((folder) =>
      existsSync(join(folder, path)),
    );
    if (!there) return `this test needs ${path}`;
  }
  return undefined;
}

/** `describe` of tests that can run here; where they cannot, they are skipped, and the reason is printed. */
export function describeUnless(reason: string | undefined): typeof describe.skip {
  if (reason === undefined) return describe;
  console.error(`skipped: ${reason}`);
  return describe.skip;
}

/** A Service `web`, and the pod behind it, which serves one page. @param more lines of its container */
export function webPage(more: readonly string[] = []): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: web
      image: 'busybox:latest'
      imagePullPolicy: IfNotPresent
      command: [sh, -c, 'mkdir /w; echo hello >/w/index.html; exec httpd -f -p 80 -h /w']
${more.map((line) => `      ${line}\n`).join('')}`;
}
