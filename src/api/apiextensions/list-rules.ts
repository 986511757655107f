/** The rules of lists in structural schemas: `x-kubernetes-list-type`, its keys, and what items must be for it. */
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { JsonSchema } from './structural.js';

const listTypes = ['atomic', 'set', 'map'];

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Adds what is wrong with a schema's list type. */
export function checkLists(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'] ?? undefined;
  const given = schema['x-kubernetes-list-map-keys'];
  const keys: readonly unknown[] = Array.isArray(given) ? given : [];
  const here = child(path, 'x-kubernetes-list-type');
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(here, detail) : invalid(here, listType, detail));
  }
  if (listType === undefined) return;
  if (!listTypes.includes(text(listType))) errors.push(notSupported(here, listType, listTypes));
  if (schema['type'] !== 'array') {
    const place = child(path, 'type');
    const detail = 'must be array if x-kubernetes-list-type is specified';
    const type = text(schema['type']);
    errors.push(type === '' ? required(place, detail) : invalid(place, type, detail));
  } else if (listType === 'set') checkSet(schema, path, errors);
  if (listType === 'map') checkMap(schema, keys, path, errors);
  const { items } = schema;
  if (isJsonObject(items) && items['nullable'] === true && listType !== 'atomic') {
    const detail = `cannot be nullable when x-kubernetes-list-type is ${text(listType)}`;
    errors.push(forbidden(child(path, 'items.nullable'), detail));
  }
}

/** Items of a set are compared as a whole. */
function checkSet({ items }: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  if (!isJsonObject(items)) return;
  const name =
    items['type'] === 'array'
      ? 'x-kubernetes-list-type'
      : items['type'] === 'object'
        ? 'x-kubernetes-map-type'
        : undefined;
  if (name === undefined) return;
  const value = items[name];
  const isAtomic = value === 'atomic' || (value === undefined && name.endsWith('list-type'));
  if (isAtomic) return;
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  errors.push(invalid(child(path, `items.${name}`), value ?? null, detail));
}

/** Items of a map are objects, and the keys scalar fields of them that are always there. */
function checkMap(
  { items }: JsonSchema,
  keys: readonly unknown[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const here = child(path, 'x-kubernetes-list-map-keys');
  if (keys.length === 0) {
    errors.push(required(here, 'must not be empty if x-kubernetes-list-type is map'));
  }
  const place = child(path, 'items');
  if (items === undefined || items === null) {
    errors.push(required(place, 'must have a schema if x-kubernetes-list-type is map'));
  } else if (!isJsonObject(items)) {
    const detail = 'must only have a single schema if x-kubernetes-list-type is map';
    errors.push(invalid(place, items, detail));
  } else if (items['type'] !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(invalid(child(place, 'type'), text(items['type']), detail));
  } else checkKeys(items, keys, path, errors);
}

function checkKeys(
  items: JsonSchema,
  keys: readonly unknown[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const here = child(path, 'x-kubernetes-list-map-keys');
  const properties = isJsonObject(items['properties']) ? items['properties'] : {};
  const always = new Set<unknown>(Array.isArray(items['required']) ? items['required'] : []);
  const seen = new Set<unknown>();
  // One error for each entry, as Kubernetes has it; the list that they all show is written out once.
  const repeated = invalid(here, keys, 'must not contain duplicate entries');
  const unknown = invalid(here, keys, 'entries must all be names of item properties');
  for (const key of keys) {
    if (seen.has(key)) errors.push(repeated);
    seen.add(key);
    const name = text(key);
    const field = Object.hasOwn(properties, name) ? (properties[name] ?? {}) : undefined;
    if (!isJsonObject(field)) {
      errors.push(unknown);
      continue;
    }
    const place = at(child(path, 'items.properties'), name);
    if (field['type'] === 'array' || field['type'] === 'object') {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(invalid(child(place, 'type'), field['type'], detail));
    }
    const because = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!always.has(key) && (field['default'] ?? undefined) === undefined) {
      const detail = `${because} must have a default or be a required property`;
      errors.push(required(child(place, 'default'), detail));
    }
    if (field['nullable'] === true) {
      errors.push(forbidden(child(place, 'nullable'), `${because} cannot be nullable`));
    }
  }
}
