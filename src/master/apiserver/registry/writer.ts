import { objectKey } from '../../../api/facts/keys.js';
import {
  applyDefaults,
  isReadyToGo,
  prepareCreate,
  prepareSubresourceUpdate,
  prepareUpdate,
  validateCreate,
  validateSubresourceUpdate,
  validateUpdate,
} from '../../../api/strategy.js';
import type { FieldError } from '../../../api/field-error.js';
import { invalid } from '../../../api/field-error.js';
import type { Subresource } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Namespace } from '../../../api/types/core.js';
import { dedupeOwners, repeatedOwnersWarning } from '../../../api/validation/metadata.js';
import { unchanging } from '../../../lib/assert.js';
import {
  alreadyExists,
  badRequest,
  conflict,
  failure,
  invalidObject,
  isStatusError,
  noSuchResource,
  internal,
} from '../status.js';
import { kindPrefix } from '../storage/keys.js';
import { trackFields } from './field-tracker.js';
import { generateName } from './names.js';
import type { Objects } from './objects.js';
import type { Admission, AdmissionRequest, RequestContext, Written } from './types.js';
import { errorTarget } from './types.js';
import type { Check, RuleTurns } from './validation.js';
import { errorsOf } from './validation.js';
import { formatJson } from '../../../lib/json.js';

/** The source of an update: the body of a PUT, or a patch's effect on the present object. */
export interface UpdateSource {
  /**
   * @param old the present object, which stays as it is; undefined while it does not exist and may be created
   * @returns a new object, which may share with `old` what no schema describes
   */
  next(old: KubeObject | undefined): Promise<KubeObject> | KubeObject;
  /** True when the object is made if it is not there. */
  readonly createsMissing: boolean;
  /** True when managed fields are already right (server-side apply). */
  readonly tracksFields: boolean;
  /** True for a patch, which may not touch the uid; a PUT names the uid as its precondition. */
  readonly isPatch?: boolean;
  /** The subresource that managed fields are noted under, where it is not the target's own (`scale`). */
  readonly through?: string | undefined;
  /** Admission of such a subresource sees its own kind of objects, and may change the one to be. */
  readonly shown?: ShownAs | undefined;
}

/** The objects of a subresource that is written by way of the whole object. */
export interface ShownAs {
  of(object: KubeObject): KubeObject;
  /** Takes what admission has made of the object into the whole one. */
  take(shown: KubeObject, whole: KubeObject): void;
}

const generateAttempts = 8;

/** Takes objects through defaulting, admission and validation into the store. */
export class Writer {
  readonly #objects: Objects;
  readonly #admission: Admission;
  readonly #mayCreate: (context: RequestContext) => Promise<void>;
  readonly #rules: RuleTurns | undefined;

  /**
   * @param options `mayCreate` throws when the user of an update may not create what is not there; without `rules`
   *   those of custom kinds are evaluated at once, however long they take
   */
  constructor(options: {
    readonly objects: Objects;
    readonly admission: Admission;
    readonly mayCreate: (context: RequestContext) => Promise<void>;
    readonly rules?: RuleTurns | undefined;
  }) {
    this.#rules = options.rules;
    this.#objects = options.objects;
    this.#admission = options.admission;
    this.#mayCreate = options.mayCreate;
  }

