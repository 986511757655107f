/** Objects as `get` prints them: pure, so that every table is a golden file. */
import { stringify } from 'yaml';
import type { KubeObject } from '../api/object.js';
import type { NamedResource } from './resources.js';
import { displayName } from './resources.js';
import { renderTable } from './table.js';

/** The values of `-o`. */
export const outputFormats = ['wide', 'yaml', 'json', 'name'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The options of printing objects of one resource. */
export interface PrintOptions {
  /** Undefined: a table. */
  readonly format: OutputFormat | undefined;
  /** Of every namespace: each row begins with it. */
  readonly everywhere: boolean;
  /** Beside those of other resources: names bear their type. */
  readonly qualified: boolean;
  /** True for a single object that was asked for by name; else a list is printed. */
  readonly single: boolean;
  readonly nowMs: number;
}

/** Objects in the format of `-o`. */
export function renderObjects(
  resource: NamedResource,
  objects: readonly KubeObject[],
  options: PrintOptions,
): string {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const value = options.single ? (objects[0] ?? list) : list;
  switch (options.format) {
    case 'json':
      return `${JSON.stringify(value, null, 4)}\n`;
    case 'yaml':
      return stringify(value);
    case 'name':
      return objects.map(({ metadata }) => `${displayName(resource, metadata.name)}\n`).join('');
    default: {
      const head = columnsOf(resource, options).map((column) => column.name.toUpperCase());
      const rows = objects.map((object) => cells(resource, object, options));
      return renderTable(hasNamespace(resource, options) ? ['NAMESPACE', ...head] : head, rows);
    }
  }
}

/** An object that changed, as a watch prints it: one line, or a document of its own. */
export function renderChange(
  resource: NamedResource,
  object: KubeObject,
  options: PrintOptions,
): string {
  switch (options.format) {
    case 'json':
      return `${JSON.stringify(object)}\n`;
    case 'yaml':
      return `---\n${stringify(object)}`;
    case 'name':
      return `${displayName(resource, object.metadata.name)}\n`;
    default:
      return `${cells(resource, object, options).join('   ')}\n`;
  }
}

function columnsOf(
  resource: NamedResource,
  { format }: PrintOptions,
): NamedResource['kind']['columns'] {
  return resource.kind.columns.filter((column) => column.priority === 0 || format === 'wide');
}

function hasNamespace(resource: NamedResource, { everywhere }: PrintOptions): boolean {
  return everywhere && resource.kind.namespaced;
}

function cells(resource: NamedResource, object: KubeObject, options: PrintOptions): string[] {
  const values = columnsOf(resource, options).map((column) => {
    const value = column.cell(object, options.nowMs);
    return value === null ? '<none>' : String(value);
  });
  if (options.qualified) values[0] = displayName(resource, object.metadata.name);
  if (!hasNamespace(resource, options)) return values;
  return [object.metadata.namespace ?? '', ...values];
}
