/** The time within which a client wants its answer: `?timeout=` (apiserver `filters/request_deadline.go`). */
import { parseDurationMs } from '../../../lib/go-duration.js';
import { badRequest } from '../status.js';
import type { Exchange } from './exchange.js';

/** Subresources of requests that go on; they and watches have no deadline. */
const longRunning = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

const units = new Set(['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h']);

/**
 * Returns the milliseconds that a request may take at most; undefined for one that names no time, or none that bounds.
 * @throws StatusError BadRequest for a text that is no duration of Go
 */
export function timeoutOf({ info, query }: Pick<Exchange, 'info' | 'query'>): number | undefined {
  const text = query.get('timeout') ?? '';
  if (text === '') return undefined;
  if (info.verb === 'watch' || longRunning.has(info.resource?.subresource ?? '')) return undefined;
  const unsigned = text.replace(/^[+-]/, '');
  const ms = parseDurationMs(unsigned.replaceAll('μ', 'µ'));
  if (ms === undefined) {
    throw badRequest(
      `invalid timeout specified in the request URL - ${durationProblem(text, unsigned)}`,
    );
  }
  // Nothing and less than nothing are no bound.
  return text.startsWith('-') || ms === 0 ? undefined : ms;
}

/** What Go's `time.ParseDuration` says of a text that is no duration. */
function durationProblem(text: string, unsigned: string): string {
  const shown = JSON.stringify(text);
  let rest = unsigned;
  while (rest !== '') {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) break;
    rest = rest.slice(number.length);
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? '';
    if (unit === '') return `time: missing unit in duration ${shown}`;
    if (!units.has(unit)) return `time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`;
    rest = rest.slice(unit.length);
  }
  return `time: invalid duration ${shown}`;
}
