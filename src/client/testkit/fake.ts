import { objectKey } from '../../api/facts/keys.js';
import type { KubeObject } from '../../api/object.js';
import { createHash } from 'node:crypto';
import { builtInKinds } from '../../api/kinds.js';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge.js';
import { selectorText } from '../../api/facts/selectors.js';
import type { Deployment } from '../../api/types/workloads.js';
import type {
  ApiClient,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ObjectKey,
  PatchType,
  ResourceId,
  WatchEvent,
  WriteOptions,
} from '../types.js';
import { ApiError } from '../types.js';

/** Clients call it before each request; what it throws, the request throws. */
export type Interceptor = (request: {
  readonly verb: string;
  readonly resource: ResourceId;
  readonly key: ObjectKey;
  readonly subresource?: string;
}) => void;

type Matcher = (object: KubeObject) => boolean;

interface Watcher {
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly matches: Matcher;
  push(event: WatchEvent<KubeObject>): void;
}

/**
 * An API server in memory, for unit tests of what runs on the API: resourceVersions and conflicts, generateName, status
 * apart from spec, finalizers and graceful deletion of pods, binding, watch, equality selectors. No validation, no
 * defaults, no admission: those tests need the real one.
 */
export class FakeApi implements ApiClient {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  #revision = 0;
  #names = 0;
  intercept: Interceptor = () => undefined;
  /** Every write in order, for "what was asked of the server". */
  readonly writes: { readonly verb: string; readonly resource: string; readonly key: string }[] =
    [];

