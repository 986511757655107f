/** The canonical form of times that clients send. Pure. */
import { formatTime } from '../facts/time.js';

const pattern = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;

/** The canonical form of a time; undefined when the text is none. */
export function timeText(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  if (match[4] === 'Z' && match[3] === undefined) {
    return Number.isNaN(Date.parse(text)) ? undefined : text;
  }
  const ms = Date.parse(`${match[1]}T${match[2]}${match[4]}`);
  return Number.isNaN(ms) ? undefined : formatTime(ms);
}

/** The canonical form of a time with microseconds; undefined when the text is none. */
export function microTimeText(text: string): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2]}${match[4]}`);
  if (Number.isNaN(ms)) return undefined;
  const micros = (match[3] ?? '').padEnd(6, '0').slice(0, 6);
  return `${new Date(ms).toISOString().slice(0, 19)}.${micros}Z`;
}
