/** Places of requests, and a level with so many seats that lets nobody wait. */
import { tooManyInFlight } from '../../status.js';
import type { Place } from '../slots.js';

const flow = { schema: { name: 's', uid: '' }, level: { name: 'l', uid: '' }, key: '' };

/** A request that reads. */
export const reading: Place = { kind: 'reading', flow };
/** A request that writes. */
export const mutating: Place = { kind: 'mutating', flow };

/** @param most the seats that there are */
export function seats(most = Number.POSITIVE_INFINITY): { enter(): () => void } {
  let taken = 0;
  return {
    enter: () => {
      if (taken >= most) throw tooManyInFlight();
      taken += 1;
      return () => {
        taken -= 1;
      };
    },
  };
}
