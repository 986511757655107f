/** Parts that the descriptions of many kinds share. */
import { humanDuration } from '../../api/print/duration.js';
import { formatSelector } from '../../api/facts/selectors.js';
import type { KubeObject } from '../../api/object.js';
import type { Event } from '../../api/types/core.js';
import type { DescribeWriter } from './writer.js';

/** What a description is made from, beside the object. */
export interface DescribeFacts {
  /** Undefined: nobody asked for them. */
  readonly events: readonly Event[] | undefined;
  readonly nowMs: number;
  /** Objects beside it: the pods of a node, the ReplicaSets of a deployment. */
  readonly related: Readonly<Record<string, readonly KubeObject[]>>;
}

const annotationLengthMax = 140;
const skippedAnnotations = new Set(['kubectl.kubernetes.io/last-applied-configuration']);

/** `Labels:` and their pairs, one a line. */
export function writeLabels(
  writer: DescribeWriter,
  title: string,
  labels: Readonly<Record<string, string>> | undefined,
  inner = '\t',
): void {
  const lines = Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  writeList(writer, title, lines, inner);
}

/** A title, and values below one another beside it. */
export function writeList(
  writer: DescribeWriter,
  title: string,
  values: readonly string[],
  inner = '\t',
): void {
  const [first = '<none>', ...rest] = values;
  const indent = /^ */.exec(title)?.[0] ?? '';
  writer.line(0, `${title}:${inner}${first}`);
  for (const value of rest) writer.line(0, `${inner === '\t' ? '' : indent}${inner}${value}`);
}

/** `Annotations:`; long ones on lines of their own. */
export function writeAnnotations(
  writer: DescribeWriter,
  title: string,
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  const lines = Object.entries(annotations ?? {})
    .filter(([key]) => !skippedAnnotations.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      const text = value.replace(/\n$/, '');
      const isShort = text.length + key.length + 2 <= annotationLengthMax && !text.includes('\n');
      if (isShort) return [`${key}: ${text}`];
      return [`${key}:`, ...text.split('\n').map((line) => `  ${shorten(line)}`)];
    });
  writeList(writer, title, lines);
}

function shorten(text: string): string {
  const max = annotationLengthMax - 2;
  return text.length > max ? `${text.slice(0, max)}...` : text;
}

/** Name, namespace, labels, annotations. */
export function writeMetadata(writer: DescribeWriter, { metadata }: KubeObject): void {
  writer.field(0, 'Name', metadata.name);
  if (metadata.namespace !== undefined) writer.field(0, 'Namespace', metadata.namespace);
}

/** `Labels:` and `Annotations:`. */
export function writePairs(writer: DescribeWriter, { metadata }: KubeObject): void {
  writeLabels(writer, 'Labels', metadata.labels);
  writeAnnotations(writer, 'Annotations', metadata.annotations);
}

/** The events, from the oldest to the newest. */
export function writeEvents(writer: DescribeWriter, { events, nowMs }: DescribeFacts): void {
  if (events === undefined) return;
  if (events.length === 0) {
    writer.line(0, 'Events:\t<none>');
    return;
  }
  writer.flush();
  writer.line(0, 'Events:');
  writer.line(1, 'Type\tReason\tAge\tFrom\tMessage');
  writer.line(1, '----\t------\t----\t----\t-------');
  for (const event of events.toSorted(byTime)) {
    const { type = '', reason = '', message = '' } = event;
    const source = event.source?.component ?? event.reportingComponent ?? '';
    writer.line(1, `${type}\t${reason}\t${ageOf(event, nowMs)}\t${source}\t${message.trim()}`);
  }
}

const timeOf = (event: Event): number =>
  Date.parse(event.lastTimestamp ?? event.series?.lastObservedTime ?? event.eventTime ?? '') || 0;

function byTime(a: Event, b: Event): number {
  return timeOf(a) - timeOf(b);
}

function ageOf(event: Event, nowMs: number): string {
  const since = (time: string | null | undefined): string => ageText(time, nowMs);
  const first = since(event.eventTime ?? event.firstTimestamp);
  if (event.series !== undefined && event.series !== null) {
    return `${since(event.series.lastObservedTime)} (x${event.series.count ?? 0} over ${first})`;
  }
  const count = event.count ?? 0;
  return count > 1 ? `${since(event.lastTimestamp)} (x${count} over ${first})` : first;
}

/** How long ago; `<unknown>` when nobody knows. */
export function ageText(time: string | null | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(nowMs - ms);
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The time before all others, as Go prints one that nobody set. */
export const zeroTime = 'Mon, 01 Jan 0001 00:00:00 +0000';

/** A time that kubectl prints even when nobody set it. */
export function timeOrZero(time: string | null | undefined): string {
  return Number.isNaN(Date.parse(time ?? '')) ? zeroTime : longTime(time);
}

/** `a=b,c=d` in one line, in the order of the keys. */
export function pairsText(pairs: Readonly<Record<string, string>> | undefined): string {
  const words = Object.entries(pairs ?? {}).map(([key, value]) => `${key}=${value}`);
  return words.length === 0 ? '<none>' : words.sort().join(',');
}

/** `Mon, 02 Jan 2006 15:04:05 +0000`, in the machine's own time zone as kubectl does. */
export function longTime(time: string | null | undefined): string {
  const date = new Date(time ?? '');
  if (Number.isNaN(date.getTime())) return '<unset>';
  const two = (value: number): string => String(value).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${days[date.getDay()] ?? ''}, ${two(date.getDate())} ${months[date.getMonth()] ?? ''} ${date.getFullYear()} ${clock} ${zone}`;
}

/** `ReplicaSet/web-7c`, of the owner that controls an object. */
export function controllerText({ metadata }: KubeObject): string | undefined {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined ? undefined : `${owner.kind}/${owner.name}`;
}

/** Conditions as a table. */
export function writeConditions(
  writer: DescribeWriter,
  conditions:
    | readonly {
        readonly type: string;
        readonly status: string;
        readonly reason?: string | undefined;
      }[]
    | undefined,
): void {
  if (conditions === undefined || conditions.length === 0) return;
  writer.line(0, 'Conditions:');
  writer.line(1, 'Type\tStatus\tReason');
  writer.line(1, '----\t------\t------');
  for (const { type, status, reason = '' } of conditions)
    writer.line(1, `${type} \t${status}\t${reason}`);
}

/** A label selector as text; `<none>` for one that is not there. */
export const selectorText = formatSelector;
