/** The selectable fields of definitions (apiextensions `ValidateCustomResourceSelectableFields`). */
import { at, child, duplicate, invalid, required, tooMany } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import { findField } from './rule-path.js';
import type { JsonSchema } from './structural.js';

const maxSelectableFields = 8;
const selectableTypes = ['boolean', 'integer', 'string'];

/** Adds what is wrong with the fields of a version that selectors may name. */
export function checkSelectableFields(
  fields: readonly { readonly jsonPath: string }[],
  schema: JsonSchema,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<FieldPath>();
  fields.forEach((field, index) => {
    const { jsonPath = '' } = given(field);
    const place = child(at(path, index), 'jsonPath');
    if (jsonPath === '') {
      errors.push(required(place));
      return;
    }
    const found = findField(jsonPath, schema, { brackets: false });
    if (found instanceof Error) {
      errors.push(invalid(place, jsonPath, `is an invalid path: ${found.message}`));
      return;
    }
    if (/^metadata(?:[.[]|$)/.test(found.path)) {
      errors.push(invalid(place, jsonPath, 'must not point to fields in metadata'));
    }
    if (!selectableTypes.includes(String(found.schema['type']))) {
      const text =
        'must point to a field of type string, boolean or integer. ' +
        'Enum string fields and strings with formats are allowed.';
      errors.push(invalid(place, jsonPath, text));
    }
    if (seen.has(found.path)) errors.push(duplicate(place, jsonPath));
    seen.add(found.path);
  });
  if (seen.size > maxSelectableFields) {
    errors.push(tooMany(path, seen.size, maxSelectableFields));
  }
}
