import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import { runWithBreaks, SlotBreak } from './slot-break.js';
import { Slots } from './slots.js';
import { mutating, seats } from './testkit/places.js';

function rig() {
  const slots = new Slots(new ManualClock(), seats(1));
  const options = { slots, place: mutating, maxBreaks: 2, refusal: () => new Error('refused') };
  return { slots, options };
}

describe('a write with work to do without its slot', () => {
  it('gives the slot back meanwhile, and begins anew', async () => {
    const { slots, options } = rig();
    const steps: string[] = [];
    let isDone = false;
    const answer = await runWithBreaks(async () => {
      steps.push(`write, ${slots.inFlight.mutating} taken`);
      await Promise.resolve();
      if (isDone) return 'answer';
      throw new SlotBreak(async () => {
        steps.push(`break, ${slots.inFlight.mutating} taken`);
        isDone = await slots.run(mutating, () => Promise.resolve(true));
      });
    }, options);
    expect(answer).toBe('answer');
    expect(steps).toEqual(['write, 1 taken', 'break, 0 taken', 'write, 1 taken']);
    expect(slots.inFlight.mutating).toBe(0);
    slots.close();
  });

  it('is refused after too many breaks', async () => {
    const { slots, options } = rig();
    let breaks = 0;
    const write = (): Promise<never> =>
      Promise.reject(
        new SlotBreak(async () => {
          breaks += 1;
          await Promise.resolve();
        }),
      );
    await expect(runWithBreaks(write, options)).rejects.toThrow('refused');
    expect(breaks).toBe(2);
    slots.close();
  });

  it('fails as the work does, and as any write does', async () => {
    const { slots, options } = rig();
    const fails = (error: Error): Promise<never> => Promise.reject(error);
    const inBreak = new SlotBreak(() => fails(new Error('in the break')));
    await expect(runWithBreaks(() => fails(inBreak), options)).rejects.toThrow('in the break');
    const inWrite = new Error('in the write');
    await expect(runWithBreaks(() => fails(inWrite), options)).rejects.toThrow('in the write');
    expect(slots.inFlight.mutating).toBe(0);
    slots.close();
  });
});
