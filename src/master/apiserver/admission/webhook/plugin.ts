import { DecodeError } from '../../../../api/schema/decode.js';
import { deepEqual } from '../../../../api/equal.js';
import { isSameVersion } from '../../../../api/equivalents.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import { builtInKinds, subresourceKinds } from '../../../../api/kinds.js';
import type { KubeObject } from '../../../../api/object.js';
import { formatGroupVersion, isJsonObject } from '../../../../api/object.js';
import { applyJsonPatch } from '../../../../api/patch/json-patch.js';
import { PatchError } from '../../../../api/patch/patch-error.js';
import { applyDefaults, decodeObject } from '../../../../api/strategy.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';
import type { Authorization } from '../../authz/authorizers.js';
import { errorTarget } from '../../registry/types.js';
import { badRequest, forbidden, internal } from '../../status.js';
import { AskedData } from '../policy/activation.js';
import { Decisions } from '../policy/decisions.js';
import type { PolicyTurns } from '../policy/evaluations.js';
import { Evaluations } from '../policy/evaluations.js';
import type { AdmissionPlugin } from '../chain.js';
import { CallError, postJson } from './call.js';
import type { DialPod } from '../../subresources/dial-pod.js';
import { destinationOf } from './destination.js';
import type { Hook, Match } from './hooks.js';
import { HookSource } from './hooks.js';
import type { Verdict } from './review.js';
import { converted, requestIn } from './versions.js';
import { connectObject, denied, questionOf, readVerdict } from './review.js';

const defaultTimeoutSeconds = 10;

/** The configurations of webhooks, and the ways to call their servers. */
export interface WebhookDeps {
  readonly objects: Objects;
  /** Pods are reached through their nodes: masters need no route into the pod network. */
  readonly dialPod: DialPod;
  /** Match conditions may ask what the user may do. */
  readonly authorization: Authorization;
  readonly turns?: PolicyTurns | undefined;
}

/** Configurations of webhooks are never sent to webhooks, or a bad one could not be taken back. */
function isExempt({ context: { target } }: AdmissionRequest): boolean {
  return target.kind.group === 'admissionregistration.k8s.io' || target.kind.virtual;
}

/** True when the conditions of a hook let it be called. @throws StatusError when that cannot be told */
async function isMeant(
  { objects, authorization, turns }: WebhookDeps,
  { hook, as }: Match,
  request: AdmissionRequest,
): Promise<boolean> {
  if (hook.conditions === undefined) return true;
  const { target, user } = request.context;
  const decisions = new Decisions(authorization, user);
  const data = new AskedData(request, { as, namespace: () => undefined, params: null });
  const verdict = await new Evaluations(decisions, user.name, turns).judge(hook.conditions, data);
  const [failure] = verdict.denials;
  if (failure === undefined) return verdict.isMeant;
  if (hook.config.failurePolicy === 'Ignore') {
    objects.log.warn(
      { webhook: hook.name, reason: failure.message },
      'the match conditions of a webhook failed and it was not called, as its failurePolicy says',
    );
    return false;
  }
  throw forbidden(errorTarget(target.kind), target.name, failure.message);
}

/**
 * Asks one hook.
 * @returns undefined when it is not meant, or failed and that is to be overlooked
 * @throws StatusError
 */
async function ask(
  deps: WebhookDeps,
  match: Match,
  request: AdmissionRequest,
): Promise<Verdict | undefined> {
  const { objects, dialPod } = deps;
  const { hook, as } = match;
  const shown = await requestIn(objects, request, as);
  if (!(await isMeant(deps, match, shown))) return undefined;
  const { sideEffects, failurePolicy, timeoutSeconds } = hook.config;
  const hasEffects = sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun';
  if (request.context.options.dryRun && hasEffects) {
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
  }
  try {
    const seconds = timeoutSeconds ?? defaultTimeoutSeconds;
    const destination = destinationOf(
      hook.config.clientConfig,
      { watchCache: objects.watchCache, dialPod },
      seconds,
    );
    const question = questionOf(shown, as);
    const answer = await postJson(destination, question.body, {
      clock: objects.clock,
      timeoutMs: seconds * 1_000,
    });
    return readVerdict(answer, question);
  } catch (error) {
    if (!(error instanceof CallError) && !(error instanceof TypeError)) throw error;
    return overlook(objects, hook, error.message, failurePolicy === 'Ignore');
  }
}

function overlook(objects: Objects, hook: Hook, text: string, ignore: boolean): undefined {
  const message = `failed calling webhook ${JSON.stringify(hook.name)}: failed to call webhook: ${text}`;
  if (!ignore) throw internal(message);
  objects.log.warn(
    { webhook: hook.name, reason: text },
    'a webhook failed and was ignored, as its failurePolicy says',
  );
  return undefined;
}

