/** The queue of future events, in order of time, then of scheduling. Times are whole microseconds of simulated time. */

/** A process that events belong to; they die with its life and wait while it is paused. */
export interface EventOwner {
  /** Counted up at each end of a life. */
  readonly life: number;
  readonly paused: boolean;
}

interface Event {
  at: number;
  readonly order: number;
  run: () => void;
  readonly owner: EventOwner | undefined;
  readonly life: number;
  cancelled: boolean;
}

/** A binary heap of events with the present time. */
export class EventQueue {
  readonly #heap: Event[] = [];
  readonly #held = new Map<EventOwner, Event[]>();
  #now = 0;
  #order = 0;

  /** Microseconds since the start. */
  get now(): number {
    return this.#now;
  }

  get length(): number {
    return this.#heap.length;
  }

  /** Runs `run` after `delay` microseconds, if `owner` still lives that life. @returns a function that cancels it */
  add(delay: number, run: () => void, owner?: EventOwner): () => void {
    const at = this.#now + Math.max(0, Math.ceil(delay));
    const life = owner?.life ?? 0;
    const event: Event = { at, order: this.#order++, run, owner, life, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
      // Deadlines are cancelled long before they are due; they must not keep their calls in memory until then.
      event.run = nothing;
    };
  }

  /** Runs the next event. @returns false when there is none */
  runNext(): boolean {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      const { owner } = event;
      if (event.cancelled || (owner !== undefined && owner.life !== event.life)) continue;
      this.#now = Math.max(this.#now, event.at);
      if (owner?.paused === true) {
        const held = this.#held.get(owner);
        if (held === undefined) this.#held.set(owner, [event]);
        else held.push(event);
        continue;
      }
      event.run();
      return true;
    }
  }

  /** The owner runs on: what fell due meanwhile happens now, in order. */
  resume(owner: EventOwner): void {
    const held = this.#held.get(owner) ?? [];
    this.#held.delete(owner);
    for (const event of held) {
      event.at = this.#now;
      this.#push(event);
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++;
      const below = heap[child] as Event;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function nothing(): void {}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
