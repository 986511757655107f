import type { MemberEvent } from '../../gen/telemetry.js';
import type { Clock } from '../../lib/clock.js';
import type { UnnumberedEvent } from './member-events.js';

/**
 * The latest events of a member, by number. Readers come with the number that they know and take what is newer: none
 * has a queue of its own, so a slow one costs nothing, and learns how many events went by.
 */
export class EventJournal {
  /** When this run of the member began: numbers count within it. */
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #kept: MemberEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #last = 0;

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
    this.startedMs = clock.nowMs();
  }

  /** The number of the newest event; 0: none yet. */
  get last(): number {
    return this.#last;
  }

  record(event: UnnumberedEvent): void {
    const sequence = ++this.#last;
    const told = {
      ...event,
      sequence,
      atMs: this.#clock.nowMs(),
      monotonicMs: this.#clock.monotonicMs(),
    };
    this.#kept[(sequence - 1) % this.#capacity] = told;
    for (const listener of this.#listeners) listener();
  }

  /** The events after number `sequence`, oldest first, at most `limit`, and how many before them are gone. */
  after(
    sequence: number,
    limit: number,
  ): { readonly missed: number; readonly events: MemberEvent[] } {
    const oldest = Math.max(1, this.#last - this.#capacity + 1);
    const from = Math.max(sequence + 1, oldest);
    const to = Math.min(this.#last, from + limit - 1);
    const events: MemberEvent[] = [];
    for (let number = from; number <= to; number++) {
      events.push(this.#kept[(number - 1) % this.#capacity] as MemberEvent);
    }
    return { missed: from - sequence - 1, events };
  }

  /** Calls `listener` after each new event; it must not throw. @returns a function that ends it */
  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
