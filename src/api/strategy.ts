/**
 * The steps of an object on its way into the store, for every kind alike. See `kind.ts` for the order of the steps. All
 * functions change their first object in place; callers own it.
 */
import type { Effort } from './cel/effort.js';
import { cloneJson } from './clone.js';
import { dropGatedFields } from './core/pod-gates.js';
import { semanticEqual } from './equal.js';
import type { FieldError } from './field-error.js';
import type { DecodableKind, HookContext, KindDeclaration, Subresource } from './kind.js';
import type { KubeObject } from './object.js';
import { isJsonObject, textOf } from './object.js';
import { DecodeError, decodeValue, jsonType } from './schema/decode.js';
import { objectMeta } from './schema/meta.js';
import { prune } from './apiextensions/structural.js';
import { applySchemaDefaults } from './schema/defaults.js';
import { validateFields } from './schema/validate.js';
import { apiVersionOf, validateMetadata, validateMetadataUpdate } from './validation/metadata.js';

/** An object read from a request. */
export interface Decoded {
  readonly object: KubeObject;
  /** Texts such as `unknown field "spec.foo"`; an error in Strict mode, warnings in Warn mode. */
  readonly problems: readonly string[];
}

/** Fields of an object of any kind. */
type AnyObject = KubeObject & Record<string, unknown>;

/** `Deployment in version "v1" cannot be handled as a Deployment: …`. */
export function cannotHandle(kind: { kind: string; version: string }, detail: string): string {
  return `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${detail}`;
}

