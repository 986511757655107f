import { Worker } from 'node:worker_threads';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { stopMessage } from '../../lib/shutdown.js';

/** A component and how to start it: a module that exports `main(argv)`, run in a thread with an event loop of its own. */
export interface ComponentSpec {
  readonly name: string;
  readonly module: URL;
  /** The export to call. */
  readonly entry: string;
  readonly argv: readonly string[];
  /** The thread's limit for long-lived objects, in MiB. A thread that outgrows it ends and is started again. */
  readonly heapMbMax?: number;
}

export interface Supervisor {
  /** Starts a component; it is started again whenever it ends unasked. */
  start(spec: ComponentSpec): void;
  /** Ends all, the last started first, each within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

const backOffMs = { first: 200, last: 10_000 } as const;
/** One that ran for so long starts its back-off anew. */
const healthyMs = 30_000;

/**
 * Runs a machine's components as threads of one process: they share nothing but the process, each has its event loop,
 * and one that crashes is started again while the others go on.
 */
export function createSupervisor(options: {
  readonly clock: Clock;
  readonly log: Logger;
}): Supervisor {
  const running: Component[] = [];
  return {
    start(spec) {
      const component = new Component(spec, options.clock, options.log.child({ child: spec.name }));
      running.push(component);
      component.launch();
    },
    async stop(graceMs) {
      for (const component of running.toReversed()) await component.stop(graceMs);
    },
  };
}

class Component {
  readonly #spec: ComponentSpec;
  readonly #clock: Clock;
  readonly #log: Logger;
  #thread: Worker | undefined;
  #stopping = false;
  #failures = 0;
  #cancelRestart: () => void = () => undefined;
  #onExit: () => void = () => undefined;

  constructor(spec: ComponentSpec, clock: Clock, log: Logger) {
    this.#spec = spec;
    this.#clock = clock;
    this.#log = log;
  }

  launch(): void {
    const startedMs = this.#clock.monotonicMs();
    const { module, entry, argv, heapMbMax } = this.#spec;
    const thread = new Worker(new URL('./component-thread.js', import.meta.url), {
      workerData: { module: module.href, entry, argv },
      ...(heapMbMax === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMbMax } }),
    });
    this.#thread = thread;
    thread.on('error', (error) => {
      this.#log.error({ error }, 'a component failed');
    });
    thread.on('exit', (code) => {
      this.#thread = undefined;
      this.#onExit();
      if (this.#stopping) return;
      const ranMs = this.#clock.monotonicMs() - startedMs;
      this.#failures = ranMs >= healthyMs ? 1 : this.#failures + 1;
      const delayMs = Math.min(backOffMs.last, backOffMs.first * 2 ** (this.#failures - 1));
      this.#log.warn({ code, delayMs }, 'a component ended and is started again');
      this.#cancelRestart = this.#clock.schedule(delayMs, () => this.launch());
    });
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#onExit = resolve;
    });
    thread.postMessage(stopMessage);
    const cancel = this.#clock.schedule(graceMs, () => {
      this.#log.warn({ graceMs }, 'a component did not end in time and is cut off');
      void thread.terminate();
    });
    await ended;
    cancel();
  }
}