  /** Creates a decoded object. `tracked`: managed fields are in it already. */
  async create(context: RequestContext, object: KubeObject, tracked = false): Promise<Written> {
    const { kind, namespace } = context.target;
    checkNamespace(context, object);
    applyDefaults(kind, object);
    const { metadata } = object;
    const generates = metadata.name === '' || metadata.name === undefined;
    metadata.uid = this.#objects.random.uuid();
    const now = this.#objects.now();
    metadata.creationTimestamp = now;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    if (kind.namespaced) metadata.namespace = namespace;
    else delete metadata.namespace;
    prepareCreate(kind, object, { now });
    if (generates && (metadata.generateName ?? '') !== '') {
      metadata.name = generateName(metadata.generateName ?? '', this.#objects.random);
    }
    const request: AdmissionRequest = { operation: 'CREATE', context, object, old: undefined };
    if (!tracked) trackFields(context, object, undefined, now);
    await this.#admission.mutate(request);
    dropRepeatedOwners(context, object);
    await this.#refuseInvalid({
      context,
      object,
      old: undefined,
      errors: (checked, effort) =>
        validateCreate(checked, object, { warnings: context.warnings, effort }),
    });
    for (const text of kind.warnings?.(object, undefined) ?? []) context.warnings.push(text);
    await this.#admission.validate(request);
    try {
      // The store says so, when everybody else has had a say.
      if (!isUnset(metadata.resourceVersion)) {
        throw failure(500, '', 'resourceVersion should not be set on objects to be created');
      }
      delete metadata.resourceVersion;
      return await this.#insert(context, object, generates);
    } catch (error) {
      await this.#admission.abandon?.(request);
      throw error;
    }
  }

  async #insert(context: RequestContext, object: KubeObject, generates: boolean): Promise<Written> {
    const { kind, namespace } = context.target;
    for (let attempt = 1; ; attempt++) {
      const place = { kind, namespace, name: object.metadata.name };
      if (context.options.dryRun) return this.#pretend(context, object);
      try {
        return { ...(await this.#objects.create(place, object)), created: true };
      } catch (error) {
        const taken = isStatusError(error, 'AlreadyExists');
        if (!taken || !generates || attempt >= generateAttempts) throw error;
        object.metadata.name = generateName(
          object.metadata.generateName ?? '',
          this.#objects.random,
        );
      }
    }
  }

  #pretend(context: RequestContext, object: KubeObject): Written {
    const { kind, namespace } = context.target;
    const place = { kind, namespace, name: object.metadata.name };
    if (this.#objects.cached(place) !== undefined) {
      throw isTaken(context, object.metadata.name);
    }
    this.#objects.pretend(place, object, undefined);
    return { bytes: encode(object), object, created: true, deleted: false };
  }

  /** Updates an object, or one of its subresources that take the whole object. */
  async update(context: RequestContext, source: UpdateSource): Promise<Written> {
    const { kind, namespace, name, subresource } = context.target;
    const place = { kind, namespace, name };
    try {
      let dry: KubeObject | undefined;
      let last: KubeObject | undefined;
      const result = await this.#objects.change(place, async (old) => {
        const next = await this.#prepare(context, source, old);
        if (context.options.dryRun) {
          this.#objects.pretend(place, next, old);
          dry = next;
          return { next: old, isDry: true };
        }
        last = shouldRemove(next, old) ? next : undefined;
        return { next: last === undefined ? next : undefined };
      });
      if (dry !== undefined) {
        return { bytes: encode(dry), object: dry, created: false, deleted: false };
      }
      if (last !== undefined) {
        // The answer shows what the object was made, though nothing holds it any more.
        const { resourceVersion = '' } = result.object.metadata;
        const object = { ...last, metadata: { ...last.metadata, resourceVersion } };
        return { ...result, bytes: encode(object), object, created: false };
      }
      return { ...result, created: false };
    } catch (error) {
      await this.#abandonUpdate(context);
      const missing = isStatusError(error, 'NotFound');
      if (!missing || !source.createsMissing || subresource !== '') throw error;
      await this.#mayCreate(context);
      const object = await source.next(undefined);
      if ((object.metadata.uid ?? '') !== '') throw goneWithUid(context, object);
      object.metadata.name = name;
      // An update that creates is not held to the version that it saw before, unlike a create.
      delete object.metadata.resourceVersion;
      return this.create(context, object, source.tracksFields);
    }
  }

  async #abandonUpdate(context: RequestContext): Promise<void> {
    const request = { operation: 'UPDATE', context, object: undefined, old: undefined } as const;
    await this.#admission.abandon?.(request);
  }

  async #prepare(
    context: RequestContext,
    source: UpdateSource,
    old: KubeObject,
  ): Promise<KubeObject> {
    const { kind, subresource } = context.target;
    const next = await source.next(unchanging(old));
    const now = this.#objects.now();
    checkNames(context, next);
    checkVersion(context, next, old, source.isPatch === true);
    applyDefaults(kind, next);
    const part = this.#subresource(context);
    if (part === undefined) prepareUpdate(kind, next, old, { now });
    else prepareSubresourceUpdate(kind, part, next, old);
    const request = updateRequest(context, source, next, old);
    if (!source.tracksFields) trackFields(trackedContext(context, source), next, old, now);
    await this.#admission.mutate(request);
    if (request.object !== undefined) source.shown?.take(request.object, next);
    next.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
    dropRepeatedOwners(context, next);
    await this.#refuseInvalid({
      context,
      object: next,
      old,
      errors: (checked, effort) => {
        const notes = { warnings: context.warnings, effort };
        return part === undefined
          ? validateUpdate(checked, next, old, notes)
          : validateSubresourceUpdate(checked, part, next, old, notes);
      },
    });
    if (subresource === '') {
      for (const text of kind.warnings?.(next, old) ?? []) context.warnings.push(text);
    }
    await this.#admission.validate(request);
    return next;
  }

  async #refuseInvalid(check: Check): Promise<void> {
    const found = errorsOf(check, this.#rules);
    refuseInvalid(check.context, check.object, found instanceof Promise ? await found : found);
  }

  #subresource(context: RequestContext): Subresource | undefined {
    const { kind, subresource } = context.target;
    if (subresource === '') return undefined;
    const part = kind.subresources.find((candidate) => candidate.name === subresource);
    if (part === undefined) throw noSuchResource();
    return part;
  }
}

