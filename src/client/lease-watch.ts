import type { Lease } from '../api/types/policy.js';
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import { firstAbort } from '../lib/abort.js';
import type { Logger } from '../lib/log.js';
import { createInformerFactory } from './informer.js';
import { resources } from './resources.js';
import type { ApiClient, Informer, InformerFactory, ObjectKey } from './types.js';

/** Tells a candidate how the lease that another holds changes: a watch costs next to nothing while nothing happens. */
export class LeaseWatch {
  readonly #clock: Clock;
  readonly #factory: InformerFactory;
  readonly #informer: Informer<Lease>;
  readonly #key: ObjectKey;
  #wake: () => void = () => undefined;

  /** @param onSeen gets the lease as it is, and after each change */
  constructor(
    options: {
      readonly client: ApiClient;
      readonly clock: Clock;
      readonly log: Logger;
      readonly lease: ObjectKey & { readonly namespace: string };
    },
    onSeen: (lease: Lease) => void,
  ) {
    const { clock, lease } = options;
    this.#clock = clock;
    this.#key = lease;
    this.#factory = createInformerFactory(options);
    this.#informer = this.#factory.informer<Lease>(resources.leases, {
      namespace: lease.namespace,
      fieldSelector: `metadata.name=${lease.name}`,
    });
    this.#informer.onChange(({ type, object }) => {
      if (type !== 'delete') onSeen(object);
      this.#wake();
    });
  }

  /** False: changes may be missed now. */
  get isWorking(): boolean {
    return this.#informer.synced && this.#informer.problem === undefined;
  }

  /** The lease as it was seen last; undefined: there is none. */
  get lease(): Lease | undefined {
    return this.#informer.get(this.#key);
  }

  /** Waits for a change, or until the time is over, or `signal` aborts. */
  async next(waitMs: number, signal: AbortSignal): Promise<void> {
    const change = new AbortController();
    this.#wake = () => change.abort();
    const over = firstAbort([change.signal, signal]);
    await delay(this.#clock, waitMs, over.signal);
    over.abort();
    this.#wake = () => undefined;
  }

  stop(): void {
    this.#factory.stop();
  }
}
