/**
 * The way from client-side apply (`kubectl apply`) to server-side apply (`kubectl apply --server-side`), as the field
 * manager `kubectl` goes it: what the annotation of the former says is no conflict, and the annotation is kept true.
 */
import type { KindDeclaration } from '../kind.js';
import type { KubeObject } from '../object.js';
import { isJsonObject, textOf } from '../object.js';
import { areAnnotations } from '../validation/checks.js';
import type { FieldSet } from './field-set.js';
import { emptySet, recursiveDifference, union } from './field-set.js';
import { compare, setOf } from './typed.js';
import { formatJson, parseJson } from '../../lib/json.js';

/** The annotation of client-side apply. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** The manager that kubectl names in server-side apply. */
export const kubectlManager = 'kubectl';

/** Fields of which the annotation says what the live object has: `kubectl` may take them over. */
export function allowedByLastApplied(kind: KindDeclaration, live: KubeObject): FieldSet {
  const text = live.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return emptySet;
  let applied: unknown;
  try {
    applied = parseJson(text);
  } catch {
    return emptySet;
  }
  if (!isJsonObject(applied) || textOf(applied, 'apiVersion') !== live.apiVersion) return emptySet;
  const { modified, added, removed } = compare(kind.schema, applied, live);
  const different = union(union(modified, added), removed);
  return recursiveDifference(setOf(kind.schema, applied), different);
}

/** Writes the configuration into the annotation, in place, where the live object has it; drops one that is too long. */
export function syncLastApplied(
  object: KubeObject,
  live: KubeObject | undefined,
  config: KubeObject,
): void {
  if (live?.metadata.annotations?.[lastAppliedAnnotation] === undefined) return;
  const { [lastAppliedAnnotation]: _before, ...annotations } = config.metadata.annotations ?? {};
  const metadata = { ...config.metadata, annotations };
  if (Object.keys(annotations).length === 0)
    delete (metadata as Partial<typeof metadata>).annotations;
  const text = `${formatJson(sorted({ ...config, metadata }))}\n`;
  const next = { ...object.metadata.annotations, [lastAppliedAnnotation]: text };
  const errors: Parameters<typeof areAnnotations>[2] = [];
  areAnnotations(next, 'metadata.annotations', errors);
  if (errors.length > 0) delete (next as Partial<typeof next>)[lastAppliedAnnotation];
  object.metadata.annotations = next;
}

/** With keys in order, as Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
