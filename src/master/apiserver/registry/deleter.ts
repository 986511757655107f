import { answersWithObject } from '../../../api/facts/delete-answers.js';
import { cloneJson } from '../../../api/clone.js';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Namespace, Pod } from '../../../api/types/core.js';
import { beginTermination } from '../../../api/apiextensions/definition-status.js';
import { formatTime } from '../../../api/facts/time.js';
import { formatJson } from '../../../lib/json.js';
import { conflict, deletedStatus } from '../status.js';
import type { ChangeResult, Objects } from './objects.js';
import type { Admission, RequestContext } from './types.js';

/** Options of a delete. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun: boolean;
}

/** The answer to a DELETE: its HTTP status code and its JSON body. */
export interface Deleted {
  readonly code: number;
  readonly body: Buffer;
}

/** Deletes objects: at once, or by marking them while grace or finalizers hold them. */
export class Deleter {
  readonly #objects: Objects;
  readonly #admission: Admission;

  constructor(options: { readonly objects: Objects; readonly admission: Admission }) {
    this.#objects = options.objects;
    this.#admission = options.admission;
  }

  async delete(context: RequestContext, options: DeleteOptions): Promise<Deleted> {
    const { kind, namespace, name } = context.target;
    let gone: KubeObject | undefined;
    let marked: KubeObject | undefined;
    const result = await this.#objects.change({ kind, namespace, name }, async (old) => {
      checkPreconditions(context, options, old);
      const deletion = optionsObject(options);
      const request = { operation: 'DELETE', context, deletion, object: undefined, old } as const;
      await this.#admission.mutate(request);
      await this.#admission.validate(request);
      const next = this.#mark(kind, old, options);
      gone = next === undefined ? old : undefined;
      marked = next;
      return { next: options.dryRun ? old : next };
    });
    if (options.dryRun && marked !== undefined) {
      return this.#answer(context, options, { ...result, bytes: encoded(marked) }, gone);
    }
    return this.#answer(context, options, result, gone);
  }

  #answer(
    context: RequestContext,
    options: DeleteOptions,
    result: ChangeResult,
    gone: KubeObject | undefined,
  ): Deleted {
    const { kind, name } = context.target;
    if (gone === undefined) {
      const accepted =
        options.orphanDependents === false || options.propagationPolicy === 'Foreground';
      return { code: accepted ? 202 : 200, body: result.bytes };
    }
    if (answersWithObject(kind)) {
      const isGraceful = kind.gracePeriodSeconds !== undefined;
      return { code: 200, body: isGraceful ? this.#ended(result.object) : result.bytes };
    }
    const { code: _code, ...status } = deletedStatus(
      { group: kind.group, resource: kind.plural },
      name,
      gone.metadata.uid ?? '',
    );
    return { code: 200, body: Buffer.from(JSON.stringify(status)) };
  }

  /** An object whose grace is over, as apiserver has marked it before it took it out. */
  #ended(object: KubeObject): Buffer {
    const { metadata } = object;
    const marked = {
      deletionTimestamp: metadata.deletionTimestamp ?? this.#objects.now(),
      deletionGracePeriodSeconds: 0,
      ...(metadata.deletionTimestamp === undefined && metadata.generation !== undefined
        ? { generation: metadata.generation + 1 }
        : {}),
    };
    return encoded({ ...object, metadata: { ...metadata, ...marked } });
  }

  /** The object as it is to be stored, or undefined when it goes away at once. */
  #mark(kind: KindDeclaration, old: KubeObject, options: DeleteOptions): KubeObject | undefined {
    const next = cloneJson(old);
    setFinalizers(kind, next, options);
    if (kind.kind === 'CustomResourceDefinition' && old.metadata.deletionTimestamp === undefined) {
      beginTermination(next as CustomResourceDefinition, this.#objects.now());
    }
    const grace = graceOf(kind, old, options);
    const { metadata } = next;
    const finalizers = metadata.finalizers?.length ?? 0;
    const held = isHeldNamespace(next);
    if (grace === 0 && finalizers === 0 && !held) return undefined;
    const wasMarked = old.metadata.deletionTimestamp !== undefined;
    if (wasMarked && (old.metadata.deletionGracePeriodSeconds ?? 0) <= grace) return next;
    metadata.deletionTimestamp = wasMarked
      ? shortened(old, grace)
      : later(this.#objects.now(), grace);
    if (held) setTerminating(next);
    // Namespaces and definitions are marked by storage of their own, which knows no grace.
    if (held || kind.kind === 'CustomResourceDefinition') return next;
    metadata.deletionGracePeriodSeconds = grace;
    if (kind.hasGeneration || metadata.generation !== undefined) {
      metadata.generation = (metadata.generation ?? 0) + 1;
    }
    return next;
  }
}

