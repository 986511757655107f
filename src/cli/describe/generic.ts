/** Any object, custom ones too: its fields by their names in words. */
import type { KubeObject } from '../../api/object.js';
import type { DescribeFacts } from './common.js';
import { writeAnnotations, writeEvents, writeLabels } from './common.js';
import type { DescribeWriter } from './writer.js';

/** An object of a kind that has no description of its own. */
export function describeGeneric(
  writer: DescribeWriter,
  object: KubeObject,
  facts: DescribeFacts,
): void {
  const { metadata } = object;
  writer.field(0, 'Name', metadata.name);
  writer.field(0, 'Namespace', metadata.namespace ?? '');
  writeLabels(writer, 'Labels', metadata.labels);
  writeAnnotations(writer, 'Annotations', metadata.annotations);
  writeMap(writer, 0, object as unknown as Record<string, unknown>, [
    'metadata.managedFields',
    'metadata.name',
    'metadata.namespace',
    'metadata.labels',
    'metadata.annotations',
  ]);
  writeEvents(writer, facts);
}

/** `apiVersion` is "API Version", `creationTimestamp` is "Creation Timestamp". */
export function wordsOf(name: string): string {
  const spaced = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2');
  return spaced
    .split(' ')
    .map((word) =>
      /^(?:api|uid|id|ip|ips|url|cidr|dns|tls|http|https|uri)$/i.test(word)
        ? word.toUpperCase()
        : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join(' ');
}

function writeMap(
  writer: DescribeWriter,
  level: number,
  map: Readonly<Record<string, unknown>>,
  skipped: readonly string[],
  path = '',
): void {
  const entries = Object.entries(map).sort(([a], [b]) => (wordsOf(a) < wordsOf(b) ? -1 : 1));
  for (const [name, value] of entries) {
    const here = path === '' ? name : `${path}.${name}`;
    if (skipped.includes(here) || value === undefined) continue;
    const title = wordsOf(name);
    if (Array.isArray(value)) writeListOf(writer, level, title, value, skipped, here);
    else if (typeof value === 'object' && value !== null) {
      writer.line(level, `${title}:`);
      writeMap(writer, level + 1, value as Record<string, unknown>, skipped, here);
    } else writer.field(level, title, value ?? '<nil>');
  }
}

function writeListOf(
  writer: DescribeWriter,
  level: number,
  title: string,
  values: readonly unknown[],
  skipped: readonly string[],
  path: string,
): void {
  writer.line(level, `${title}:`);
  for (const value of values) {
    if (Array.isArray(value)) writer.line(level + 1, value.map(String).join(', '));
    else if (typeof value === 'object' && value !== null) {
      writeMap(writer, level + 1, value as Record<string, unknown>, skipped, path);
    } else writer.line(level + 1, String(value));
  }
}