/** The text of a BadRequest for unknown and duplicate fields in Strict mode. */
export function strictDecodingError(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(', ')}`;
}

/**
 * Decodes a request's body as an object of a kind. The result is a new object.
 * @throws DecodeError with the text that Kubernetes gives (HTTP 400).
 */
export function decodeObject(kind: DecodableKind, value: unknown): Decoded {
  if (!isJsonObject(value)) {
    throw new DecodeError(
      "couldn't get version/kind; json parse error: json: cannot unmarshal " +
        `${jsonType(value)} into Go value of type struct ` +
        '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    );
  }
  const apiVersion = textOf(value, 'apiVersion');
  const kindName = textOf(value, 'kind');
  const expected = apiVersionOf(kind);
  if (
    (kindName !== '' && kindName !== kind.kind) ||
    (apiVersion !== '' && apiVersion !== expected)
  ) {
    const given = `${apiVersion || expected}, Kind=${kindName || kind.kind}`;
    throw new DecodeError(
      `the API version in the data (${apiVersion || expected}) does not match the expected API version (${expected})`.concat(
        apiVersion === expected || apiVersion === '' ? ` for ${given}` : '',
      ),
    );
  }
  let decoded: { value: unknown; problems: readonly string[] };
  try {
    decoded = kind.custom ? decodeCustom(kind, value) : decodeValue(kind.schema, value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(cannotHandle(kind, error.message), { cause: error });
  }
  const object = decoded.value as KubeObject;
  object.apiVersion = expected;
  object.kind = kind.kind;
  object.metadata ??= {} as KubeObject['metadata'];
  return { object, problems: decoded.problems };
}

/** Custom objects are pruned; wrong types are left to validation, as Kubernetes does. */
function decodeCustom(
  kind: DecodableKind,
  value: Record<string, unknown>,
): { value: unknown; problems: readonly string[] } {
  const problems: string[] = [];
  const { metadata, ...rest } = value;
  const object = prune(kind.schema, rest, '', problems) as Record<string, unknown>;
  const decoded = decodeValue(objectMeta, metadata ?? {});
  object['metadata'] = decoded.value;
  const named = decoded.problems.map((text) => text.replace('"', '"metadata.'));
  return { value: object, problems: [...problems, ...named] };
}

/** Fills all defaults, in place. */
export function applyDefaults(kind: KindDeclaration, object: KubeObject): void {
  applySchemaDefaults(kind.schema, object);
  kind.setDefaults?.(object);
}

/** Resets what a client may not set on creation, and canonicalizes. */
export function prepareCreate(
  kind: KindDeclaration,
  object: KubeObject,
  context: HookContext,
): void {
  const any = object as AnyObject;
  if (kind.hasStatus && kind.keepsStatusOnCreate !== true) {
    if (kind.custom) delete any['status'];
    else any['status'] = {};
  }
  delete object.metadata.selfLink;
  if (kind.hasGeneration) object.metadata.generation = 1;
  else delete object.metadata.generation;
  kind.prepareCreate?.(object, context);
  dropGatedFields(kind.podSpec?.(object), undefined);
  if (kind.hasStatus && !kind.custom) applySchemaDefaults(kind.schema, object);
}

/** Fields of metadata that no update changes. */
const keptMetadata = [
  'uid',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** Tells whether another value of a field is for validation to refuse; any other field is put back without a word. */
function isChecked(name: (typeof keptMetadata)[number], before: unknown): boolean {
  if (name === 'deletionTimestamp') return before === undefined;
  return name === 'uid' || name === 'deletionGracePeriodSeconds';
}

function keepMetadata(next: KubeObject, old: KubeObject): void {
  const to: { -readonly [K in keyof typeof next.metadata]?: unknown } = next.metadata;
  for (const name of keptMetadata) {
    const value = old.metadata[name];
    if (isChecked(name, value) && to[name] !== undefined) continue;
    if (value === undefined) delete to[name];
    else to[name] = value;
  }
  delete to.selfLink;
}

/** True when something other than metadata and status differs. */
function specChanged(next: KubeObject, old: KubeObject): boolean {
  const [a, b] = [next as AnyObject, old as AnyObject];
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of ['apiVersion', 'kind', 'metadata', 'status']) names.delete(name);
  return [...names].some((name) => !semanticEqual(a[name], b[name]));
}

/** Prepares a plain update: the status stays, the generation grows when the spec changed. */
export function prepareUpdate(
  kind: KindDeclaration,
  next: KubeObject,
  old: KubeObject,
  context: HookContext,
): void {
  if (kind.hasStatus) keepField(next as AnyObject, old as AnyObject, 'status');
  keepMetadata(next, old);
  kind.prepareUpdate?.(next, old, context);
  dropGatedFields(kind.podSpec?.(next), kind.podSpec?.(old));
  if (kind.hasGeneration && specChanged(next, old)) {
    next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
}

function keepField(next: AnyObject, old: AnyObject, name: string): void {
  if (old[name] === undefined) delete next[name];
  else next[name] = cloneJson(old[name]);
}

/** Prepares a write through `/status`: only status and (some) metadata are taken. */
export function prepareStatusUpdate(
  kind: KindDeclaration,
  next: KubeObject,
  old: KubeObject,
): void {
  const [a, b] = [next as AnyObject, old as AnyObject];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (['status', 'metadata', 'apiVersion', 'kind'].includes(name)) continue;
    keepField(a, b, name);
  }
  keepMetadata(next, old);
  keepStatusMetadata(kind, next, old);
}

type KeptField = 'annotations' | 'finalizers' | 'labels' | 'ownerReferences';

const keptByStatus: Readonly<Record<'labels' | 'metadata' | 'owners', readonly KeptField[]>> = {
  labels: ['labels'],
  owners: ['ownerReferences'],
  metadata: ['ownerReferences', 'finalizers', 'labels', 'annotations'],
};

/** Metadata that a write through `/status` leaves as it is. */
function keepStatusMetadata(kind: KindDeclaration, next: KubeObject, old: KubeObject): void {
  const to: { -readonly [K in KeptField]?: unknown } = next.metadata;
  const keeps = kind.custom ? 'metadata' : kind.statusKeeps;
  for (const name of keeps === undefined ? [] : keptByStatus[keeps]) {
    const value = old.metadata[name];
    if (value === undefined) delete to[name];
    else to[name] = value;
  }
}

/** Prepares a write through another subresource that takes the object itself. */
export function prepareSubresourceUpdate(
  kind: KindDeclaration,
  subresource: Subresource,
  next: KubeObject,
  old: KubeObject,
): void {
  if (subresource.name === 'status' && subresource.prepareUpdate === undefined) {
    prepareStatusUpdate(kind, next, old);
    return;
  }
  keepMetadata(next, old);
  if (subresource.name === 'status') keepStatusMetadata(kind, next, old);
  subresource.prepareUpdate?.(next, old);
  dropGatedFields(kind.podSpec?.(next), kind.podSpec?.(old));
  if (subresource.name !== 'status' && kind.hasGeneration && specChanged(next, old)) {
    next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
}

/** What a validation takes along. */
export interface ValidationNotes {
  /** Takes what is wrong and was so before, and is therefore let pass. */
  readonly warnings: string[];
  /** Bounds what rules of custom kinds do on the event loop. */
  readonly effort?: Effort | undefined;
}

/**
 * All that is wrong with a new object; empty when it may be stored.
 * @throws EffortError when the effort is used up
 */
export function validateCreate(
  kind: KindDeclaration,
  object: KubeObject,
  notes: ValidationNotes = { warnings: [] },
): FieldError[] {
  return validateObject(kind, object, undefined, notes).concat(kind.validateCreate?.(object) ?? []);
}

function validateObject(
  kind: KindDeclaration,
  object: KubeObject,
  old: KubeObject | undefined,
  { warnings, effort }: ValidationNotes,
): FieldError[] {
  const errors = kind.virtual ? [] : validateMetadata(kind, object);
  if (!kind.custom) validateFields(kind.schema, object, errors);
  // Not by a spread: that many arguments would not fit the stack.
  return errors.concat(kind.validate?.(object, old, warnings, effort) ?? []);
}

/**
 * All that is wrong with an update. What was wrong with the object before, and just so, is let pass: earlier builds
 * checked less, and what they stored must still be scaled, labelled, mended piece by piece and rid of its finalizers.
 * Custom kinds have rules of their own for that.
 * @throws EffortError when the effort is used up
 */
export function validateUpdate(
  kind: KindDeclaration,
  next: KubeObject,
  old: KubeObject,
  notes: ValidationNotes = { warnings: [] },
): FieldError[] {
  const errors = letPass(kind, validateObject(kind, next, old, notes), old, (before) =>
    validateObject(kind, before, before, { warnings: [], effort: notes.effort }),
  );
  return validateMetadataUpdate(next, old).concat(errors, kind.validateUpdate?.(next, old) ?? []);
}

/** Drops the errors that the object had before already. */
function letPass(
  kind: KindDeclaration,
  errors: readonly FieldError[],
  old: KubeObject,
  errorsOf: (before: KubeObject) => readonly FieldError[],
): readonly FieldError[] {
  if (kind.custom || errors.length === 0) return errors;
  const before = cloneJson(old);
  applyDefaults(kind, before);
  // By field and text apart: thousands of errors may share one long text, which is not to be copied for each.
  const known = new Map<string, Set<string>>();
  for (const { field, body } of errorsOf(before)) {
    const bodies = known.get(field);
    if (bodies === undefined) known.set(field, new Set([body]));
    else bodies.add(body);
  }
  return errors.filter(({ field, body }) => known.get(field)?.has(body) !== true);
}

/**
 * All that is wrong with a write through a subresource, but for what was so before.
 * @throws EffortError when the effort is used up
 */
export function validateSubresourceUpdate(
  kind: KindDeclaration,
  subresource: Subresource,
  next: KubeObject,
  old: KubeObject,
  { warnings, effort }: ValidationNotes = { warnings: [] },
): FieldError[] {
  return validateMetadataUpdate(next, old).concat(
    validateMetadata(kind, next),
    kind.custom ? (kind.validate?.(next, old, warnings, effort) ?? []) : [],
    letPass(
      kind,
      subresource.validateUpdate?.(next, old) ?? [],
      old,
      (before) => subresource.validateUpdate?.(before, before) ?? [],
    ),
  );
}

/** True when the old object could be deleted now: it was marked and has no finalizers left. */
export function isReadyToGo(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined || (finalizers?.length ?? 0) > 0) return false;
  return (deletionGracePeriodSeconds ?? 0) === 0;
}
