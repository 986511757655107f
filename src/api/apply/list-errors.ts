/** The lists of an applied configuration that no merge can be made of: keys that are missing or there twice. */
import { goQuote } from '../go-text/quote.js';
import { formatJson } from '../../lib/json.js';
import { isJsonObject } from '../object.js';
import type { SchemaNode } from '../schema/node.js';
import { resolved } from '../schema/node.js';

/** The errors, in the words of structured-merge-diff, each with its path: `.spec.ports: duplicate entries for …`. */
export function listErrors(schema: SchemaNode, value: unknown, path = ''): string[] {
  const node = resolved(schema);
  if (node.mapType === 'atomic') return [];
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([name, item]) => {
      const field = node.properties?.[name] ?? (node.type === 'map' ? node.items : undefined);
      return field === undefined ? [] : listErrors(field, item, `${path}.${name}`);
    });
  }
  if (!Array.isArray(value) || node.type !== 'array' || node.items === undefined) return [];
  const items = resolved(node.items);
  if (node.listType === 'set') return duplicates(value.map(valueText), path);
  if (node.listType !== 'map') return [];
  const keys = node.listMapKeys ?? [];
  return value
    .flatMap((item: unknown, index) =>
      isJsonObject(item) ? missingKey(items, { item, keys, path, index }) : [],
    )
    .concat(
      duplicates(
        value.map((item) => keyText(items, item, keys)),
        path,
      ),
      value.flatMap((item) => listErrors(items, item, `${path}${keyText(items, item, keys)}`)),
    );
}

function missingKey(
  items: SchemaNode,
  at: { item: Record<string, unknown>; keys: readonly string[]; path: string; index: number },
): string[] {
  const { item, keys, path, index } = at;
  if (keyText(items, item, keys) !== '[]') return [];
  const names = `[${keys.map((key) => goQuote(key)).join(' ')}]`;
  const text = `associative list with keys has an element that omits all key fields ${names}`;
  return [
    `${path}: element ${index}: ${text} (and doesn't have default values for any key fields)`,
  ];
}

function duplicates(texts: readonly string[], path: string): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const text of texts) {
    if (seen.has(text)) twice.add(text);
    seen.add(text);
  }
  return [...twice].map((text) => `${path}: duplicate entries for key ${text}`);
}

function valueText(value: unknown): string {
  return `[=${formatJson(value)}]`;
}

function keyText(items: SchemaNode, item: unknown, keys: readonly string[]): string {
  if (!isJsonObject(item)) return '';
  const parts = [...keys].sort().flatMap((key) => {
    const value = item[key] ?? items.properties?.[key]?.default;
    return value === undefined ? [] : [`${key}=${formatJson(value)}`];
  });
  return `[${parts.join(',')}]`;
}
