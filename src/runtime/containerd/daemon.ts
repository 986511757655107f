import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { RuntimeError } from '../types.js';

/** The settings of {@link Daemon}. */
export interface DaemonOptions {
  /** containerd's root; holds its images, so it should survive reboots. */
  readonly rootDir: string;
  /** containerd's state, sockets and pid file. */
  readonly stateDir: string;
  /** @default 'containerd' */
  readonly program?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Returns the directory for a managed containerd's state and sockets: below `dataDir`, unless that makes the sockets'
 * paths longer than the kernel takes (107 bytes).
 */
export function stateDirOf(dataDir: string): string {
  const wanted = join(dataDir, 'containerd-run');
  if (wanted.length <= 80) return wanted;
  return join('/run', `trireme-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`);
}

const startTimeoutMs = 20_000;
const checkEveryMs = 1000;

/**
 * A containerd of our own. It is started apart from the agent and goes on when the agent ends; the agent finds it again
 * by its socket, and starts it anew when it has died. Containers survive that too: their shims do not depend on it.
 */
export class Daemon {
  readonly #options: DaemonOptions;
  #watch: (() => void) | undefined;
  #stopped = false;
  #starting: Promise<void> | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get address(): string {
    return join(this.#options.stateDir, 'containerd.sock');
  }

  get pidFile(): string {
    return join(this.#options.stateDir, 'containerd.pid');
  }

  /** Resolves when the socket answers. @throws RuntimeError Unavailable */
  async start(): Promise<void> {
    await this.#ensure();
    this.#schedule();
  }

  /** Ends the watching; containerd itself goes on. */
  stop(): void {
    this.#stopped = true;
    this.#watch?.();
  }

  /** Ends containerd, if it is the one whose pid was written, and takes its state away. */
  async terminate(): Promise<void> {
    this.stop();
    const pid = await readPid(this.pidFile);
    if (pid !== undefined && (await isContainerd(pid))) {
      process.kill(pid, 'SIGTERM');
      for (let waited = 0; waited < 5000 && (await isContainerd(pid)); waited += 50) {
        await delay(this.#options.clock, 50);
      }
    }
    await rm(this.#options.stateDir, { recursive: true, force: true });
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#watch = this.#options.clock.schedule(checkEveryMs, () => {
      this.#ensure()
        .catch((error: unknown) => {
          this.#options.log.error({ error }, 'containerd does not start');
        })
        .finally(() => this.#schedule());
    });
  }

  #ensure(): Promise<void> {
    this.#starting ??= this.#launch().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #launch(): Promise<void> {
    if (await answers(this.address)) return;
    const { stateDir, rootDir, clock, log } = this.#options;
    const old = await readPid(this.pidFile);
    let failure: Error | undefined;
    if (old === undefined || !(await isContainerd(old))) {
      await mkdir(stateDir, { recursive: true, mode: 0o711 });
      await mkdir(rootDir, { recursive: true, mode: 0o711 });
      const config = join(stateDir, 'config.toml');
      await writeFile(config, configText({ rootDir, stateDir, address: this.address }));
      const logFile = await open(join(stateDir, 'containerd.log'), 'a');
      const child = spawn(this.#options.program ?? 'containerd', ['--config', config], {
        detached: true,
        stdio: ['ignore', logFile.fd, logFile.fd],
      });
      child.on('error', (error) => {
        failure = error;
      });
      child.unref();
      await logFile.close();
      if (child.pid !== undefined) await writeFile(this.pidFile, `${child.pid}\n`);
      log.info({ pid: child.pid, address: this.address }, 'containerd started');
    }
    const untilMs = clock.monotonicMs() + startTimeoutMs;
    while (!(await answers(this.address))) {
      if (failure !== undefined) {
        throw new RuntimeError('Unavailable', `containerd cannot be started: ${failure.message}`);
      }
      if (clock.monotonicMs() > untilMs) {
        throw new RuntimeError('Unavailable', `containerd does not answer at ${this.address}`);
      }
      await delay(clock, 20);
    }
  }
}

/** containerd's configuration: only what we use is loaded, which also makes it start in a tenth of a second. */
export function configText(options: {
  readonly rootDir: string;
  readonly stateDir: string;
  readonly address: string;
}): string {
  return [
    'version = 2',
    `root = ${JSON.stringify(join(options.rootDir, 'root'))}`,
    `state = ${JSON.stringify(join(options.stateDir, 'state'))}`,
    'oom_score = 0',
    'disabled_plugins = [',
    '  "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",',
    '  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",',
    '  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt",',
    '  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",',
    ']',
    '[grpc]',
    `  address = ${JSON.stringify(options.address)}`,
    '[ttrpc]',
    `  address = ${JSON.stringify(`${options.address}.ttrpc`)}`,
    '',
  ].join('\n');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function readPid(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

async function isContainerd(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^Name:\tcontainerd$/m.test(status) && !/^State:\tZ/m.test(status);
}
