/** The rules for the fields that a definition's `scale` subresource reads. */
import type { FieldError } from '../field-error.js';
import { invalid } from '../field-error.js';
import { goType, goValue } from '../go-text/values.js';
import type { ScalePaths } from '../kind.js';
import type { KubeObject } from '../object.js';
import { isJsonObject } from '../object.js';
import { deepEqual } from '../equal.js';

const maxReplicas = 2_147_483_647;

/**
 * Validates the numbers and the selector that a Scale is made of.
 * @param old what was stored; numbers that stay as they are may be wrong, for writes of the status do not look at the
 * spec, and older builds looked at neither
 * @see apiextensions-apiserver pkg/registry/customresource/validator.go, ValidateScaleSpec and ValidateScaleStatus
 */
export function validateScaleFields(
  paths: ScalePaths,
  object: KubeObject,
  old: KubeObject | undefined,
): FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = paths;
  const changed = (path: string): boolean =>
    old === undefined || !deepEqual(fieldAt(object, path), fieldAt(old, path));
  const errors = [specReplicasPath, statusReplicasPath]
    .filter(changed)
    .flatMap((path) => replicasErrors(path, fieldAt(object, path)));
  if (labelSelectorPath === undefined || !changed(labelSelectorPath)) return errors;
  const selector = fieldAt(object, labelSelectorPath);
  if (selector === undefined || typeof selector === 'string') return errors;
  return [
    ...errors,
    invalid(labelSelectorPath, '', typeText(labelSelectorPath, selector, 'string')),
  ];
}

function replicasErrors(path: string, value: unknown): FieldError[] {
  if (value === undefined) return [];
  if (typeof value !== 'bigint' && !Number.isInteger(value)) {
    return [invalid(path, 0, typeText(path, value, 'int64'))];
  }
  const count = value as number | bigint;
  if (count < 0) return [invalid(path, count, 'should be a non-negative integer')];
  if (count <= maxReplicas) return [];
  return [invalid(path, count, `should be less than or equal to ${maxReplicas}`)];
}

function typeText(path: string, value: unknown, wanted: string): string {
  const given = `${goValue(value)} is of the type ${goType(value)}`;
  return `${path} accessor error: ${given}, expected ${wanted}`;
}

function fieldAt(object: KubeObject, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.').filter((name) => name !== '')) {
    value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}
