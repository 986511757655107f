import { trackUpdate } from '../../../api/apply/managed-fields.js';
import { deepEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { RequestContext } from './types.js';

/**
 * Notes in `metadata.managedFields` (server-side apply's bookkeeping) who set what by a create (`old` undefined) or an
 * update. Changes `next` in place.
 * @param now the present time, RFC 3339 with whole seconds
 */
export function trackFields(
  context: RequestContext,
  next: KubeObject,
  old: KubeObject | undefined,
  now: string,
): void {
  const { kind, subresource } = context.target;
  if (kind.virtual) return;
  const given = takeManagers(next);
  const live = subresource === '' ? withManagers(old, given) : old;
  const isReset = subresource === '' && isResetList(given);
  const kept = live?.metadata.managedFields;
  if (old !== undefined && !isReset && deepEqual(next, { ...old, metadata: bare(old) })) {
    if (kept !== undefined) next.metadata.managedFields = kept;
    return;
  }
  if (isReset) next.metadata.managedFields = [];
  const manager = context.options.fieldManager;
  trackUpdate(kind, live, next, { manager, subresource, now });
}

type Managers = KubeObject['metadata']['managedFields'];

/** Takes the client's managed fields out of its object. */
function takeManagers(next: KubeObject): Managers {
  const { managedFields } = next.metadata;
  delete next.metadata.managedFields;
  return managedFields;
}

/** Tells whether the list is empty, or one empty entry (`[{}]`): both ask for all managers to be forgotten. */
function isResetList(given: Managers): boolean {
  const [only] = given ?? [];
  if (given === undefined || only === undefined) return given !== undefined;
  return given.length === 1 && Object.keys(only).length === 0;
}

/** Clients may rewrite managers as a whole, as kubectl does when it moves to server-side apply. */
function withManagers(old: KubeObject | undefined, given: Managers): KubeObject | undefined {
  if (old === undefined || given === undefined || given.length === 0) return old;
  if (!given.every(isEntry) || deepEqual(given, old.metadata.managedFields)) return old;
  return { ...old, metadata: { ...old.metadata, managedFields: given } };
}

function isEntry(entry: NonNullable<Managers>[number]): boolean {
  const known = entry.operation === 'Apply' || entry.operation === 'Update';
  return known && entry.fieldsType === 'FieldsV1' && (entry.apiVersion ?? '') !== '';
}

function bare(object: KubeObject): KubeObject['metadata'] {
  const { managedFields: _managers, ...metadata } = object.metadata;
  return metadata;
}