/** Webhooks that may change objects, one after the other. */
export function mutatingWebhooks(deps: WebhookDeps): AdmissionPlugin {
  const { objects } = deps;
  const source = new HookSource(objects.watchCache, 'mutatingwebhookconfigurations');
  const run = async (match: Match, request: AdmissionRequest): Promise<boolean> => {
    const verdict = await ask(deps, match, request);
    if (verdict === undefined) return false;
    request.context.warnings.push(...verdict.warnings);
    if (!verdict.allowed) throw denied(match.hook.name, verdict.result);
    return await applyPatch(objects, match, request, verdict.patch);
  };
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (request) => !source.isEmpty && !isExempt(request),
    async mutate(request) {
      const again = new Set<Hook>();
      const asked: Hook[] = [];
      const matches = source.matching(request);
      let isChanged = false;
      for (const match of matches) {
        if (await run(match, request)) {
          isChanged = true;
          for (const hook of asked) again.add(hook);
        }
        if (match.hook.config.reinvocationPolicy === 'IfNeeded') asked.push(match.hook);
      }
      for (const match of matches) if (again.has(match.hook)) await run(match, request);
      return isChanged;
    },
  };
}

/** Webhooks that only decide, all at once. */
export function validatingWebhooks(deps: WebhookDeps): AdmissionPlugin {
  const source = new HookSource(deps.objects.watchCache, 'validatingwebhookconfigurations');
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (request) => !source.isEmpty && !isExempt(request),
    async validate(request) {
      const results = await Promise.allSettled(
        source.matching(request).map(async (match) => {
          const verdict = await ask(deps, match, request);
          if (verdict === undefined) return;
          request.context.warnings.push(...verdict.warnings);
          if (!verdict.allowed) throw denied(match.hook.name, verdict.result);
        }),
      );
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
}

/** The kind of the request's object, which may be that of a subresource. */
function kindOf({ context }: AdmissionRequest, object: KubeObject): KindDeclaration {
  const { kind } = context.target;
  if (object.kind === kind.kind) return kind;
  const own = [...subresourceKinds, ...builtInKinds].find(
    (item) =>
      item.kind === object.kind &&
      formatGroupVersion(item.group, item.version) === object.apiVersion,
  );
  return own ?? kind;
}

/** Patches the request's object in place. @returns true when it is another one now */
async function applyPatch(
  objects: Objects,
  { hook, as }: Match,
  request: AdmissionRequest,
  patch: unknown,
): Promise<boolean> {
  const { object } = request;
  if (patch === undefined || object === undefined) return false;
  const kind = kindOf(request, object);
  let patched: KubeObject;
  if (request.operation === 'CONNECT') return patchConnection(objects, hook, object, patch);
  try {
    const isTarget = kind === request.context.target.kind;
    const sent = isTarget ? await converted(objects, kind, object, as) : object;
    const result = applyJsonPatch(sent, patch) as KubeObject;
    patched = isTarget
      ? decodeObject(kind, await convertedBack(objects, result, { kind, as })).object
      : decodeObject(kind, result).object;
  } catch (error) {
    if (!(error instanceof PatchError) && !(error instanceof DecodeError)) throw error;
    overlook(objects, hook, error.message, hook.config.failurePolicy === 'Ignore');
    return false;
  }
  applyDefaults(kind, patched);
  if (object.metadata.managedFields !== undefined) {
    patched.metadata.managedFields = object.metadata.managedFields;
  }
  return replaceFields(object, patched);
}

/** A patched object in the request's kind. What no webhook converts is read by the kind that it was shown in first. */
async function convertedBack(
  objects: Objects,
  result: KubeObject,
  { kind, as }: { readonly kind: KindDeclaration; readonly as: KindDeclaration },
): Promise<KubeObject> {
  if (kind.custom) return await converted(objects, kind, result, kind);
  if (isSameVersion(kind, as)) return result;
  const { object } = decodeObject(as, result);
  applyDefaults(as, object);
  return await converted(objects, as, object, kind);
}

/** The options of a connection are decoded by no schema: a field keeps its type, or the patch is not one. */
function patchConnection(
  objects: Objects,
  hook: Hook,
  object: KubeObject,
  patch: unknown,
): boolean {
  let patched: unknown;
  try {
    patched = applyJsonPatch(connectObject(object), patch);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    overlook(objects, hook, error.message, hook.config.failurePolicy === 'Ignore');
    return false;
  }
  const fields = isJsonObject(patched) ? patched : {};
  const next: Record<string, unknown> = { ...object };
  for (const [name, present] of Object.entries(object)) {
    if (name === 'metadata' || name === 'kind' || name === 'apiVersion') continue;
    const value = fields[name] ?? emptyOf(present);
    if (typeof value !== typeof present || Array.isArray(value) !== Array.isArray(present)) {
      throw internal(`admission webhook ${JSON.stringify(hook.name)} changed the type of ${name}`);
    }
    next[name] = value;
  }
  return replaceFields(object, next);
}

function emptyOf(value: unknown): unknown {
  if (Array.isArray(value)) return [];
  return typeof value === 'string' ? '' : false;
}

/** @returns false when nothing changed */
function replaceFields(object: KubeObject, patched: object): boolean {
  if (deepEqual(patched, object)) return false;
  const fields = object as unknown as Record<string, unknown>;
  for (const name of Object.keys(fields)) delete fields[name];
  Object.assign(fields, patched);
  return true;
}
