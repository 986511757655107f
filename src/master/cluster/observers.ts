import type { ApiClient } from '../../client/index.js';
import type { ObserveRequest } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { Places } from '../../lib/places.js';
import { ApiLook } from './api-look.js';
import type { ObservationSink } from './observe.js';
import { observe } from './observe.js';
import type { StoreAdmin, StoreTelemetry } from './store-admin.js';

/** Callers that observe at once, by gRPC and HTTP together; more are refused. */
export const maxObservers = 32;
/** Those of one user, whose name several people may use, each with some windows: others find places too. */
export const maxObserversOfUser = 16;

/** The dependencies of the {@link Observers}. */
export interface ObserversOptions {
  readonly client: ApiClient;
  readonly store: StoreAdmin & StoreTelemetry;
  readonly clock: Clock;
  /** This master's name. */
  readonly name: string;
}

/** All who observe the cluster through this master, whichever protocol they speak. */
export class Observers {
  readonly #options: ObserversOptions;
  readonly #api: ApiLook;
  /** By the user's name. */
  readonly #places = new Places({ total: maxObservers, perKey: maxObserversOfUser });

  constructor(options: ObserversOptions) {
    this.#options = options;
    this.#api = new ApiLook(options);
  }

  /** @returns why a user may not observe now; undefined: nothing is against it */
  refusal(user: string): string | undefined {
    const missing = this.#places.lacks(user);
    if (missing === undefined) return undefined;
    return missing === 'total'
      ? `${maxObservers} callers observe already`
      : `${maxObserversOfUser} callers observe already as ${JSON.stringify(user)}`;
  }

  /** Observes for one caller until `signal` aborts. Nothing must be against it ({@link refusal}). */
  async run(
    user: string,
    request: ObserveRequest,
    to: ObservationSink,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#places.during(user, () =>
      observe({ ...this.#options, api: this.#api }, request, to, signal),
    );
  }
}