  async get<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    { subresource }: GetOptions = {},
  ): Promise<T> {
    this.intercept({ verb: 'get', resource, key, ...present({ subresource }) });
    const found = copy(this.#find(resource, key));
    return (subresource === 'scale' ? scaleOf(found) : found) as T;
  }

  async list<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions = {},
  ): Promise<{ items: T[]; resourceVersion: string; continue: string }> {
    this.intercept({ verb: 'list', resource, key: { name: '' } });
    const items = this.#select(resource, options).map((object) => copy(object) as T);
    return { items, resourceVersion: String(this.#revision), continue: '' };
  }

  async create<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions & { readonly name?: string } = {},
  ): Promise<T> {
    const made = copy(object);
    const { subresource } = options;
    this.intercept({ verb: 'create', resource, key: made.metadata, ...present({ subresource }) });
    if (subresource === 'binding') return this.#bind(resource, made) as T;
    if (subresource === 'eviction') {
      await this.delete(resource, { ...made.metadata, ...present({ name: options.name }) });
      return made;
    }
    if ((made.metadata.name ?? '') === '' && made.metadata.generateName !== undefined) {
      made.metadata.name = `${made.metadata.generateName}${(this.#names++).toString(36).padStart(5, '0')}`;
    }
    if (this.#table(resource).has(objectKey(made.metadata))) {
      throw new ApiError(
        409,
        'AlreadyExists',
        `${resource.resource} "${made.metadata.name}" already exists`,
      );
    }
    made.metadata.uid ??= createHash('md5')
      .update(`${resource.resource}/${objectKey(made.metadata)}/${this.#revision}`)
      .digest('hex');
    made.metadata.generation ??= 1;
    made.metadata.creationTimestamp ??= '2026-01-01T00:00:00Z';
    this.#store('create', resource, made, 'ADDED');
    return copy(made);
  }

  async update<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const { subresource } = options;
    this.intercept({
      verb: 'update',
      resource,
      key: object.metadata,
      ...present({ subresource }),
    });
    const old = this.#find(resource, object.metadata);
    refuseStale(resource, object, old);
    return copy(this.#write(resource, old, copy(object), subresource)) as T;
  }

  updateStatus<T extends KubeObject>(resource: ResourceId, object: T): Promise<T> {
    return this.update(resource, object, { subresource: 'status' });
  }

  async patch<T extends KubeObject>(
    resource: ResourceId,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const { subresource } = options;
    this.intercept({ verb: 'patch', resource, key, ...present({ subresource }) });
    if (type === 'application/json-patch+json') {
      throw new TypeError('the fake takes merge patches only');
    }
    const old = this.#find(resource, key);
    const merged =
      type === 'application/strategic-merge-patch+json'
        ? strategicPatch(resource, copy(old), patch)
        : (mergePatch(copy(old), patch) as KubeObject);
    refuseStale(resource, merged, old);
    return copy(this.#write(resource, old, merged, subresource)) as T;
  }

  async delete(resource: ResourceId, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    this.intercept({ verb: 'delete', resource, key });
    const object = copy(this.#find(resource, key));
    const wantedUid = options.preconditions?.uid;
    if (wantedUid !== undefined && wantedUid !== object.metadata.uid) {
      throw new ApiError(409, 'Conflict', 'the UID in the precondition does not match');
    }
    const wantedVersion = options.preconditions?.resourceVersion;
    if (wantedVersion !== undefined && wantedVersion !== object.metadata.resourceVersion) {
      throw new ApiError(409, 'Conflict', 'the ResourceVersion in the precondition does not match');
    }
    if (options.propagationPolicy === 'Foreground') addFinalizer(object, 'foregroundDeletion');
    if (options.propagationPolicy === 'Orphan') addFinalizer(object, 'orphan');
    const graceful = isAssignedPod(resource, object) && options.gracePeriodSeconds !== 0;
    if (graceful || (object.metadata.finalizers ?? []).length > 0) {
      object.metadata.deletionTimestamp ??= '2026-01-01T00:00:00Z';
      object.metadata.deletionGracePeriodSeconds = options.gracePeriodSeconds ?? 30;
      this.#store('delete', resource, object, 'MODIFIED');
      return;
    }
    this.#remove(resource, object);
  }

  async *watch<T extends KubeObject>(
    resource: ResourceId,
    options: ListOptions,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const queue: WatchEvent<KubeObject>[] = [];
    let wake: () => void = () => undefined;
    const watcher: Watcher = {
      resource: resourceName(resource),
      namespace: options.namespace,
      matches: matcher(options),
      push: (event) => {
        queue.push(event);
        wake();
      },
    };
    if ((options.resourceVersion ?? '') === '') {
      for (const object of this.#select(resource, options)) {
        queue.push({ type: 'ADDED', object: copy(object) });
      }
      queue.push({ type: 'BOOKMARK', resourceVersion: String(this.#revision) });
    }
    this.#watchers.add(watcher);
    const onAbort = (): void => wake();
    options.signal?.addEventListener('abort', onAbort);
    try {
      while (options.signal?.aborted !== true) {
        if (queue.length > 0) yield queue.splice(0) as WatchEvent<T>[];
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#watchers.delete(watcher);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  close(): void {
    this.#watchers.clear();
  }

  #table(resource: ResourceId): Map<string, KubeObject> {
    const name = resourceName(resource);
    let table = this.#objects.get(name);
    if (table === undefined) {
      table = new Map();
      this.#objects.set(name, table);
    }
    return table;
  }

  #find(resource: ResourceId, key: ObjectKey): KubeObject {
    const found = this.#table(resource).get(objectKey(key));
    if (found === undefined) {
      throw new ApiError(404, 'NotFound', `${resource.resource} "${key.name}" not found`);
    }
    return found;
  }

  #select(resource: ResourceId, options: ListOptions): KubeObject[] {
    const matches = matcher(options);
    return [...this.#table(resource).values()].filter(
      (object) =>
        (options.namespace === undefined || object.metadata.namespace === options.namespace) &&
        matches(object),
    );
  }

  #write(
    resource: ResourceId,
    old: KubeObject,
    object: KubeObject,
    subresource: string | undefined,
  ): KubeObject {
    const before = old as KubeObject & { spec?: unknown; status?: unknown };
    const after = object as KubeObject & { spec?: unknown; status?: unknown };
    const next =
      subresource === 'status'
        ? { ...copy(before), metadata: withAnnotations(before, after), status: after.status }
        : { ...after, ...present({ status: before.status }) };
    next.metadata.uid = old.metadata.uid ?? '';
    if (JSON.stringify(before.spec) !== JSON.stringify(next.spec)) {
      next.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    const finalized = (next.metadata.finalizers ?? []).length === 0;
    if (
      next.metadata.deletionTimestamp !== undefined &&
      finalized &&
      !isAssignedPod(resource, next)
    ) {
      this.#remove(resource, next);
      return next;
    }
    this.#store(subresource ?? 'update', resource, next, 'MODIFIED');
    return next;
  }

  #bind(resource: ResourceId, binding: KubeObject): KubeObject {
    const { target } = binding as KubeObject & { target?: { name: string } };
    const pod = copy(this.#find(resource, binding.metadata)) as KubeObject & {
      spec?: { nodeName?: string };
    };
    if (pod.spec?.nodeName !== undefined) {
      throw new ApiError(409, 'Conflict', `pod ${pod.metadata.name} is already assigned to a node`);
    }
    pod.spec = { ...pod.spec, ...present({ nodeName: target?.name }) };
    this.#store('binding', resource, pod, 'MODIFIED');
    return binding;
  }

  #store(verb: string, resource: ResourceId, object: KubeObject, type: 'ADDED' | 'MODIFIED'): void {
    object.metadata.resourceVersion = String(++this.#revision);
    const key = objectKey(object.metadata);
    const old = this.#table(resource).get(key);
    this.#table(resource).set(key, object);
    this.writes.push({ verb, resource: resource.resource, key });
    this.#tell(resource, old, object, type);
  }

  #remove(resource: ResourceId, object: KubeObject): void {
    const key = objectKey(object.metadata);
    this.#table(resource).delete(key);
    object.metadata.resourceVersion = String(++this.#revision);
    this.writes.push({ verb: 'remove', resource: resource.resource, key });
    this.#tell(resource, object, object, 'DELETED');
  }

  #tell(
    resource: ResourceId,
    old: KubeObject | undefined,
    object: KubeObject,
    type: 'ADDED' | 'MODIFIED' | 'DELETED',
  ): void {
    for (const watcher of this.#watchers) {
      if (watcher.resource !== resourceName(resource)) continue;
      if (watcher.namespace !== undefined && watcher.namespace !== object.metadata.namespace) {
        continue;
      }
      const was = old !== undefined && watcher.matches(old);
      const is = type !== 'DELETED' && watcher.matches(object);
      if (is) watcher.push({ type: was ? 'MODIFIED' : 'ADDED', object: copy(object) });
      else if (was) watcher.push({ type: 'DELETED', object: copy(object) });
    }
  }
}

/** The Scale of a workload: its replicas, and its selector as text. */
function scaleOf(object: KubeObject): KubeObject {
  const { metadata, spec, status } = object as Partial<Deployment> & KubeObject;
  const selector = selectorText(spec?.selector);
  return {
    metadata,
    spec: present({ replicas: spec?.replicas }),
    status: { replicas: status?.replicas ?? 0, selector },
  } as KubeObject;
}

function resourceName(resource: ResourceId): string {
  return `${resource.group}/${resource.resource}`;
}

function copy<T>(value: T): T {
  return structuredClone(value);
}

function addFinalizer(object: KubeObject, name: string): void {
  object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), name])];
}

