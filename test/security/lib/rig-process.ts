import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { RigWord } from './closers-rig.js';

/** The resources that a process holds. */
export interface Holdings {
  readonly sessions: number;
  readonly descriptors: number;
  readonly children: number;
  readonly rssBytes: number;
}

/** A process of the rig, watched from outside. */
export class RigProcess {
  readonly #child: ChildProcess;
  readonly #waiting: ((word: RigWord) => void)[] = [];
  #end: string | undefined;
  #stderr = '';
  port = 0;

  private constructor(role: string, dir: string) {
    this.#child = fork('dist/test/security/lib/closers-rig.js', [role, dir], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '', VERIFY: '1' },
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.#stderr = `${this.#stderr}${data.toString()}`.slice(-4000);
    });
    this.#child.on('message', (word: RigWord) => this.#waiting.shift()?.(word));
    this.#child.on('exit', (code, signal) => {
      this.#end = `${role} ended with ${signal ?? code}: ${this.#stderr}`;
    });
  }

  static async start(role: 'agent' | 'gateway', dir: string): Promise<RigProcess> {
    const started = new RigProcess(role, dir);
    const word = await started.#hear();
    if (word.type === 'ready') started.port = word.port;
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The end of the process; undefined while it lives. */
  get ended(): string | undefined {
    return this.#end;
  }

  async holds(): Promise<Holdings> {
    const heard = this.#hear();
    this.#child.send('holds');
    const word = await heard;
    if (word.type !== 'holds') throw new Error('the rig said something else');
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8');
    return {
      sessions: word.sessions,
      rssBytes: word.rssBytes,
      descriptors: readdirSync(`/proc/${this.pid}/fd`).length,
      children: children.split(' ').filter((pid) => pid !== '').length,
    };
  }

  /** Describes each open descriptor, for a report. */
  descriptors(): string[] {
    const dir = `/proc/${this.pid}/fd`;
    return readdirSync(dir).map((fd) => {
      try {
        return `${fd} ${readlinkSync(join(dir, fd))}`;
      } catch {
        return `${fd} gone`;
      }
    });
  }

  /** Takes down what it runs, and ends it. */
  async stop(): Promise<void> {
    if (this.#end !== undefined) return;
    const heard = this.#hear();
    this.#child.send('stop');
    await heard;
    await this.kill();
  }

  async kill(): Promise<void> {
    if (this.#end !== undefined) return;
    const gone = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGKILL');
    await gone;
  }

  #hear(): Promise<RigWord> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) {
        reject(new Error(this.#end));
        return;
      }
      const fail = (): void => reject(new Error(this.#end));
      this.#child.once('exit', fail);
      this.#waiting.push((word) => {
        this.#child.removeListener('exit', fail);
        resolve(word);
      });
    });
  }
}
