import { ringBytes, ringEvents, ringEventsMin } from '../limits.js';
import type { Entry } from './entry.js';

/** What a ring needs to know of a change. */
interface Change {
  readonly revision: number;
  readonly entry: Entry;
}

/** How much a ring holds. */
interface RingBounds {
  readonly events: number;
  /** Of the objects in the events as they are now. Those before are mostly the same ones, told of earlier. */
  readonly bytes: number;
  /** So many events stay whatever their size, so that a watch of large objects can be taken up again at all. */
  readonly eventsMin: number;
}

const defaults: RingBounds = { events: ringEvents, bytes: ringBytes, eventsMin: ringEventsMin };

/** The latest changes of one resource in the order of their revisions, bounded by number and by bytes. */
export class EventRing<Event extends Change> {
  readonly #bounds: RingBounds;
  /** Those before {@link #first} are forgotten. */
  #events: (Event | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #completeSince = 0;

  constructor(bounds: RingBounds = defaults) {
    this.#bounds = bounds;
  }

  /** Changes after this revision are all here. */
  get completeSince(): number {
    return this.#completeSince;
  }

  /** Forgets all; what changes after `revision` will be told. */
  reset(revision: number): void {
    this.#events = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#completeSince = revision;
  }

  push(event: Event): void {
    this.#events.push(event);
    this.#bytes += event.entry.bytes.length;
    while (this.#isOver()) this.#dropFirst();
    // Moved down when half is empty: each event once on average.
    if (this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  #isOver(): boolean {
    const count = this.#events.length - this.#first;
    const { events, bytes, eventsMin } = this.#bounds;
    return count > events || (this.#bytes > bytes && count > eventsMin);
  }

  #dropFirst(): void {
    const dropped = this.#events[this.#first];
    this.#events[this.#first] = undefined;
    this.#first++;
    if (dropped === undefined) return;
    this.#bytes -= dropped.entry.bytes.length;
    this.#completeSince = dropped.revision;
  }

  /** The changes after `revision`, or undefined when some of them are forgotten. */
  since(revision: number): Event[] | undefined {
    if (revision < this.#completeSince) return undefined;
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low).filter((event) => event !== undefined);
  }
}
