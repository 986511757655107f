/** Lists that are sets or maps: no item, or no item's keys, may be there twice (`ValidateListSetsAndMaps`). */
import { at, duplicate } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { GoSyntax, goInterface } from '../go-text/syntax.js';
import { identityOf } from '../identity.js';
import { isJsonObject } from '../object.js';

/** Adds an error for every item that stands in the list before. */
export function checkListType(
  schema: Readonly<Record<string, unknown>>,
  value: readonly unknown[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const keys = Array.isArray(schema['x-kubernetes-list-map-keys'])
    ? (schema['x-kubernetes-list-map-keys'] as readonly string[])
    : [];
  const seen = new Set<string>();
  value.forEach((item, index) => {
    const shown = type === 'set' ? item : keysOf(item, keys);
    if (shown === undefined) return;
    const identity = identityOf(shown);
    if (seen.has(identity)) errors.push(duplicate(at(path, index), asGo(shown)));
    seen.add(identity);
  });
}

/** Keys are shown as Go has them in memory. */
function asGo(value: unknown): unknown {
  return isJsonObject(value) ? new GoSyntax(goInterface(value)) : value;
}

function keysOf(item: unknown, keys: readonly string[]): Record<string, unknown> | undefined {
  if (!isJsonObject(item)) return undefined;
  const present = keys.filter((key) => item[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, item[key]]));
}
