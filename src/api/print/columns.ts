/** Building blocks of printer columns, with the formats that kubectl's users know. */
import type { Cell, PrinterColumn } from '../kind.js';
import type { KubeObject } from '../object.js';
import { humanDuration } from './duration.js';

/** A column from a typed getter; `wide` ones show with `-o wide` only. */
export function column<T extends KubeObject>(
  name: string,
  cell: (object: T, nowMs: number) => Cell,
  options: {
    wide?: boolean;
    type?: PrinterColumn['type'];
    description?: string;
    format?: string;
  } = {},
): PrinterColumn {
  return {
    name,
    type: options.type ?? 'string',
    format: options.format ?? '',
    description: options.description ?? '',
    priority: options.wide === true ? 1 : 0,
    cell: cell as PrinterColumn['cell'],
  };
}

/** A column of `-o wide`. */
export function wide<T extends KubeObject>(
  name: string,
  cell: (object: T, nowMs: number) => Cell,
  type: PrinterColumn['type'] = 'string',
): PrinterColumn {
  return column(name, cell, { wide: true, type });
}

/** The time since a timestamp, `<unknown>` when there is none. */
export function since(timestamp: string | undefined, nowMs: number): string {
  if (timestamp === undefined) return '<unknown>';
  return humanDuration(nowMs - Date.parse(timestamp));
}

/** NAME. */
export const nameColumn = column('Name', (object) => object.metadata.name, {
  format: 'name',
  description: 'Name, unique among objects of the kind in its namespace.',
});

/** AGE. */
export const ageColumn = column(
  'Age',
  (object, now) => since(object.metadata.creationTimestamp, now),
  {
    description: 'Time since the object was created.',
  },
);

/** Joins texts by commas, `<none>` when there are none. */
export function joined(texts: readonly string[] | undefined, separator = ','): string {
  return texts === undefined || texts.length === 0 ? '<none>' : texts.join(separator);
}

/** A text or what stands for none. */
export function orText(text: string | undefined, otherwise = '<none>'): string {
  return text === undefined || text === '' ? otherwise : text;
}

/** Labels as `a=b,c=d` in key order. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return joined(keys.map((key) => `${key}=${labels?.[key] ?? ''}`));
}
