import type { ApiClient } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { isApiError } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import type { Ledger, Outcome } from './ledger.js';

/** Between two writes. */
const everyMs = 40;
const deadlineMs = 5000;
/** The objects are read back in pages, for so long at most. */
const pageSize = 500;
const readPatienceMs = 30_000;

const { namespaces, configMaps } = resources;

/** Creates one small object after the other, in a namespace of its own, and notes what it is told of each. */
export class DemoWriter {
  readonly namespace: string;
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly client: ApiClient;
    readonly clock: Clock;
    readonly ledger: Ledger;
    readonly namespace: string;
  }) {
    this.#client = parts.client;
    this.#clock = parts.clock;
    this.#ledger = parts.ledger;
    this.namespace = parts.namespace;
  }

  async start(): Promise<void> {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    await this.#client.create(namespaces, object, { deadlineMs });
    this.#running = this.#run();
  }

  /** Resolves when the last write has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let n = 1; !signal.aborted; n++) {
      const name = `write-${String(n).padStart(5, '0')}`;
      this.#ledger.began(this.#clock.monotonicMs());
      const outcome = await this.#write(name);
      this.#ledger.ended(name, outcome, this.#clock.monotonicMs());
      await delay(this.#clock, everyMs, signal);
    }
  }

  async #write(name: string): Promise<Outcome> {
    const metadata = { name, namespace: this.namespace };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { name } };
    try {
      await this.#client.create(configMaps, object, { deadlineMs });
      return 'acknowledged';
    } catch (error) {
      if (!isApiError(error)) return 'unknown';
      // It can only have been this writer's own attempt that was sent again.
      if (error.reason === 'AlreadyExists') return 'acknowledged';
      return error.definite && error.code < 500 ? 'refused' : 'unknown';
    }
  }

  /** The names that are there now, by a read that is as new as the last write. */
  async readBack(): Promise<ReadonlySet<string>> {
    const giveUpMs = this.#clock.monotonicMs() + readPatienceMs;
    for (;;) {
      try {
        return await this.#readAll();
      } catch (error) {
        if (this.#clock.monotonicMs() > giveUpMs) throw error;
        await delay(this.#clock, 500);
      }
    }
  }

  async #readAll(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (let next = ''; ;) {
      const page = await this.#client.list(configMaps, {
        namespace: this.namespace,
        limit: pageSize,
        deadlineMs,
        ...(next === '' ? {} : { continue: next }),
      });
      for (const { metadata } of page.items) found.add(metadata.name ?? '');
      if (page.continue === '') return found;
      next = page.continue;
    }
  }

  /** Deletes the namespace with all that was written. */
  async cleanUp(): Promise<void> {
    try {
      await this.#client.delete(namespaces, { name: this.namespace }, { deadlineMs });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}
