/**
 * What evaluations that share a turn of the event loop may still take, in cost and work together. Each takes from it;
 * the one that uses it up ends with an {@link EffortError}, and is done anew where it holds up nobody.
 */
export interface Effort {
  left: number;
}

/** Ends an evaluation that takes too long for the event loop. No error of the expression: nothing absorbs it. */
export class EffortError extends Error {
  override readonly name = 'EffortError';
  readonly code = 'CEL_EFFORT_EXCEEDED';

  constructor() {
    super('the evaluation takes too long for the event loop');
  }
}

/** Takes so much, before it is done. @throws EffortError when that is more than is left */
export function takeEffort(effort: Effort, amount: number): void {
  effort.left -= amount;
  if (effort.left < 0) throw new EffortError();
}
