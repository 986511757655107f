/** Cleans up after this process, however it ends. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/**
 * A shell in a session of its own that waits for the end of its input: it comes when {@link run} is called, or when
 * this process is gone, be it by a signal. Then it runs its script.
 */
export class Guard {
  readonly #shell: ChildProcess;

  constructor(script: string) {
    this.#shell = spawn('sh', ['-c', `cat > /dev/null\n${script}`], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.unref();
  }

  /** Runs the script now and waits for its end. */
  async run(): Promise<void> {
    const shell = this.#shell;
    if (shell.exitCode !== null || shell.signalCode !== null) return;
    const ended = new Promise((resolve) => shell.once('exit', resolve));
    shell.ref();
    shell.stdin?.end();
    await ended;
  }
}
