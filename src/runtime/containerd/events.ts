import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { CtrEvent } from './commands.js';
import { parseEvent } from './commands.js';
import type { Ctr } from './ctr.js';

const restartMs = 200;
const lineBytesMax = 256 * 1024;

/**
 * Follows `ctr events` and starts it again when it ends. What happens between two of them is lost, so `onGap` is called
 * after each start: the receiver then looks at everything.
 */
export class EventStream {
  readonly #options: {
    readonly ctr: Ctr;
    readonly clock: Clock;
    readonly log: Logger;
    readonly onEvent: (event: CtrEvent) => void;
    readonly onGap: () => void;
  };
  #child: ChildProcess | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: {
    readonly ctr: Ctr;
    readonly clock: Clock;
    readonly log: Logger;
    readonly onEvent: (event: CtrEvent) => void;
    readonly onGap: () => void;
  }) {
    this.#options = options;
  }

  start(): void {
    const { ctr, log, clock, onGap } = this.#options;
    const child = spawn(ctr.program, ctr.argv(['events']), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let rest = '';
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, lineBytesMax);
      for (const line of lines) this.#line(line);
    });
    child.on('error', () => undefined);
    child.on('close', () => {
      if (this.#stopped) return;
      log.warn({}, 'the stream of container events ended and is opened again');
      this.#cancel = clock.schedule(restartMs, () => this.start());
    });
    // containerd has no word for "subscribed": the gap is looked at now and once more when it surely is.
    onGap();
    clock.schedule(restartMs, onGap);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#child?.kill('SIGKILL');
  }

  #line(line: string): void {
    let event: CtrEvent | undefined;
    try {
      event = parseEvent(line, this.#options.ctr.namespace);
    } catch (error) {
      this.#options.log.warn({ error }, 'a container event could not be read');
    }
    if (event !== undefined) this.#options.onEvent(event);
  }
}
