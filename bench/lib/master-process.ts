/** A new master of one build on loopback ports, as a process of its own with a home of its own. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../test/cluster/etcd-processes.js';
import { sleep, within } from './wait.js';

/** What a client of the API needs to speak to the master as its administrator. */
export interface Access {
  readonly port: number;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Milliseconds; a busy machine takes its time. */
const startDeadlineMs = 120_000;
const stopDeadlineMs = 20_000;
/** Characters of the log that are kept, for the message of a master that does not start. */
const logKept = 20_000;

export class MasterProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #home: string;
  readonly #ports: readonly string[];
  readonly #ended: Promise<void>;
  #log = '';

  private constructor(child: ChildProcess, home: string, ports: readonly string[]) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#home = home;
    this.#ports = ports;
    this.#ended = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /**
   * Starts the master of a built checkout by its `bin/trireme`, and waits until it says that it is ready.
   * @param nodeFlags for Node.js, which then runs the program without the shell in its first lines
   * @throws Error with the end of its log, if it ends or takes two minutes
   */
  static async start(directory: string, nodeFlags: readonly string[] = []): Promise<MasterProcess> {
    const home = mkdtempSync(join(tmpdir(), 'trireme-bench-'));
    const program = join(directory, 'bin/trireme');
    const ports = await portFlags(program);
    const words = ['master', '--name=bench', `--data-dir=${home}`, '--address=127.0.0.1', ...ports];
    const [command, ...before] =
      nodeFlags.length === 0 ? [program] : [process.execPath, ...nodeFlags, program];
    const child = spawn(command, [...before, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    const master = new MasterProcess(child, home, ports);
    const isReady = new Promise<void>((resolve, reject) => {
      const look = (chunk: Buffer): void => {
        master.#log = (master.#log + chunk.toString()).slice(-logKept);
        if (master.#log.includes('"master is ready"')) resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    try {
      await within(startDeadlineMs, 'the start', isReady);
    } catch (error) {
      await master.stop();
      throw new Error(`${program}: ${master.#log}`, { cause: error });
    }
    return master;
  }

  /** The end of what it has logged. */
  get log(): string {
    return this.#log;
  }

  get access(): Access {
    const flag = this.#ports.find((each) => each.startsWith('--rest-port='));
    const pem = (name: string): Buffer => readFileSync(join(this.#home, 'pki', name));
    const tls = { ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') };
    return { port: Number(flag?.split('=')[1]), tls };
  }

  /** Ends the master, by force if it takes long, and removes its home. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await Promise.race([this.#ended, sleep(stopDeadlineMs)]);
    this.#child.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** The flags for ports: earlier builds have fewer. */
async function portFlags(program: string): Promise<string[]> {
  const { stdout } = spawnSync(program, ['master', '--help'], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/--[a-z-]+-port(?= <)/g)].map(([name]) => name);
  const ports = await freePorts(names.length);
  return names.map((name, at) => `${name}=${ports[at]}`);
}
