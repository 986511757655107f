import type { Place, Slots } from './slots.js';

/**
 * Thrown by a write that holds a slot and has something long to do before it can go on: the slot is given back, the
 * work is done, and the write begins anew.
 */
export class SlotBreak extends Error {
  override readonly name = 'SlotBreak';
  readonly code = 'SLOT_BREAK';
  readonly work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    super('a write has something to do without its slot');
    this.work = work;
  }
}

/** The slots that {@link runWithBreaks} takes. */
export interface BreakOptions {
  readonly slots: Pick<Slots, 'run'>;
  readonly place: Place;
  readonly maxBreaks: number;
  /** The error of a write that would need one more break. */
  readonly refusal: () => Error;
}

/** Runs a write in a slot, anew after each {@link SlotBreak}. @throws what the write, its breaks or the slots throw */
export async function runWithBreaks<T>(
  write: () => Promise<T>,
  { slots, place, maxBreaks, refusal }: BreakOptions,
): Promise<T> {
  for (let breaks = 0; ; breaks++) {
    try {
      return await slots.run(place, write);
    } catch (error) {
      if (!(error instanceof SlotBreak)) throw error;
      if (breaks >= maxBreaks) throw refusal();
      await error.work();
    }
  }
}
