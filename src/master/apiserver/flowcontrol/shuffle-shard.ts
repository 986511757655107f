import { createHash } from 'node:crypto';

/**
 * Deals a flow its hand: a few of all queues, different ones for different flows, so that two flows hardly ever share
 * all of theirs. The same flow gets the same hand.
 * @param flow names the flow
 * @returns `handSize` different numbers below `deckSize`
 */
export function dealHand(flow: string, deckSize: number, handSize: number): number[] {
  // 60 bits are dealt out of, as apiserver's shufflesharding does: validation keeps the hand within them.
  let rest = createHash('sha256').update(flow).digest().readBigUInt64BE() >> 4n;
  const hand: number[] = [];
  for (let dealt = 0; dealt < handSize; dealt++) {
    const left = BigInt(deckSize - dealt);
    let card = Number(rest % left);
    rest /= left;
    // The card is counted among those that are left: cards below it that were dealt move it up.
    const taken = hand.toSorted((a, b) => a - b);
    for (const other of taken) if (other <= card) card += 1;
    hand.push(card);
  }
  return hand;
}
