/** Evaluates JSONPath as kubectl does: what is not there yields nothing. */
import type { TemplateNode, Operand, Step } from './parse.js';
import { JsonPathError, parseJsonPath } from './parse.js';
import { compactJson } from '../json.js';

/** Prints a value by a template. @throws JsonPathError */
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
          return evaluate(node.steps, value).map(valueText).join(' ');
        default: {
          const values = evaluate(node.steps, value);
          const items = values.length === 1 && Array.isArray(values[0]) ? values[0] : values;
          return items.map((item: unknown) => renderNodes(node.body, item)).join('');
        }
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

/** A result as text: maps and lists are JSON. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : compactJson(value);
}

/** All values that a path leads to. @throws JsonPathError for an index beyond a list */
export function evaluate(steps: readonly Step[], value: unknown): unknown[] {
  let values: unknown[] = [value];
  for (const step of steps) values = values.flatMap((one) => follow(step, one));
  return values;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function follow(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field':
      return isMap(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'wildcard':
      if (Array.isArray(value)) return value;
      return isMap(value) ? sortedValues(value) : [];
    case 'recursive':
      return descend(value);
    case 'index': {
      if (!Array.isArray(value)) return [];
      const at = step.at < 0 ? value.length + step.at : step.at;
      if (at >= value.length || at < 0) {
        throw new JsonPathError(
          `array index out of bounds: index ${step.at}, length ${value.length}`,
        );
      }
      return [value[at]];
    }
    case 'slice':
      return Array.isArray(value) ? sliceOf(value, step) : [];
    case 'union':
      return step.paths.flatMap((path) => evaluate(path, value));
    default:
      if (!Array.isArray(value)) return [];
      return value.filter((item) => holds(item, step.left, step.operator, step.right));
  }
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
  const place = (at: number): number =>
    Math.min(list.length, at < 0 ? Math.max(0, list.length + at) : at);
  const out: unknown[] = [];
  for (let at = place(from); at < place(to); at += Math.max(1, step)) out.push(list[at]);
  return out;
}

function holds(
  item: unknown,
  left: Operand,
  operator: string,
  right: Operand | undefined,
): boolean {
  const found = (operand: Operand): unknown =>
    'value' in operand ? operand.value : evaluate(operand.path, item)[0];
  const a = found(left);
  if (right === undefined) return a !== undefined;
  const b = found(right);
  if (a === undefined || b === undefined) return false;
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    default:
      return typeof a === typeof b && compare(operator, a as string | number, b as string | number);
  }
}

function compare(operator: string, a: string | number, b: string | number): boolean {
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}
