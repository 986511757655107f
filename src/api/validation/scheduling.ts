/** Checks of node selectors and tolerations. */
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import { dnsSubdomain, labelValueErrors, qualifiedNameErrors } from './names.js';

/** A requirement on a node's fields, of which only the name is known: exactly one value. */
function checkFieldRequirement(
  value: Record<string, unknown>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const [key, operator] = [textOf(value, 'key'), textOf(value, 'operator')];
  const values: readonly unknown[] = Array.isArray(value['values']) ? value['values'] : [];
  const here = child(path, 'values');
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(child(path, 'operator'), operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const text =
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(here, text));
  }
  if (key !== 'metadata.name') {
    errors.push(invalid(child(path, 'key'), key, 'not a valid field selector key'));
    return;
  }
  values.forEach((name, index) => {
    for (const text of dnsSubdomain(String(name)))
      errors.push(invalid(at(here, index), name, text));
  });
}

/** A requirement of a node selector. */
export const isNodeSelectorRequirement: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  if (path.includes('matchFields')) {
    checkFieldRequirement(value, path, errors);
    return;
  }
  const operator = textOf(value, 'operator');
  const count = Array.isArray(value['values']) ? value['values'].length : 0;
  const valuesPath = child(path, 'values');
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (count === 0) {
        const text = "must be specified when `operator` is 'In' or 'NotIn'";
        errors.push(required(valuesPath, text));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (count > 0) {
        const text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(forbidden(valuesPath, text));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (count !== 1) {
        const text = "must be specified single value when `operator` is 'Lt' or 'Gt'";
        errors.push(required(valuesPath, text));
      }
      break;
    default:
      errors.push(invalid(child(path, 'operator'), operator, 'not a valid selector operator'));
  }
  const key = textOf(value, 'key');
  for (const text of qualifiedNameErrors(key)) {
    errors.push(invalid(child(path, 'key'), key, text));
  }
};

/** Values of a node selector's expressions are those of labels; in a mere preference, which has none, any may stand. */
export const haveLabelValues: Check = (value, path, errors) => {
  listIn(value, 'nodeSelectorTerms').forEach((term, termAt) => {
    const here = child(at(child(path, 'nodeSelectorTerms'), termAt), 'matchExpressions');
    listIn(term, 'matchExpressions').forEach((expression, expressionAt) => {
      const values = listIn(expression, 'values');
      checkLabelValues(values, child(at(here, expressionAt), 'values'), errors);
    });
  });
};

function listIn(value: unknown, field: string): readonly unknown[] {
  const list = isJsonObject(value) ? value[field] : undefined;
  return Array.isArray(list) ? list : [];
}

function checkLabelValues(values: readonly unknown[], path: FieldPath, errors: FieldError[]): void {
  values.forEach((value, index) => {
    for (const text of labelValueErrors(String(value))) {
      errors.push(invalid(at(path, index), value, text));
    }
  });
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** A toleration. */
export const isToleration: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const text = (name: string): string => textOf(value, name);
  const [key, operator, effect] = [text('key'), text('operator'), text('effect')];
  if (key !== '') {
    for (const problem of qualifiedNameErrors(key)) {
      errors.push(invalid(child(path, 'key'), key, problem));
    }
  } else if (operator !== 'Exists') {
    const problem =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalid(child(path, 'operator'), operator, problem));
  }
  if (value['tolerationSeconds'] !== undefined && effect !== 'NoExecute') {
    const problem = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalid(child(path, 'effect'), effect, problem));
  }
  if (operator === '' || operator === 'Equal') {
    for (const problem of labelValueErrors(text('value'))) {
      errors.push(invalid(child(path, 'operator'), text('value'), problem));
    }
  } else if (operator === 'Exists') {
    if (text('value') !== '') {
      const problem = "value must be empty when `operator` is 'Exists'";
      errors.push(invalid(child(path, 'operator'), value, problem));
    }
  } else {
    errors.push(notSupported(child(path, 'operator'), operator, ['Equal', 'Exists']));
  }
  if (effect !== '' && !effects.includes(effect)) {
    errors.push(notSupported(child(path, 'effect'), effect, effects));
  }
};
