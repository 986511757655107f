/** Checks of resource lists: names and amounts. */
import { at, child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { parseQuantity } from '../quantity.js';
import type { Check } from '../schema/node.js';
import { containerResourceErrors, isIntegerResource, isNativeResource } from './resource-names.js';

/** True when requests of this resource may be less than its limit. */
export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !name.startsWith('hugepages-');
}

function amounts(value: unknown): Record<string, unknown> {
  return isJsonObject(value) ? value : {};
}

/** A non-negative amount; whole units for resources that cannot be split. */
export function checkAmount(
  name: string,
  value: unknown,
  path: FieldPath,
  errors: FieldError[],
): void {
  const quantity = parseQuantity(String(value));
  if (quantity === undefined) return;
  if (quantity.sign() < 0) {
    errors.push(invalid(path, quantity.toString(), 'must be greater than or equal to 0'));
  }
  if (isIntegerResource(name) && quantity.milliValue() % 1000 !== 0) {
    errors.push(invalid(path, quantity.toString(), 'must be an integer'));
  }
}

/** Huge pages are given out whole. */
function checkPages(name: string, value: unknown, path: FieldPath, errors: FieldError[]): void {
  if (!name.startsWith('hugepages-')) return;
  const page = parseQuantity(name.slice('hugepages-'.length))?.value() ?? 0;
  const amount = parseQuantity(String(value));
  if (amount === undefined || (page > 0 && amount.value() % page === 0)) return;
  const shown = amount.toString();
  errors.push(invalid(path, shown, `${shown} is not positive integer multiple of ${name}`));
}

function limitText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Requests and limits of a container. */
export const areResources: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const limits = amounts(value['limits']);
  const requests = amounts(value['requests']);
  for (const [name, amount] of Object.entries(limits)) {
    const here = at(child(path, 'limits'), name);
    errors.push(...containerResourceErrors(name, here));
    checkAmount(name, amount, here, errors);
    checkPages(name, amount, here, errors);
  }
  for (const [name, amount] of Object.entries(requests)) {
    const here = at(child(path, 'requests'), name);
    errors.push(...containerResourceErrors(name, here));
    checkAmount(name, amount, here, errors);
    checkPages(name, amount, here, errors);
    checkAgainstLimit(
      { name, amount, limit: limitText(limits[name]) },
      child(path, 'requests'),
      errors,
    );
  }
};

function checkAgainstLimit(
  entry: { name: string; amount: unknown; limit: string | undefined },
  path: FieldPath,
  errors: FieldError[],
): void {
  const request = parseQuantity(String(entry.amount));
  if (request === undefined) return;
  const mustEqual = !isOvercommitAllowed(entry.name);
  if (entry.limit === undefined) {
    if (mustEqual) {
      errors.push(
        required(
          path.replace(/requests$/, 'limits'),
          'Limit must be set for non overcommitable resources',
        ),
      );
    }
    return;
  }
  const limit = parseQuantity(entry.limit);
  if (limit === undefined) return;
  const text = `must be ${mustEqual ? 'equal to' : 'less than or equal to'} ${entry.name} limit of ${limit.toString()}`;
  if (mustEqual ? request.compare(limit) !== 0 : request.compare(limit) > 0) {
    errors.push(invalid(path, request.toString(), text));
  }
}

/** Amounts that every pod of a RuntimeClass takes. */
export const areOverheads: Check = (value, path, errors) => {
  for (const [name, amount] of Object.entries(amounts(value))) {
    errors.push(...containerResourceErrors(name, at(path, name)));
    checkAmount(name, amount, at(path, name), errors);
  }
};
