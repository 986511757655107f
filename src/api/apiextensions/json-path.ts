/**
 * The simple JSON paths of CustomResourceDefinitions: `.spec.a`, `.list[0].b`, `.list[*].b`,
 * `.metadata.annotations.a\.b`, `['a.b']` and the filter `[?(@.type=="Ready")]`.
 */
import { formatJson } from '../../lib/json.js';
import { isJsonObject } from '../object.js';

/** One step down. */
type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly value: string };

/** A compiled path: the values it leads to. */
export type JsonPath = (root: unknown) => unknown[];

const pattern =
  /\.((?:\\.|[^.[\]\\])+)|\[(-?\d+)\]|\[\*\]|\['([^']+)'\]|\["([^"]+)"\]|\[\?\(@\.([\w.-]+)\s*==\s*["']([^"']*)["']\)\]/y;

function parse(path: string): Step[] | undefined {
  const text = path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  const steps: Step[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const [whole, name, index, single, double, filter, value] = match;
    if (name !== undefined) steps.push({ kind: 'field', name: name.replace(/\\(.)/g, '$1') });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else if (single !== undefined) steps.push({ kind: 'field', name: single });
    else if (double !== undefined) steps.push({ kind: 'field', name: double });
    else if (filter !== undefined) {
      steps.push({ kind: 'filter', path: filter.split('.'), value: value ?? '' });
    } else if (whole === '[*]') steps.push({ kind: 'all' });
  }
  return steps;
}

function follow(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'field':
      return isJsonObject(value) && value[step.name] !== undefined ? [value[step.name]] : [];
    case 'index': {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
    default:
      return Array.isArray(value) ? value.filter((item) => holds(item, step)) : [];
  }
}

function holds(item: unknown, filter: { path: readonly string[]; value: string }): boolean {
  let here: unknown = item;
  for (const name of filter.path) here = isJsonObject(here) ? here[name] : undefined;
  return (typeof here === 'string' ? here : formatJson(here)) === filter.value;
}

/** Compiles a path; one that cannot be read leads nowhere. */
export function compileJsonPath(path: string): JsonPath {
  const steps = parse(path);
  if (steps === undefined) return () => [];
  return (root) => {
    let values: unknown[] = [root];
    for (const step of steps) values = values.flatMap((value) => follow(value, step));
    return values;
  };
}
