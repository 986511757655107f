/** Objects inside of custom objects (`x-kubernetes-embedded-resource`): what makes them objects. */
import { child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import type { ObjectMeta } from '../object.js';
import { DecodeError, decodeValue } from '../schema/decode.js';
import { objectMeta } from '../schema/meta.js';
import { validateMetadata } from '../validation/metadata.js';
import { dns1035Label } from '../validation/names.js';

/**
 * What a field of an embedded object becomes that is no matter of its schema: the type stays, metadata loses what no
 * metadata has. Undefined for all other fields.
 */
export function pruneEmbedded(
  name: string,
  value: unknown,
): { readonly value: unknown; readonly unknown: readonly string[] } | undefined {
  if (name === 'apiVersion' || name === 'kind') return { value, unknown: [] };
  if (name !== 'metadata') return undefined;
  try {
    const decoded = decodeValue(objectMeta, value);
    const unknown = decoded.problems.map((text) => text.replace(/^unknown field "(.*)"$/, '$1'));
    return { value: decoded.value, unknown };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // Validation says what is wrong with it.
    return { value, unknown: [] };
  }
}

/** Adds what is wrong with an embedded object's type and metadata. */
export function checkEmbedded(
  value: Readonly<Record<string, unknown>>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { apiVersion, kind, metadata } = value;
  checkText(apiVersion, child(path, 'apiVersion'), errors);
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2) {
    const text = `unexpected GroupVersion string: ${apiVersion}`;
    errors.push(invalid(child(path, 'apiVersion'), apiVersion, text));
  }
  checkText(kind, child(path, 'kind'), errors);
  if (typeof kind === 'string' && kind !== '') {
    for (const text of dns1035Label(kind.toLowerCase())) {
      errors.push(invalid(child(path, 'kind'), kind, text));
    }
  }
  if (metadata !== undefined) checkMetadata(metadata, child(path, 'metadata'), errors);
}

function checkText(value: unknown, path: FieldPath, errors: FieldError[]): void {
  if (value === undefined) errors.push(required(path, 'must not be empty'));
  else if (typeof value !== 'string') errors.push(invalid(path, value, 'must be a string'));
  else if (value === '') errors.push(invalid(path, value, 'must not be empty'));
}

function checkMetadata(metadata: unknown, path: FieldPath, errors: FieldError[]): void {
  let decoded: ObjectMeta;
  try {
    decoded = decodeValue(objectMeta, metadata ?? {}).value as ObjectMeta;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    errors.push(invalid(path, metadata, error.message));
    return;
  }
  const { name, namespace = '' } = decoded;
  const rules = { custom: true, namespaced: namespace !== '', nameRule: 'path-segment' } as const;
  // Without a name it may be a template.
  const object = { metadata: { ...decoded, name: name || 'fakename' } };
  for (const error of validateMetadata(rules, object)) {
    errors.push({ ...error, field: error.field.replace(/^metadata/, path) });
  }
}
