/** Field selectors: `status.phase=Running,metadata.name!=x`, with Kubernetes' texts for errors. */
import type { KindDeclaration } from './kind.js';
import type { KubeObject } from './object.js';

/** One term; all must hold. */
export interface FieldTerm {
  readonly field: string;
  readonly isEqual: boolean;
  readonly value: string;
}

/** A field selector that cannot be used (HTTP 400). Definite, not retryable. */
export class FieldSelectorError extends Error {
  readonly code = 'BAD_FIELD_SELECTOR';
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let current = '';
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] ?? '';
    if (char === '\\') {
      current += char + (text[i + 1] ?? '');
      i += 1;
    } else if (char === ',') {
      terms.push(current);
      current = '';
    } else current += char;
  }
  terms.push(current);
  return terms.filter((term) => term !== '');
}

function unescape(value: string): string {
  return value.replace(/\\([\\,=])/g, '$1');
}

/**
 * Parses a field selector.
 * @throws FieldSelectorError when a term has no operator.
 */
export function parseFieldSelector(text: string): readonly FieldTerm[] {
  return splitTerms(text).map((term) => {
    const match = /^((?:[^\\=!]|\\.)*)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) {
      throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = '', operator, value = ''] = match;
    return { field: field.trim(), isEqual: operator !== '!=', value: unescape(value.trim()) };
  });
}

/** Reads a selectable field of an object. */
export type FieldGetter = (object: KubeObject) => string;

/** The getter of a field of a kind; undefined when it cannot be selected by. */
export function fieldGetter(kind: KindDeclaration, field: string): FieldGetter | undefined {
  if (field === 'metadata.name') return (object) => object.metadata.name ?? '';
  if (field === 'metadata.namespace') {
    return kind.namespaced ? (object) => object.metadata.namespace ?? '' : () => '';
  }
  return Object.hasOwn(kind.fields, field) ? kind.fields[field] : undefined;
}

/**
 * A predicate from terms.
 * @throws FieldSelectorError when a field cannot be selected by.
 */
export function compileFieldSelector(
  kind: KindDeclaration,
  terms: readonly FieldTerm[],
): (object: KubeObject) => boolean {
  const compiled = terms.map((term) => {
    const getter = fieldGetter(kind, term.field);
    if (getter === undefined) {
      throw new FieldSelectorError(`field label not supported: ${term.field}`);
    }
    return { getter, term };
  });
  return (object) =>
    compiled.every(({ getter, term }) => (getter(object) === term.value) === term.isEqual);
}
