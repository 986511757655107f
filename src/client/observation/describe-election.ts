/** Describes elections in Raft's terms. Pure. */
import type { NameOf } from './describe.js';
import { describeEvent } from './describe.js';
import type { Election, Step } from './elections.js';

/** `term 3 → 4`, or the term that goes on where nobody has won. */
export function termsOf({ fromTerm, term }: Election): string {
  return term === undefined ? `term ${fromTerm}` : `term ${fromTerm} → ${term}`;
}

/** Who led before and who leads now, or why nobody else does. */
export function outcomeOf({ from, winner, isOver, rounds, refusals }: Election): string {
  if (winner !== undefined) return `${from ?? 'nobody'} → ${winner}`;
  const asked = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${refusals} refused`;
  return isOver ? `nothing to elect: ${asked}` : `no leader yet: ${asked}`;
}

/** A step without its time, name and member. */
export function describeStep(election: Election, { kind, event }: Step, nameOf: NameOf): string {
  switch (kind) {
    case 'votes':
      return `has ${election.votes.length} votes: ${election.votes.join(', ')}`;
    case 'scheduler':
    case 'controllers':
      return 'is active';
    default:
      return event === undefined ? '' : (describeEvent(event, nameOf) ?? '');
  }
}
