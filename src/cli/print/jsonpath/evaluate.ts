/** Evaluates JSONPath as kubectl does: what is not there yields nothing. */
import { jsonType } from '../../../api/schema/decode.js';
import type { TemplateNode, Operand, Step } from './parse.js';
import { parseJsonPath } from './parse.js';
import { goNumber } from '../go-number.js';
import { goText } from '../go-template/go-values.js';
import { compactJson } from '../json.js';

/** A template that can be read, and not carried out with this value. */
export class JsonPathRunError extends Error {
  override readonly name = 'JsonPathRunError';
}

/** Prints a value by a template. @throws JsonPathError, JsonPathRunError */
export function renderJsonPath(template: string, value: unknown): string {
  return renderNodes(parseJsonPath(template), value);
}

function renderNodes(nodes: readonly TemplateNode[], value: unknown): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case 'text':
          return node.text;
        case 'path':
          return evaluate(node.steps, value).map(resultText).join(' ');
        case 'end':
          throw new JsonPathRunError('not in range, nothing to end');
        default:
          return evaluate(node.steps, value)
            .map((item) => renderNodes(node.body, item))
            .join('');
      }
    })
    .join('');
}

/** The results of a template as one JSON list, for `jsonpath-as-json`. */
export function evaluateJsonPath(template: string, value: unknown): unknown[] {
  return parseJsonPath(template).flatMap((node) =>
    node.kind === 'path' ? evaluate(node.steps, value) : [],
  );
}

/** A result as a template prints it. */
function resultText(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'number' ? goNumber(value) : valueText(value);
}

/** A result as text: maps and lists are JSON, null is nothing. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : compactJson(value);
}

/** All values that a path leads to. @throws JsonPathRunError for an index beyond a list */
export function evaluate(steps: readonly Step[], value: unknown): unknown[] {
  return evaluateAll(steps, [value]);
}

function evaluateAll(steps: readonly Step[], start: readonly unknown[]): unknown[] {
  let values = [...start];
  for (const step of steps) {
    values =
      step.kind === 'union'
        ? // The first for all values, then the next.
          step.paths.flatMap((path) => evaluateAll(path, values))
        : values.flatMap((one) => follow(step, one));
  }
  return values;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function follow(step: Exclude<Step, { readonly kind: 'union' }>, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field':
      return isMap(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'wildcard':
      if (Array.isArray(value)) return value;
      return isMap(value) ? sortedValues(value) : [];
    case 'recursive':
      return descend(value);
    case 'index': {
      if (value === null || value === undefined) return [];
      const list = listOf(value, 'is not array or slice');
      const at = step.at < 0 ? list.length + step.at : step.at;
      if (at >= list.length || at < 0) throw outOfBounds(at, list.length);
      return [list[at]];
    }
    case 'slice':
      if (value === null || value === undefined) return [];
      return sliceOf(listOf(value, 'is not array or slice'), step);
    default: {
      if (value === null || value === undefined) return [];
      const list = listOf(value, 'is not array or slice and cannot be filtered');
      return list.filter((item) => holds(item, step));
    }
  }
}

function listOf(value: unknown, problem: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new JsonPathRunError(`${goText(value)} ${problem}`);
}

function outOfBounds(at: number, length: number): JsonPathRunError {
  return new JsonPathRunError(`array index out of bounds: index ${at}, length ${length}`);
}

function sortedValues(value: Record<string, unknown>): unknown[] {
  return Object.keys(value)
    .sort()
    .map((key) => value[key]);
}

function descend(value: unknown): unknown[] {
  if (Array.isArray(value)) return [value, ...value.flatMap(descend)];
  return isMap(value) ? [value, ...sortedValues(value).flatMap(descend)] : [];
}

function sliceOf(
  list: readonly unknown[],
  { from = 0, to = list.length, step = 1 }: { from?: number; to?: number; step?: number },
): unknown[] {
  const [start, end] = [from, to].map((at) => (at < 0 ? list.length + at : at)) as [number, number];
  if (start === end) return [];
  if (start >= list.length || start < 0) throw outOfBounds(start, list.length);
  if (end > list.length || end < 0) throw outOfBounds(end - 1, list.length);
  if (start > end) {
    throw new JsonPathRunError(`starting index ${start} is greater than ending index ${end}`);
  }
  if (step <= 0) throw new JsonPathRunError('step must be > 0');
  return list.slice(start, end).filter((_, at) => at % step === 0);
}

function holds(
  item: unknown,
  { left, operator, right }: Extract<Step, { readonly kind: 'filter' }>,
): boolean {
  if (right === undefined) return found(left, item).length > 0;
  const [a, b] = [left, right].map((operand) => found(operand, item)) as [unknown[], unknown[]];
  if (a.length === 0 || b.length === 0) return false;
  if (a.length > 1 || b.length > 1) {
    throw new JsonPathRunError('can only compare one element at a time');
  }
  return compared(operator, a[0], b[0]);
}

function found(operand: Operand, item: unknown): unknown[] {
  return 'value' in operand ? [operand.value] : evaluate(operand.path, item);
}

function compared(operator: string, a: unknown, b: unknown): boolean {
  if (typeof a === 'object' || typeof b === 'object') {
    throw new JsonPathRunError('invalid type for comparison');
  }
  if (jsonType(a) !== jsonType(b)) throw new JsonPathRunError('incompatible types for comparison');
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (typeof a === 'boolean') throw new JsonPathRunError('invalid type for comparison');
  const [left, right] = [a, b] as [string | number | bigint, string | number | bigint];
  if (operator === '<') return left < right;
  if (operator === '<=') return left <= right;
  return operator === '>' ? left > right : left >= right;
}
