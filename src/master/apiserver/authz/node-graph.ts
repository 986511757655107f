/**
 * The graph of nodes and the objects that their pods use, by which the node authorizer decides (apiserver's node
 * `Graph`).
 */
import { objectKey } from '../../../api/facts/keys.js';
import type { PersistentVolume, Pod } from '../../../api/types/core.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { PodReferences } from '../../../api/facts/pod-references.js';
import {
  mirrorAnnotation,
  referencesOf,
  secretsOfVolume,
} from '../../../api/facts/pod-references.js';

/** The caches that the graph reads. */
export type Caches = Pick<WatchCache, 'cache'>;

/** The kinds of object that a pod names and only its node may read. */
type Reference = Exclude<keyof PodReferences, 'serviceAccount'>;

const nothing: PodReferences = {
  secrets: new Set(),
  configMaps: new Set(),
  claims: new Set(),
  resourceClaims: new Set(),
  serviceAccount: '',
};

/** Relates nodes to the Secrets, ConfigMaps, claims, volumes and ServiceAccounts that their pods use. */
export class NodeGraph {
  readonly #caches: Caches;

  constructor(caches: Caches) {
    this.#caches = caches;
    caches.cache('pods').addIndex('spec.nodeName');
  }

  /** True for a pod that is bound to the node. */
  runsPod(node: string, namespace: string, name: string): boolean {
    // The cache holds pods under this id; they have been decoded as such.
    const pod = this.#caches.cache('pods').get(objectKey({ namespace, name }))?.object<Pod>();
    return pod?.spec.nodeName === node;
  }

  /** True when a pod bound to the node names the object of its own namespace. */
  uses(node: string, what: Reference, namespace: string, name: string): boolean {
    for (const { namespace: home, references } of this.#podsOf(node)) {
      if (home === namespace && references[what].has(name)) return true;
    }
    return false;
  }

  /** True when a pod bound to the node, or a volume that such a pod uses, names the Secret. */
  usesSecret(node: string, namespace: string, name: string): boolean {
    if (this.uses(node, 'secrets', namespace, name)) return true;
    for (const volume of this.#volumesOf(node)) {
      if (secretsOfVolume(volume).has(objectKey({ namespace, name }))) return true;
    }
    return false;
  }

  /** True when a pod bound to the node runs under the account. */
  usesAccount(node: string, namespace: string, name: string): boolean {
    for (const { namespace: home, references } of this.#podsOf(node)) {
      if (home === namespace && references.serviceAccount === name) return true;
    }
    return false;
  }

  /** True when the volume is bound to a claim that a pod bound to the node uses. */
  usesVolume(node: string, name: string): boolean {
    for (const volume of this.#volumesOf(node)) if (volume.metadata.name === name) return true;
    return false;
  }

  /** Yields the pods bound to the node. The references of a mirror pod grant nothing: its node has written them. */
  *#podsOf(node: string): Generator<{ namespace: string; references: PodReferences }> {
    for (const entry of this.#caches.cache('pods').byIndex('spec.nodeName', node) ?? []) {
      const pod = entry.object<Pod>();
      const isMirror = pod.metadata.annotations?.[mirrorAnnotation] !== undefined;
      yield { namespace: entry.namespace, references: isMirror ? nothing : referencesOf(pod) };
    }
  }

  *#volumesOf(node: string): Generator<PersistentVolume> {
    const claims = new Set<string>();
    for (const { namespace, references } of this.#podsOf(node)) {
      for (const claim of references.claims) claims.add(objectKey({ namespace, name: claim }));
    }
    if (claims.size === 0) return;
    for (const entry of this.#caches.cache('persistentvolumes').list()) {
      const volume = entry.object<PersistentVolume>();
      const { namespace = '', name = '' } = volume.spec.claimRef ?? {};
      if (claims.has(objectKey({ namespace, name }))) yield volume;
    }
  }
}
