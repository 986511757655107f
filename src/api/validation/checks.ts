/** Checks that schema nodes carry; each looks at one value and adds field errors. */
import {
  at,
  child,
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { goIntOrString } from '../go-text/syntax.js';
import { isJsonObject, textOf } from '../object.js';
import type { Check } from '../schema/node.js';
import { parseQuantity } from '../quantity.js';
import {
  dnsLabel,
  dnsSubdomain,
  ipErrors,
  labelValueErrors,
  pathSegmentErrors,
  percentErrors,
  portNameErrors,
  portNumberErrors,
  qualifiedNameErrors,
} from './names.js';

/** A check of strings from a function that returns texts. */
export function stringCheck(rule: (value: string) => string[]): Check {
  return (value, path, errors) => {
    if (typeof value !== 'string') return;
    for (const text of rule(value)) errors.push(invalid(path, value, text));
  };
}

/** A check of numbers from a function that returns texts. */
export function numberCheck(rule: (value: number) => string[]): Check {
  return (value, path, errors) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return;
    for (const text of rule(Number(value))) errors.push(invalid(path, value, text));
  };
}

/** A DNS label. */
export const isDnsLabel = stringCheck(dnsLabel);
/** A DNS subdomain. */
export const isDnsSubdomain = stringCheck(dnsSubdomain);
/** A DNS subdomain, or nothing. */
export const isDnsSubdomainOrEmpty = stringCheck((value) =>
  value === '' ? [] : dnsSubdomain(value),
);
/** A name that is one segment of a path. */
export const isPathSegment = stringCheck(pathSegmentErrors);
/** A key of labels, in lower case: names of provisioners and application protocols that may be in any. */
export const isQualifiedNameInLowerCase: Check = (value, path, errors) => {
  if (typeof value === 'string') isQualifiedName(value.toLowerCase(), path, errors);
};
/** A text that must be there; for fields whose other checks speak of an empty one too (`checksEmpty`). */
export const isNotEmpty: Check = (value, path, errors) => {
  if (value === '') errors.push(required(path));
};
/** An IP address. */
export const isIp = stringCheck(ipErrors);
/** A port's number. */
export const isPort = numberCheck(portNumberErrors);
/** A port's name. */
export const isPortName = stringCheck(portNameErrors);
/** A qualified name. */
export const isQualifiedName = stringCheck(qualifiedNameErrors);

/** A number of at least 0. */
export const isNonNegative = numberCheck((value) =>
  value >= 0 ? [] : ['must be greater than or equal to 0'],
);

/** A number of at least 1. */
export const isPositive = numberCheck((value) => (value > 0 ? [] : ['must be greater than zero']));
/** The same, of fields whose rule says it in a digit. */
export const isAboveZero = numberCheck((value) => (value > 0 ? [] : ['must be greater than 0']));

/** A number within bounds. @param text of the refusal, where Kubernetes names other bounds than it checks */
export function isBetween(
  low: number,
  high: number,
  text = `must be between ${low} and ${high}, inclusive`,
): Check {
  return numberCheck((value) => (value >= low && value <= high ? [] : [text]));
}

/** A port by number or name. */
export const isPortNumberOrName: Check = (value, path, errors) => {
  if (typeof value === 'number') isPort(value, path, errors);
  else if (typeof value === 'string') isPortName(value, path, errors);
};

/** A count or a percentage, not negative. */
export const isCountOrPercent: Check = (value, path, errors) => {
  if (typeof value === 'number') isNonNegative(value, path, errors);
  else if (typeof value === 'string') {
    for (const text of percentErrors(value)) errors.push(invalid(path, goIntOrString(value), text));
  }
};

/** At most 100%. */
export const isNotMoreThan100Percent: Check = (value, path, errors) => {
  if (typeof value !== 'string' || percentErrors(value).length > 0) return;
  if (Number.parseInt(value, 10) > 100) {
    errors.push(invalid(path, goIntOrString(value), 'must not be greater than 100%'));
  }
};

