/** Changes the level of a component's log while it runs, as `PUT /debug/flags/v` of Kubernetes' components does. */
import type { LogThreshold } from './log.js';
import { isLogLevel } from './log.js';

/** The answer to a change: a status of HTTP, and what is said. */
export interface VerbosityAnswer {
  readonly status: 200 | 400;
  readonly text: string;
}

/** From klog's `-v=4` on, which Kubernetes calls the level of debugging, every line is written. */
const debugVerbosity = 4;
const int32Max = 2 ** 31 - 1;

/** The most bytes of a body that is looked at. */
export const verbosityBytesMax = 64;

/**
 * Sets the level from a body: klog's number, of which below 4 is the level that the component was started with, or one
 * of our own names.
 */
export function setVerbosity(threshold: LogThreshold, body: string): VerbosityAnswer {
  const value = body.trim();
  if (isLogLevel(value)) threshold.set(value);
  else {
    const problem = problemOf(value);
    if (problem !== undefined) {
      const text = `failed set klog.logging ${value}: strconv.ParseInt: parsing ${JSON.stringify(value)}: ${problem}`;
      return { status: 400, text };
    }
    threshold.set(Number(value) >= debugVerbosity ? 'debug' : undefined);
  }
  return { status: 200, text: `successfully set klog.logging to ${value}` };
}

/** As Go's `strconv.ParseInt(value, 10, 32)` fails. */
function problemOf(value: string): string | undefined {
  if (!/^[+-]?\d+$/.test(value)) return 'invalid syntax';
  return Math.abs(Number(value)) > int32Max ? 'value out of range' : undefined;
}
