import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { CtrEvent } from './commands.js';
import { events, parseEvent } from './commands.js';
import type { Ctr } from './ctr.js';

const restartMs = 200;
const lineBytesMax = 256 * 1024;

/** The settings and callbacks of a stream of events. */
export interface EventStreamOptions {
  readonly ctr: Ctr;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: CtrEvent) => void;
  readonly onGap: () => void;
}

/**
 * Follows `ctr events` and starts it again when it ends. Events between two runs are lost, so `onGap` is called after
 * each start: the receiver then looks at everything.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  #child: ChildProcess | undefined;
  #cancel: (() => void) | undefined;
  #cancelGap: (() => void) | undefined;
  #stopped = false;
  #unreadable = 0;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Events that could not be understood, and whose news was looked up instead. */
  get unreadable(): number {
    return this.#unreadable;
  }

  start(): void {
    const { ctr, log, clock } = this.#options;
    const child = spawn(ctr.program, ctr.argv(events()), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    let rest = '';
    child.stdout?.setEncoding('utf8');
    child.stdout?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, lineBytesMax);
      for (const line of lines) this.#line(line);
    });
    let reason: string | undefined;
    child.on('error', (error) => {
      reason = error.message;
    });
    child.on('close', () => {
      if (this.#stopped) return;
      log.warn({ reason }, 'the stream of container events ended and is opened again');
      this.#cancel = clock.schedule(restartMs, () => this.start());
    });
    // containerd has no word for "subscribed": the gap is looked at now and once more when it surely is.
    this.#options.onGap();
    this.#gapSoon();
  }

  /** Has everything looked at, once for all that was missed meanwhile. */
  #gapSoon(): void {
    this.#cancelGap ??= this.#options.clock.schedule(restartMs, () => {
      this.#cancelGap = undefined;
      this.#options.onGap();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancelGap?.();
    this.#child?.kill('SIGKILL');
  }

  #line(line: string): void {
    const { ctr, log, onEvent } = this.#options;
    let event: CtrEvent | undefined;
    try {
      event = parseEvent(line, ctr.namespace);
    } catch (error) {
      this.#unreadable += 1;
      log.error(
        { error, count: this.#unreadable },
        'a container event could not be read; listing containers instead',
      );
      this.#gapSoon();
    }
    if (event !== undefined) onEvent(event);
  }
}