/** A quantity of at least 0. */
export const isNonNegativeQuantity: Check = (value, path, errors) => {
  const quantity = parseQuantity(String(value));
  if (quantity !== undefined && quantity.sign() < 0) {
    errors.push(invalid(path, value, 'must be greater than or equal to 0'));
  }
};

/** A field that must be there, of an object whose other fields are optional too. */
export function requires(name: string): Check {
  return (value, path, errors) => {
    if (isJsonObject(value) && textOf(value, name) === '') errors.push(required(child(path, name)));
  };
}

/** An absolute path, as an NFS server exports it. */
export const isAbsolutePath = stringCheck((value) =>
  value.startsWith('/') ? [] : ['must be an absolute path'],
);

/** The greatest user or group id that a kernel knows. */
export const isId = isBetween(0, 2 ** 31 - 1);

/** Items of a list must differ in the given field. */
export function uniqueBy(field: string): Check {
  return (value, path, errors) => {
    if (!Array.isArray(value)) return;
    const seen = new Set<unknown>();
    value.forEach((item: unknown, index) => {
      const key = isJsonObject(item) ? item[field] : undefined;
      if (key === undefined) return;
      if (seen.has(key)) errors.push(duplicate(child(at(path, index), field), key));
      seen.add(key);
    });
  };
}

/** Keys and values of labels. */
export const areLabels: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  for (const [key, text] of Object.entries(value)) {
    for (const problem of qualifiedNameErrors(key)) errors.push(invalid(path, key, problem));
    if (typeof text !== 'string') continue;
    for (const problem of labelValueErrors(text)) errors.push(invalid(path, text, problem));
  }
};

const maxAnnotationBytes = 256 * 1024;

/** Keys of annotations, and their size altogether. */
export const areAnnotations: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  let size = 0;
  for (const [key, text] of Object.entries(value)) {
    for (const problem of qualifiedNameErrors(key.toLowerCase())) {
      errors.push(invalid(path, key, problem));
    }
    size += Buffer.byteLength(key) + Buffer.byteLength(String(text));
  }
  if (size > maxAnnotationBytes) errors.push(tooLong(path, maxAnnotationBytes));
};

const selectorOperators = ['DoesNotExist', 'Exists', 'In', 'NotIn'];

/** A LabelSelector object. */
export const isLabelSelector: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  areLabels(value['matchLabels'], child(path, 'matchLabels'), errors);
  const expressions = value['matchExpressions'];
  if (!Array.isArray(expressions)) return;
  expressions.forEach((item: unknown, index) => {
    if (isJsonObject(item)) {
      checkRequirement(item, at(child(path, 'matchExpressions'), index), errors);
    }
  });
};

function checkRequirement(
  item: Record<string, unknown>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const operator = textOf(item, 'operator');
  const values = Array.isArray(item['values']) ? item['values'] : [];
  if (!selectorOperators.includes(operator)) {
    errors.push(invalid(child(path, 'operator'), operator, 'not a valid selector operator'));
  } else if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    const text = "must be specified when `operator` is 'In' or 'NotIn'";
    errors.push(required(child(path, 'values'), text));
  } else if (operator.endsWith('xist') && values.length > 0) {
    errors.push(forbiddenValues(path));
  } else if (operator === 'Exists' && values.length > 0) {
    errors.push(forbiddenValues(path));
  }
  isQualifiedName(textOf(item, 'key'), child(path, 'key'), errors);
  values.forEach((text: unknown, index) => {
    for (const problem of labelValueErrors(String(text))) {
      errors.push(invalid(at(child(path, 'values'), index), text, problem));
    }
  });
}

function forbiddenValues(path: FieldPath): FieldError {
  const text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
  return forbidden(child(path, 'values'), text);
}

/** A value from a list, when there is one. */
export function oneOf(supported: readonly string[]): Check {
  return (value, path, errors) => {
    if (typeof value === 'string' && !supported.includes(value)) {
      errors.push(notSupported(path, value, supported));
    }
  };
}
