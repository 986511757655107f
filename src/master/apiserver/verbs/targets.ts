/** From a request's target to what the registry takes: places, contexts, selections. Pure. */
import { invalid } from '../../../api/field-error.js';
import type { ScalePaths } from '../../../api/kind.js';
import { textOf } from '../../../api/object.js';
import type { Selection } from '../cache/selection.js';
import { parseSelection } from '../cache/selection.js';
import type { DeleteOptions } from '../registry/deleter.js';
import type { RequestContext, Target, UserInfo, WriteOptions } from '../registry/types.js';
import { badRequest, invalidObject } from '../status.js';
import type { Call } from './call.js';
import type { Admitted } from './gate.js';
import type { WatchRequest } from './requests.js';
import type { Place } from './slots.js';

const readingVerbs: ReadonlySet<string> = new Set(['get', 'head', 'list']);

/** The place that a request takes while it runs. */
export function placeOf({ verb, sender }: Call, { flow }: Admitted): Place {
  return { kind: readingVerbs.has(verb) ? 'reading' : 'mutating', flow, sender };
}

/** True for a watch that begins with what is there. */
export function bringsState({ resourceVersion, sendInitialEvents }: WatchRequest): boolean {
  return sendInitialEvents ?? (resourceVersion === '' || resourceVersion === '0');
}

/** The options of a request that has none of a write's. */
export const plainOptions: WriteOptions = {
  dryRun: false,
  fieldManager: '',
  fieldValidation: 'Ignore',
  force: false,
};

/** The context with the `dryRun` that a body or a query asked for. */
export function withDryRun(context: RequestContext, { dryRun }: DeleteOptions): RequestContext {
  return dryRun ? { ...context, options: { ...context.options, dryRun } } : context;
}

/** The context of a request by its target. */
export function contextOf(
  user: UserInfo,
  target: Target,
  call: Call,
  options: WriteOptions,
): RequestContext {
  const { warnings } = call;
  const auditAnnotations = (call.auditAnnotations ??= new Map());
  return { user, target, options, warnings, auditAnnotations };
}

/**
 * The selection of a list, a watch or a deletecollection. A name in the request is a part of the selection, always.
 * @throws StatusError BadRequest
 */
export function selectionOf(
  target: Target,
  labelSelector: string,
  fieldSelector: string,
): Selection {
  const { kind, name } = target;
  if (name === '') return parseSelection(kind, labelSelector, fieldSelector);
  const selection = parseSelection(kind, labelSelector, fieldSelector || nameTerm(name));
  if (selection.name === name) return selection;
  throw badRequest("fieldSelector metadata.name doesn't match requested name");
}

function nameTerm(name: string): string {
  return `metadata.name=${name.replace(/[\\,=]/g, '\\$&')}`;
}

const connectSubresources = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** True for a subresource that connects to a node. */
export function isConnect({ subresource }: Target): boolean {
  return connectSubresources.has(subresource);
}

/** The refusal of a connection that was not asked for as one. */
export function upgradeNeeded(): Error {
  return badRequest('Upgrade request required');
}

/**
 * Checks that what a subresource is asked to make is for the object in the path.
 * @throws StatusError BadRequest, Invalid
 */
export function checkMadeFor(
  { name, namespace }: Target,
  kind: string,
  given: Readonly<Record<string, unknown>>,
): void {
  const [givenName, givenNamespace] = [textOf(given, 'name'), textOf(given, 'namespace')];
  if (givenNamespace !== '' && givenNamespace !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  if (givenName === name) return;
  if (kind !== 'TokenRequest') {
    throw badRequest(`name in URL does not match name in ${kind} object`);
  }
  if (givenName === '') return;
  const text = 'must match the service account name if specified';
  throw invalidObject({ group: 'authentication.k8s.io', kind, name }, [
    invalid('metadata.name', givenName, text),
  ]);
}

/** The paths of a Scale, where the target is one. */
export function scalePaths({ kind, subresource }: Target): ScalePaths | undefined {
  if (subresource === '') return undefined;
  return kind.subresources.find((part) => part.name === subresource)?.scale;
}
