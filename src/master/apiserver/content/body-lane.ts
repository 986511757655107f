import type { Clock } from '../../../lib/clock.js';
import { Lane } from '../aside/lane.js';
import type { BodyReply, BodyWork } from './body-work.js';

/** The way of large and hostile bodies. */
export class BodyLane extends Lane<BodyWork, BodyReply> {
  constructor(clock: Clock) {
    super(clock, {
      script: new URL('./body-thread.js', import.meta.url),
      weigh: (work) => work.bytes.length + (work.form === 'patch' ? work.target.length : 0),
      tooLong: 'the body took too long to read',
    });
  }
}