/** True for a resourceVersion that says nothing. */
function isUnset(version: string | undefined): boolean {
  return version === undefined || version === '' || version === '0';
}

function updateRequest(
  context: RequestContext,
  source: UpdateSource,
  next: KubeObject,
  old: KubeObject,
): AdmissionRequest {
  const { shown } = source;
  if (shown === undefined) return { operation: 'UPDATE', context, object: next, old };
  const own = trackedContext(context, source);
  return { operation: 'UPDATE', context: own, object: shown.of(next), old: shown.of(old) };
}

function trackedContext(context: RequestContext, { through }: UpdateSource): RequestContext {
  if (through === undefined) return context;
  return { ...context, target: { ...context.target, subresource: through } };
}

function dropRepeatedOwners(context: RequestContext, object: KubeObject): void {
  const repeated = dedupeOwners(object.metadata);
  if (repeated.length > 0) context.warnings.push(repeatedOwnersWarning(repeated));
}

function encode(object: KubeObject): Buffer {
  return Buffer.from(formatJson(object));
}

function isTaken(context: RequestContext, name: string): Error {
  const { kind } = context.target;
  return alreadyExists(errorTarget(kind), name);
}

function goneWithUid(context: RequestContext, object: KubeObject): Error {
  const { kind, name } = context.target;
  const uid = object.metadata.uid ?? '';
  return conflict(errorTarget(kind), name, wrongUid(context, uid, ''));
}

/** The text of apiserver's storage layer for an object that is not the one that was meant. */
export function wrongUid(context: RequestContext, wanted: string, present: string): string {
  const { kind, namespace, name } = context.target;
  const key = kindPrefix(kind) + objectKey({ namespace, name });
  return (
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, ` +
    `AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, ` +
    `UID in object meta: ${present}`
  );
}

/** Fills in or refuses the body's namespace. */
function checkNamespace(context: RequestContext, object: KubeObject): void {
  const { namespace } = context.target;
  const given = object.metadata.namespace ?? '';
  if (context.target.kind.namespaced && given !== '' && given !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
}

function checkNames(context: RequestContext, next: KubeObject): void {
  const { name } = context.target;
  const given = next.metadata.name ?? '';
  if (given === '') next.metadata.name = name;
  else if (given !== name) {
    throw badRequest(
      `the name of the object (${given}) does not match the name on the URL (${name})`,
    );
  }
  checkNamespace(context, next);
  if (context.target.kind.namespaced) next.metadata.namespace = context.target.namespace;
  else delete next.metadata.namespace;
}

/** Optimistic concurrency: the body's resourceVersion and uid must be the present ones. */
function checkVersion(
  context: RequestContext,
  next: KubeObject,
  old: KubeObject,
  isPatch: boolean,
): void {
  const { kind, name } = context.target;
  const version = next.metadata.resourceVersion ?? '';
  const uid = next.metadata.uid ?? '';
  if (uid !== '' && uid !== old.metadata.uid) {
    const error = invalid('metadata.uid', uid, 'field is immutable');
    throw isPatch
      ? invalidObject({ group: kind.storage.group, kind: kind.kind, name }, [error])
      : conflict(errorTarget(kind), name, wrongUid(context, uid, old.metadata.uid ?? ''));
  }
  if (version === '' || version === '0') {
    if (kind.allowUnconditionalUpdate) return;
    const error: FieldError = {
      type: 'FieldValueInvalid',
      field: 'metadata.resourceVersion',
      body: 'Invalid value: 0x0: must be specified for an update',
    };
    // The resource's name stands where other errors of validation have the kind's.
    throw invalidObject({ group: kind.storage.group, kind: kind.plural, name }, [error]);
  }
  if (version !== old.metadata.resourceVersion) {
    if (!/^\d+$/.test(version)) {
      throw internal(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
    }
    throw conflict(errorTarget(kind), name);
  }
}

function refuseInvalid(
  context: RequestContext,
  object: KubeObject,
  errors: readonly FieldError[],
): void {
  if (errors.length === 0) return;
  const { kind } = context.target;
  const name = object.metadata.name ?? '';
  throw invalidObject({ group: kind.storage.group, kind: kind.kind, name }, errors);
}

/** True when this write took away the last thing that held a deleted object. */
function shouldRemove(next: KubeObject, old: KubeObject): boolean {
  if (!isReadyToGo(next)) return false;
  if (next.kind === 'Namespace') {
    const { spec } = next as Namespace;
    return (spec?.finalizers?.length ?? 0) === 0;
  }
  return (old.metadata.finalizers?.length ?? 0) > 0;
}
