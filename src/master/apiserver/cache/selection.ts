import { objectKey } from '../../../api/facts/keys.js';
import type { FieldGetters, KindDeclaration } from '../../../api/kind.js';
import type { Requirement } from '../../../api/facts/selectors.js';
import type { FieldTerm } from '../../../api/facts/field-terms.js';
import { readTerms } from '../../../api/facts/field-terms.js';
import { parseLabelSelector, SelectorError } from '../../../api/facts/selector-text.js';
import { matchesRequirements } from '../../../api/facts/selectors.js';
import { badRequest } from '../status.js';
import type { Entry, Facts } from './entry.js';
import type { Interest } from './observers.js';
import type { ResourceCache } from './resource-cache.js';

/** Label and field selectors of one list or watch. */
export class Selection {
  readonly labels: readonly Requirement[];
  readonly fields: readonly FieldTerm[];
  /** Set when the selection can match at most this one name. */
  readonly name: string | undefined;

  constructor(labels: readonly Requirement[], fields: readonly FieldTerm[]) {
    this.labels = labels;
    this.fields = fields;
    this.name = fields.find((term) => term.equal && term.field === 'metadata.name')?.value;
  }

  /** A value that every object of the selection has in one of its fields. */
  get interest(): Interest | undefined {
    return this.fields.find((term) => term.equal);
  }

  get isEmpty(): boolean {
    return this.labels.length === 0 && this.fields.length === 0;
  }

  matches(entry: Entry, getters: FieldGetters): boolean {
    return this.isEmpty || this.matchesFacts(entry.facts(getters));
  }

  matchesFacts(facts: Facts): boolean {
    for (const term of this.fields) {
      if (((facts.fields[term.field] ?? '') === term.value) !== term.equal) return false;
    }
    return matchesRequirements(this.labels, facts.labels);
  }

  /** Entries of the cache that may match, by the best index there is. */
  *candidates(cache: ResourceCache, namespace: string): Generator<Entry> {
    if (this.name !== undefined) {
      const entry = cache.get(objectKey({ namespace, name: this.name }));
      if (entry !== undefined) yield entry;
      // In all namespaces, objects of a namespaced kind have other keys than the name.
      if (entry !== undefined || namespace !== '') return;
    }
    for (const term of this.fields) {
      if (!term.equal) continue;
      const found = cache.byIndex(term.field, term.value);
      if (found === undefined) continue;
      for (const entry of found) {
        if (namespace === '' || entry.namespace === namespace) yield entry;
      }
      return;
    }
    yield* cache.list(namespace);
  }
}

/** Everything. */
export const everything = new Selection([], []);

/** Parses a field selector whose fields the kind must have. @throws StatusError BadRequest */
export function parseFieldSelector(text: string, kind: KindDeclaration): readonly FieldTerm[] {
  const terms = readTerms(text);
  if (typeof terms === 'string') throw badRequest(terms);
  const strange = terms.find(({ field }) => !isSelectable(field, kind));
  if (strange !== undefined) throw badRequest(unknownField(strange.field, kind));
  return terms;
}

/** A kind without fields of its own is refused them in the words that all such kinds share, as in Kubernetes. */
function unknownField(field: string, kind: KindDeclaration): string {
  if (kind.kind === 'Job' && kind.group === 'batch') {
    return `field label ${JSON.stringify(field)} not supported for Job`;
  }
  if (kind.custom || Object.keys(kind.fields).length > 0) {
    return `field label not supported: ${field}`;
  }
  const known = 'only "metadata.name", "metadata.namespace"';
  return `${JSON.stringify(field)} is not a known field selector: ${known}`;
}

function isSelectable(field: string, kind: KindDeclaration): boolean {
  if (field === 'metadata.name') return true;
  if (field === 'metadata.namespace') return kind.namespaced || !kind.custom;
  return Object.hasOwn(kind.fields, field);
}

/** Both selectors of a request. @throws StatusError BadRequest */
export function parseSelection(
  kind: KindDeclaration,
  labelSelector: string,
  fieldSelector: string,
): Selection {
  if (labelSelector === '' && fieldSelector === '') return everything;
  try {
    const labels = parseLabelSelector(labelSelector);
    return new Selection(labels, parseFieldSelector(fieldSelector, kind));
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}
