/** Asks our own pipeline of a write (decode, defaults, prepare, validate) what a genuine API server was asked. */
import { builtInRegistry } from '../../../src/api/kinds.js';
import type { KindDeclaration } from '../../../src/api/kind.js';
import type { KubeObject } from '../../../src/api/object.js';
import { undeterminable } from '../../../src/master/apiserver/status.js';
import { dedupeOwners } from '../../../src/api/validation/metadata.js';
import { DecodeError } from '../../../src/api/schema/decode.js';
import {
  applyDefaults,
  decodeObject,
  prepareCreate,
  prepareUpdate,
  validateCreate,
  validateUpdate,
} from '../../../src/api/strategy.js';
import type { Change } from './answers.js';
import { answerText } from './answers.js';
import type { Sample } from './samples.js';

const registry = builtInRegistry();
const now = '2024-01-01T00:00:00Z';
const uid = '6f1c1d9e-7f5c-4a43-9a55-0d5d3f4c7f11';

/** The kind of a sample. */
export function kindOf({ object }: Sample): KindDeclaration {
  const [group, version] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  const kind = registry.byKind(group ?? '', version ?? '', object.kind);
  if (kind === undefined) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
  return kind;
}

function decoded(kind: KindDeclaration, body: unknown): KubeObject {
  const { object } = decodeObject(kind, body);
  applyDefaults(kind, object);
  return object;
}

/** As the API server does before all else: the path names the namespace, and the body may not name another. */
function checkNamespace(kind: KindDeclaration, { metadata }: KubeObject): void {
  if (!kind.namespaced) return;
  metadata.namespace ??= 'default';
  if (metadata.namespace !== 'default')
    throw new DecodeError(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
}

/** The object as it is stored after a creation, before validation. */
export function created(kind: KindDeclaration, body: unknown): KubeObject {
  const object = decoded(kind, body);
  checkNamespace(kind, object);
  object.metadata.uid = uid;
  object.metadata.creationTimestamp = now;
  delete object.metadata.resourceVersion;
  dedupeOwners(object.metadata);
  const { generateName = '' } = object.metadata;
  prepareCreate(kind, object, { now });
  if ((object.metadata.name ?? '') === '' && generateName !== '')
    object.metadata.name = `${generateName}abcde`;
  return object;
}

/** The object as its updates find it: definitions were established when answers were recorded. */
export function stored(kind: KindDeclaration, body: unknown): KubeObject {
  const object: KubeObject & { status?: object } = created(kind, body);
  if (kind.kind === 'CustomResourceDefinition')
    object.status = { ...object.status, conditions: [{ type: 'Established', status: 'True' }] };
  return object;
}

/** Our answer to a creation, in the words of recorded answers. */
export function answerToCreate(kind: KindDeclaration, body: unknown, change: Change): string {
  return answered(change, () => validateCreate(kind, created(kind, body)));
}

/** Our answer to an update. */
export function answerToUpdate(
  kind: KindDeclaration,
  old: KubeObject,
  body: unknown,
  change: Change,
): string {
  return answered(change, () => {
    const next = decoded(kind, body);
    checkNamespace(kind, next);
    if ((next.metadata.name ?? '') === '')
      throw new DecodeError(undeterminable(old.metadata.name ?? '').message);
    dedupeOwners(next.metadata);
    prepareUpdate(kind, next, old, { now });
    next.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
    return validateUpdate(kind, next, old);
  });
}

function answered(change: Change, errors: () => ReturnType<typeof validateCreate>): string {
  try {
    const found = errors();
    const causes = found.map(({ type, field: at, body }) => ({
      reason: type,
      field: at,
      message: body,
    }));
    return answerText({ code: found.length === 0 ? 201 : 422, message: '', causes }, change);
  } catch (error) {
    if (error instanceof DecodeError) {
      return answerText({ code: 400, message: error.message, causes: [] }, change);
    }
    return `500 ${error instanceof Error ? error.message : 'thrown'}`;
  }
}
