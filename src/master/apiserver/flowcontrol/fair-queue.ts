/**
 * The seats of one level, and the queues in front of them. Whoever finds a seat free and nobody waiting sits down at
 * once. Others wait in the shortest queue of their flow's hand; the queues are served in turn by the work that they
 * had done (start-time fair queueing), so that a flow with a thousand requests waits for itself. Synchronous: time
 * comes in.
 */
import { assert } from '../../../lib/assert.js';
import { dealHand } from './shuffle-shard.js';

/** The queues of a level; undefined queues: what finds no seat is refused. */
export interface Queuing {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthLimit: number;
}

/** The reason of a refusal, as the metric names it. */
export type Refusal = 'cancelled' | 'concurrency-limit' | 'queue-full' | 'time-out';

/** A request that wants seats. */
export interface Asked {
  /** Called at once or later, when the request may run. */
  readonly onSeat: (seat: Seat) => void;
  /** Names its flow. */
  readonly flow: string;
  readonly seats: number;
}

/** Seats that are taken. */
export interface Seat {
  readonly seats: number;
  readonly takenMs: number;
  readonly queue: Queue | undefined;
}

interface Queue {
  readonly waiting: Asked[];
  /** The work of this queue so far, in seat-milliseconds of a clock that goes on only while somebody waits. */
  virtualMs: number;
}

/** The work that a request is taken to be before it is done (apiserver: 3 ms). */
const estimateMs = 3;

/** See the head of this file. */
export class FairQueue {
  /** Seats that may be taken; a request that wants more than all has its turn alone. */
  limit: number;
  readonly #queuing: Queuing | undefined;
  readonly #queues: Queue[];
  readonly #hands = new Map<string, readonly number[]>();
  /** Queues in which somebody waits. */
  readonly #busy = new Set<Queue>();
  #virtualNowMs = 0;
  #inUse = 0;
  #waitingSeats = 0;
  #waiting = 0;

  constructor(limit: number, queuing: Queuing | undefined) {
    this.limit = limit;
    this.#queuing = queuing;
    this.#queues = Array.from({ length: queuing?.queues ?? 0 }, () => ({
      waiting: [],
      virtualMs: 0,
    }));
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Seats that are taken or wanted. */
  get demand(): number {
    return this.#inUse + this.#waitingSeats;
  }

  /** @returns the reason where the request is neither seated nor queued */
  enter(asked: Asked, nowMs: number): Refusal | undefined {
    if (this.#waiting === 0 && this.#fits(asked.seats)) {
      this.#seat(asked, undefined, nowMs);
      return undefined;
    }
    const queue = this.#queueFor(asked.flow);
    if (queue === undefined || this.#queuing === undefined) return 'concurrency-limit';
    if (queue.waiting.length >= this.#queuing.queueLengthLimit) return 'queue-full';
    // A queue that was empty has no credit from the time in which it wanted nothing.
    if (queue.waiting.length === 0) {
      queue.virtualMs = Math.max(queue.virtualMs, this.#virtualNowMs);
    }
    queue.waiting.push(asked);
    this.#busy.add(queue);
    this.#waiting += 1;
    this.#waitingSeats += asked.seats;
    this.#dispatch(nowMs);
    return undefined;
  }

  /** Takes back a request that waits. False: it waits no longer. */
  abandon(asked: Asked): boolean {
    for (const queue of this.#busy) {
      const index = queue.waiting.indexOf(asked);
      if (index < 0) continue;
      queue.waiting.splice(index, 1);
      this.#left(queue, asked);
      return true;
    }
    return false;
  }

  leave(seat: Seat, nowMs: number): void {
    this.#inUse -= seat.seats;
    assert(this.#inUse >= 0, 'more seats were left than taken');
    if (seat.queue !== undefined) {
      const workedMs = Math.max(0, nowMs - seat.takenMs);
      seat.queue.virtualMs += seat.seats * (workedMs - estimateMs);
    }
    this.#dispatch(nowMs);
  }

  /** Seats those who wait, after the limit was raised. */
  resume(nowMs: number): void {
    this.#dispatch(nowMs);
  }

  #fits(seats: number): boolean {
    return this.#inUse + seats <= this.limit || this.#inUse === 0;
  }

  #seat(asked: Asked, queue: Queue | undefined, nowMs: number): void {
    this.#inUse += asked.seats;
    asked.onSeat({ seats: asked.seats, takenMs: nowMs, queue });
  }

  #dispatch(nowMs: number): void {
    for (;;) {
      let next: Queue | undefined;
      for (const queue of this.#busy) {
        if (next === undefined || queue.virtualMs < next.virtualMs) next = queue;
      }
      const asked = next?.waiting[0];
      if (next === undefined || asked === undefined || !this.#fits(asked.seats)) return;
      next.waiting.shift();
      this.#virtualNowMs = Math.max(this.#virtualNowMs, next.virtualMs);
      next.virtualMs += asked.seats * estimateMs;
      this.#left(next, asked);
      this.#seat(asked, next, nowMs);
    }
  }

  #left(queue: Queue, asked: Asked): void {
    this.#waiting -= 1;
    this.#waitingSeats -= asked.seats;
    if (queue.waiting.length > 0) return;
    this.#busy.delete(queue);
  }

  /** The queue of the flow's hand in which the fewest wait; among equals the one that has had the least work done. */
  #queueFor(flow: string): Queue | undefined {
    let best: Queue | undefined;
    for (const index of this.#handOf(flow)) {
      const queue = this.#queues[index];
      if (queue === undefined) continue;
      const fewer = queue.waiting.length - (best?.waiting.length ?? 0);
      if (best === undefined || fewer < 0 || (fewer === 0 && queue.virtualMs < best.virtualMs)) {
        best = queue;
      }
    }
    return best;
  }

  #handOf(flow: string): readonly number[] {
    if (this.#queuing === undefined) return [];
    let hand = this.#hands.get(flow);
    if (hand === undefined) {
      if (this.#hands.size >= handsKept) this.#hands.clear();
      hand = dealHand(flow, this.#queuing.queues, this.#queuing.handSize);
      this.#hands.set(flow, hand);
    }
    return hand;
  }
}

/** Hands that are remembered; dealing one costs some microseconds. */
const handsKept = 1_000;
