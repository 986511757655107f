import { Worker } from 'node:worker_threads';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { stopMessage } from '../../lib/shutdown.js';

/**
 * A component and how to start it: a module that exports `main(argv)`, run in a thread with an event loop of its own.
 */
export interface ComponentSpec {
  readonly name: string;
  readonly module: URL;
  /** The export to call. */
  readonly entry: string;
  readonly argv: readonly string[];
  /** The thread's limit for long-lived objects, in MiB. A thread that outgrows it ends and is started again. */
  readonly heapMbMax?: number;
  /** The thread's limit for young objects, in MiB: more of them make fewer collections, and more memory. */
  readonly youngMbMax?: number;
}

/** Starts components anew when they end. */
export interface Supervisor {
  /**
   * Starts a component; it is started again whenever it ends unasked, but for what {@link SupervisorOptions.onGivenUp}
   * is told.
   */
  start(spec: ComponentSpec): void;
  /** All have worked together once: what ends from now on can start, and is started again for ever. */
  started(): void;
  /** Ends all, the last started first, each within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** A component that cannot start, and the code that it ended with. */
export interface GivenUp {
  readonly name: string;
  readonly code: number;
}

/** The dependencies of a supervisor, and the listener for a component that it gives up. */
export interface SupervisorOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Told once, of the first: its flags are wrong, or it has failed {@link startsMax} times and nothing has worked yet.
   */
  readonly onGivenUp: (what: GivenUp) => void;
}

/** A component that ends with it was told something wrong: another start would be no better. */
const exitUsage = 2;
/** Exit code of a component that waits for what time may bring, such as room on its disk. */
export const exitTryLater = 75;
/**
 * Starts of a component before anything has worked; some three seconds with the back-off, which a port that is just
 * being left needs.
 */
const startsMax = 5;
const backOffMs = { first: 200, last: 10_000 } as const;
/** A component that ran for this long starts its back-off anew. */
const healthyMs = 30_000;

/**
 * Runs a machine's components as threads of one process: they share nothing but the process, each has its event loop,
 * and one that crashes is started again while the others go on.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const running: Component[] = [];
  let hasStarted = false;
  let gaveUp = false;
  /** Decides whether a component that has failed so often is started again. */
  const mayRestart = (what: GivenUp, failures: number): boolean => {
    const isHopeless =
      what.code === exitUsage ||
      (!hasStarted && what.code !== exitTryLater && failures >= startsMax);
    if (!isHopeless) return true;
    if (!gaveUp) {
      gaveUp = true;
      options.onGivenUp(what);
    }
    return false;
  };
  return {
    start(spec) {
      const log = options.log.child({ child: spec.name });
      const component = new Component(spec, { clock: options.clock, log, mayRestart });
      running.push(component);
      component.launch();
    },
    started() {
      hasStarted = true;
    },
    async stop(graceMs) {
      for (const component of running.toReversed()) await component.stop(graceMs);
    },
  };
}

interface ComponentHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly mayRestart: (what: GivenUp, failures: number) => boolean;
}

class Component {
  readonly #spec: ComponentSpec;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #mayRestart: ComponentHost['mayRestart'];
  #thread: Worker | undefined;
  #stopping = false;
  #failures = 0;
  #cancelRestart: () => void = () => undefined;
  #onExit: () => void = () => undefined;

  constructor(spec: ComponentSpec, host: ComponentHost) {
    this.#spec = spec;
    this.#clock = host.clock;
    this.#log = host.log;
    this.#mayRestart = host.mayRestart;
  }

  launch(): void {
    const startedMs = this.#clock.monotonicMs();
    const { module, entry, argv, heapMbMax, youngMbMax } = this.#spec;
    const thread = new Worker(new URL('./component-thread.js', import.meta.url), {
      workerData: { module: module.href, entry, argv },
      resourceLimits: {
        ...(heapMbMax === undefined ? {} : { maxOldGenerationSizeMb: heapMbMax }),
        ...(youngMbMax === undefined ? {} : { maxYoungGenerationSizeMb: youngMbMax }),
      },
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
      if (!this.#mayRestart({ name: this.#spec.name, code }, this.#failures)) {
        this.#log.error({ code, failures: this.#failures }, 'a component cannot start');
        return;
      }
      const delayMs = Math.min(backOffMs.last, backOffMs.first * 2 ** (this.#failures - 1));
      this.#log.warn({ code, delayMs }, 'a component ended; starting it again');
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
      this.#log.warn({ graceMs }, 'a component did not end in time; terminating it');
      void thread.terminate();
    });
    await ended;
    cancel();
  }
}