function isAssignedPod(resource: ResourceId, object: KubeObject): boolean {
  const { spec } = object as { spec?: { nodeName?: string } };
  return resource.group === '' && resource.resource === 'pods' && spec?.nodeName !== undefined;
}

/** Leaves out what is undefined, as `exactOptionalPropertyTypes` wants. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** `a=b,c!=d` on labels and on fields by path. */
function matcher(options: ListOptions): Matcher {
  const labels = terms(options.labelSelector);
  const fields = terms(options.fieldSelector);
  return (object) =>
    labels.every(
      ({ name, value, equal }) => (object.metadata.labels?.[name] === value) === equal,
    ) &&
    fields.every(({ name, value, equal }) => {
      let at: unknown = object;
      for (const part of name.split('.')) at = (at as Record<string, unknown> | undefined)?.[part];
      return ((at ?? '') === value) === equal;
    });
}

function terms(selector: string | undefined): { name: string; value: string; equal: boolean }[] {
  return (selector ?? '')
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^(.*?)(==|!=|=)(.*)$/.exec(term);
      if (match === null) throw new TypeError(`the fake cannot select by "${term}"`);
      return { name: match[1] ?? '', value: match[3] ?? '', equal: match[2] !== '!=' };
    });
}

/** Merges lists by their keys, as the schema of the kind says. */
function strategicPatch(resource: ResourceId, target: KubeObject, patch: unknown): KubeObject {
  const kind = builtInKinds.find(
    ({ group, plural }) => group === resource.group && plural === resource.resource,
  );
  if (kind === undefined) throw new TypeError(`the fake does not know ${resource.resource}`);
  return applyStrategicMergePatch(kind.schema, target, patch) as KubeObject;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

function refuseStale({ resource }: ResourceId, { metadata }: KubeObject, old: KubeObject): void {
  const { name, resourceVersion = old.metadata.resourceVersion } = metadata;
  if (resourceVersion === old.metadata.resourceVersion) return;
  const text = `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`;
  throw new ApiError(409, 'Conflict', text);
}

/** A write of the status takes the annotations that come with it, as the API server does. */
function withAnnotations(before: KubeObject, { metadata }: KubeObject): KubeObject['metadata'] {
  const { annotations: _old, ...rest } = copy(before).metadata;
  return { ...rest, ...present({ annotations: metadata.annotations }) };
}
