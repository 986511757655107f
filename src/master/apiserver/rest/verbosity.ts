import { changeVerbosity, verbosityPath as path } from '../../../client/door/component-door.js';
import type { Clock } from '../../../lib/clock.js';
import type { LogThreshold } from '../../../lib/log.js';
import type { PathHandler } from './pipeline.js';

/** `PUT /debug/flags/v`: the level of the log, for those whom roles let `put` that path. */
export function verbosityPath(threshold: LogThreshold | undefined, clock: Clock): PathHandler {
  return async ({ request, response, info }) => {
    if (threshold === undefined || info.path !== path) return false;
    await changeVerbosity(request, response, { threshold, clock });
    return true;
  };
}
