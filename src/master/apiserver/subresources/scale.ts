import { scaleKind } from '../../../api/autoscaling/kinds.js';
import { cloneJson } from '../../../api/clone.js';
import type { KindDeclaration, ScalePaths } from '../../../api/kind.js';
import { selectorText } from '../../../api/facts/selectors.js';
import type { KubeObject } from '../../../api/object.js';
import { isJsonObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import { checkBody } from '../registry/body-type.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import type { Writer } from '../registry/writer.js';
import { wrongUid } from '../registry/writer.js';
import { badRequest, conflict, invalidObject, undeterminable } from '../status.js';

/** The dependencies of the `scale` subresource. */
export interface ScaleDeps {
  readonly objects: Objects;
  readonly writer: Writer;
  readonly kinds: KindRegistry;
}

function partsOf(path: string): string[] {
  return path.split('.').filter((part) => part !== '');
}

function readPath(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const part of partsOf(path)) {
    value = isJsonObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

function writePath(object: KubeObject, path: string, value: unknown): void {
  let at = object as unknown as Record<string, unknown>;
  const parts = partsOf(path);
  const last = parts.pop() ?? '';
  for (const part of parts) {
    // A definition names the path: what all objects inherit must not be written.
    if (!Object.hasOwn(at, part) || !isJsonObject(at[part])) at[part] = {};
    at = at[part] as Record<string, unknown>;
  }
  at[last] = value;
}

/** A number as Go converts an int64 to int32; anything else is none. */
function int32Of(value: unknown): number {
  if (typeof value === 'bigint') return Number(BigInt.asIntN(32, value));
  return typeof value === 'number' ? value | 0 : 0;
}

/** @throws StatusError when a wanted value is no Scale of the target, or has a field of another type. */
function checkScale(
  context: RequestContext,
  wanted: Record<string, unknown>,
  old: KubeObject,
  kinds: KindRegistry,
): void {
  const { target } = context;
  checkBody(scaleKind, wanted, context, kinds);
  const { metadata = {} } = wanted as { metadata?: Partial<KubeObject['metadata']> };
  const { name: given = '', namespace = '', uid = '' } = metadata;
  if (namespace !== '' && namespace !== target.namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  if (uid !== '' && uid !== old.metadata.uid) {
    throw conflict(
      errorTarget(target.kind),
      target.name,
      wrongUid(context, uid, old.metadata.uid ?? ''),
    );
  }
  if (given === '') throw undeterminable(target.name);
  if (given === target.name) return;
  throw badRequest(
    `the name of the object (${given}) does not match the name on the URL (${target.name})`,
  );
}

/** The `autoscaling/v1 Scale` of an object. */
export function scaleOf(kind: KindDeclaration, object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    paths.labelSelectorPath === undefined ? undefined : readPath(object, paths.labelSelectorPath);
  const text = isJsonObject(selector)
    ? selectorText(
        kind.kind === 'ReplicationController'
          ? { matchLabels: selector as Record<string, string> }
          : selector,
      )
    : typeof selector === 'string'
      ? selector
      : '';
  const replicas = int32Of(readPath(object, paths.specReplicasPath));
  const scale = {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas > 0 ? { replicas } : {},
    status: {
      replicas: int32Of(readPath(object, paths.statusReplicasPath)),
      ...(text === '' ? {} : { selector: text }),
    },
  };
  return scale as unknown as KubeObject;
}

/** Sets the replicas that a changed Scale asks for. */
export async function changeScale(
  context: RequestContext,
  paths: ScalePaths,
  change: (old: KubeObject) => unknown,
  deps: ScaleDeps,
): Promise<KubeObject> {
  const { kind, name } = context.target;
  const whole = { ...context, target: { ...context.target, subresource: '' } };
  const written = await deps.writer.update(whole, {
    createsMissing: false,
    tracksFields: false,
    through: 'scale',
    shown: {
      of: (object) => scaleOf(kind, object, paths),
      take: (shown, next) =>
        writePath(next, paths.specReplicasPath, readPath(shown, '.spec.replicas') ?? 0),
    },
    next(old) {
      if (old === undefined) throw badRequest('the object is not there');
      const wanted = change(scaleOf(kind, old, paths));
      if (!isJsonObject(wanted)) throw badRequest('Scale must be an object');
      checkScale(context, wanted, old, deps.kinds);
      const replicas = Number(readPath(wanted, '.spec.replicas') ?? 0);
      if (replicas < 0) {
        const body = `Invalid value: ${replicas}: must be greater than or equal to 0`;
        const error = { type: 'FieldValueInvalid', field: 'spec.replicas', body } as const;
        throw invalidObject({ group: 'autoscaling', kind: 'Scale', name }, [error]);
      }
      const version = readPath(wanted, '.metadata.resourceVersion');
      const next = cloneJson(old);
      if (typeof version === 'string' && version !== '') next.metadata.resourceVersion = version;
      writePath(next, paths.specReplicasPath, replicas);
      return next;
    },
  });
  return scaleOf(kind, written.object, paths);
}