function encoded(object: KubeObject): Buffer {
  return Buffer.from(formatJson(object));
}

/** The options as admission shows them. */
function optionsObject(options: DeleteOptions): Record<string, unknown> {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, dryRun } = options;
  const { uid, resourceVersion } = options;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
}

/** Seconds between marking and the end; the object's own wish unless the request names one. */
function graceOf(kind: KindDeclaration, object: KubeObject, options: DeleteOptions): number {
  if (kind.gracePeriodSeconds === undefined) return 0;
  if (kind.kind === 'Pod' && isPodAtRest(object)) return 0;
  const wanted = options.gracePeriodSeconds ?? kind.gracePeriodSeconds(object);
  return wanted < 0 ? 1 : wanted;
}

/** A pod without a node, or one that has ended, needs nobody's goodbye. */
function isPodAtRest(object: KubeObject): boolean {
  const pod = object as Pod;
  const phase = pod.status?.phase;
  return (pod.spec?.nodeName ?? '') === '' || phase === 'Succeeded' || phase === 'Failed';
}

function setFinalizers(kind: KindDeclaration, object: KubeObject, options: DeleteOptions): void {
  const present = object.metadata.finalizers ?? [];
  let orphan = present.includes('orphan');
  let foreground = present.includes('foregroundDeletion');
  const policy =
    options.propagationPolicy ??
    (options.orphanDependents === undefined
      ? undefined
      : options.orphanDependents
        ? 'Orphan'
        : 'Background');
  if (policy !== undefined) {
    orphan = policy === 'Orphan';
    foreground = policy === 'Foreground';
  } else if (!orphan && !foreground) orphan = kind.defaultPropagation === 'Orphan';
  const rest = present.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (orphan) rest.push('orphan');
  if (foreground) rest.push('foregroundDeletion');
  if (rest.length === 0) delete object.metadata.finalizers;
  else object.metadata.finalizers = rest;
}

function isHeldNamespace(object: KubeObject): boolean {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return false;
  return ((object as Namespace).spec.finalizers?.length ?? 0) > 0;
}

function setTerminating(object: KubeObject): void {
  const namespace = object as Namespace;
  namespace.status = { ...namespace.status, phase: 'Terminating' };
}

/** The last time that RFC 3339 has words for: an int64 of seconds goes beyond. */
const lastMs = Date.parse('9999-12-31T23:59:59Z');

function later(time: string, seconds: number): string {
  return formatTime(Math.max(0, Math.min(Date.parse(time) + seconds * 1_000, lastMs)));
}

/** The deadline of an object that was marked with a longer grace before. */
function shortened(old: KubeObject, grace: number): string {
  const marked = old.metadata.deletionTimestamp ?? '';
  return later(marked, grace - (old.metadata.deletionGracePeriodSeconds ?? 0));
}

/** @throws StatusError Conflict when the object is another one, or another version, than the options ask for */
export function checkPreconditions(
  context: RequestContext,
  options: DeleteOptions,
  old: KubeObject,
): void {
  const { kind, name } = context.target;
  const { uid = '', resourceVersion = '' } = old.metadata;
  const named = { group: kind.group, resource: kind.kind };
  if (options.uid !== undefined && options.uid !== uid) {
    const text =
      `the UID in the precondition (${options.uid}) does not match the UID in record ` +
      `(${uid}). The object might have been deleted and then recreated`;
    throw conflict(named, name, text);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const text =
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ` +
      `ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(named, name, text);
  }
}
