/** Parses the contents of the store as they are committed, for the checkers. */
import type { KubeObject } from '../../../src/api/object.js';
import { splitKey } from '../../../src/master/apiserver/cache/watch-cache.js';
import type { StoreEvent } from '../../../src/master/apiserver/storage/store.js';

/** An object as the checkers read it. */
export type Item = KubeObject & {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
};

/** A version of an object. */
export interface Version {
  readonly item: Item;
  readonly revision: number;
  readonly atUs: number;
}

/** Keys that renew themselves for ever, and what is told of others. */
const restless = /^\/registry\/(?:events|coordination\.k8s\.io\/leases|masterleases)\//;
const componentLeases = '/registry/coordination.k8s.io/leases/kube-system/';
/** So many versions are kept of an object. */
const keptVersions = 12;

/** See above. */
export class Model {
  readonly items = new Map<string, Item>();
  /** The present revision of every key, also of those that are not parsed. */
  readonly revisions = new Map<string, number>();
  /** Objects that are there, by uid. */
  readonly byUid = new Map<string, string>();
  /** Pods by the uid of their controller. */
  readonly byController = new Map<string, Set<string>>();
  readonly history = new Map<string, Version[]>();
  /** The revision that each object was made with, by uid. */
  readonly made = new Map<string, number>();
  /** The holders of the components' leases, by the lease's name. */
  readonly holders = new Map<string, string>();
  revision = 0;
  /** The time of the last write other than a regular renewal. */
  changedUs = 0;

  /** @returns what the key held before, and holds now */
  apply(
    event: StoreEvent,
    nowUs: number,
  ): { readonly old: Item | undefined; readonly item: Item | undefined } {
    const { key } = event;
    this.revision = event.modRevision;
    const old = this.items.get(key);
    if (event.type === 'delete') {
      this.revisions.delete(key);
      this.items.delete(key);
      this.#unlink(key, old);
      if (old !== undefined) this.changedUs = nowUs;
      return { old, item: undefined };
    }
    this.revisions.set(key, event.modRevision);
    if (key.startsWith(componentLeases)) {
      const { metadata, spec } = JSON.parse(event.value.toString('utf8')) as Item;
      this.holders.set(metadata.name, (spec?.['holderIdentity'] as string | undefined) ?? '');
    }
    if (restless.test(key)) return { old, item: undefined };
    const item = JSON.parse(event.value.toString('utf8')) as Item;
    this.items.set(key, item);
    this.#unlink(key, old);
    this.#link(key, item);
    this.changedUs = nowUs;
    if (old?.metadata.uid !== item.metadata.uid) {
      this.made.set(item.metadata.uid ?? '', event.modRevision);
    }
    const versions = this.history.get(item.metadata.uid ?? '') ?? [];
    versions.push({ item, revision: event.modRevision, atUs: nowUs });
    if (versions.length > keptVersions) versions.shift();
    this.history.set(item.metadata.uid ?? '', versions);
    return { old, item };
  }

  /** All objects of a storage, such as `apps/deployments`. */
  *of(storage: string): Generator<Item> {
    const prefix = `/registry/${storage}/`;
    for (const [key, item] of this.items) if (key.startsWith(prefix)) yield item;
  }

  get(storage: string, namespace: string, name: string): Item | undefined {
    return this.items.get(`/registry/${storage}/${namespace === '' ? '' : `${namespace}/`}${name}`);
  }

  /** The object of that uid, if it is there. */
  byId(uid: string): Item | undefined {
    const key = this.byUid.get(uid);
    return key === undefined ? undefined : this.items.get(key);
  }

  /** Pods that the object controls. */
  podsOf(uid: string): Item[] {
    return [...(this.byController.get(uid) ?? [])].flatMap((key) => this.items.get(key) ?? []);
  }

  /** Versions of the object that were current at `floor` or later. */
  versionsSince(uid: string, floor: number): readonly Version[] {
    const versions = this.history.get(uid) ?? [];
    let first = 0;
    for (const [index, { revision }] of versions.entries()) if (revision <= floor) first = index;
    return versions.slice(first);
  }

  #link(key: string, item: Item): void {
    const { uid = '' } = item.metadata;
    this.byUid.set(uid, key);
    const controller = key.startsWith('/registry/pods/') ? controllerUid(item) : undefined;
    if (controller === undefined) return;
    const pods = this.byController.get(controller);
    if (pods === undefined) this.byController.set(controller, new Set([key]));
    else pods.add(key);
  }

  #unlink(key: string, old: Item | undefined): void {
    if (old === undefined) return;
    this.byUid.delete(old.metadata.uid ?? '');
    const controller = controllerUid(old);
    if (controller !== undefined) this.byController.get(controller)?.delete(key);
  }
}

/** The uid of the object's controller. */
export function controllerUid(item: Item): string | undefined {
  return item.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

/** Neither at its end nor being deleted. */
export function isActive(pod: Item): boolean {
  const phase = pod.status?.['phase'];
  return (
    phase !== 'Succeeded' && phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined
  );
}

/** Of spec or status; 0 where it is not there. */
export function count(part: Readonly<Record<string, unknown>> | undefined, field: string): number {
  const value = part?.[field];
  return typeof value === 'number' ? value : 0;
}

/** `namespace/name`, with the kind. */
export function nameOf(item: Item): string {
  const { namespace, name } = item.metadata;
  return `${item.kind ?? ''} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The resource of a key, as informers name it: `/pods`, `apps/deployments`. */
export function resourceOf(key: string): string {
  const id = splitKey(key)?.id ?? '';
  return id.includes('/') ? id : `/${id}`;
}
