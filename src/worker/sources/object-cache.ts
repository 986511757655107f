/**
 * ConfigMaps, Secrets, claims and volumes that pods of this node use. A node may read just these, one by one: so they
 * are fetched when a pod needs them, kept for a moment, and read again at each refresh. Bounded by what pods name.
 */
import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import type { RuntimeClass } from '../../api/node/runtime-class.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import type { ApiClient, ObjectKey } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { ConfigSource } from '../env.js';
import { referencesOf } from '../../api/facts/pod-references.js';

type Kind = 'configmaps' | 'secrets' | 'persistentvolumeclaims' | 'persistentvolumes';

interface Entry {
  object: KubeObject | undefined;
  fetchedMs: number;
  fetching: Promise<void> | undefined;
}

/** Younger than this is as good as new. */
const freshMs = 1000;

/** ConfigMaps, Secrets, claims and volumes that pods of this node name, read one by one and kept for a while. */
export class ObjectCache {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(options: { readonly client: ApiClient; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
  }

  /**
   * Fetches the objects that the pod uses and whose copy is stale; caches also that one is missing.
   * @throws ApiError of one that could not be read, when all others have been
   */
  async load(pod: Pod): Promise<void> {
    const { namespace = '' } = pod.metadata;
    const { configMaps, secrets, claims } = referencesOf(pod);
    const results = await Promise.allSettled([
      ...[...configMaps].map((name) => this.#fetch('configmaps', { namespace, name })),
      ...[...secrets].map((name) => this.#fetch('secrets', { namespace, name })),
      ...[...claims].map(async (name) => {
        await this.#fetch('persistentvolumeclaims', { namespace, name });
        const volume = this.claim(namespace, name)?.spec.volumeName ?? '';
        if (volume !== '') await this.#fetch('persistentvolumes', { name: volume });
      }),
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Forgets what none of these pods uses. */
  retain(pods: Iterable<Pod>): void {
    const used = new Set<string>();
    for (const pod of pods) {
      const { namespace = '' } = pod.metadata;
      const { configMaps, secrets, claims } = referencesOf(pod);
      for (const name of configMaps) used.add(entryKey('configmaps', { namespace, name }));
      for (const name of secrets) used.add(entryKey('secrets', { namespace, name }));
      for (const name of claims) {
        used.add(entryKey('persistentvolumeclaims', { namespace, name }));
        const volume = this.claim(namespace, name)?.spec.volumeName ?? '';
        used.add(entryKey('persistentvolumes', { name: volume }));
      }
    }
    for (const key of this.#entries.keys()) if (!used.has(key)) this.#entries.delete(key);
  }

  config(namespace: string): ConfigSource {
    return {
      configMap: (name) => this.#get('configmaps', { namespace, name }),
      secret: (name) => this.#get('secrets', { namespace, name }),
    };
  }

  /** A RuntimeClass as it is now; undefined when there is none of that name. @throws ApiError */
  async runtimeClass(name: string): Promise<{ readonly handler: string } | undefined> {
    try {
      const found = await this.#client.get(resources.runtimeClasses, { name });
      return found as RuntimeClass;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      return undefined;
    }
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#get('persistentvolumeclaims', { namespace, name }) as
      PersistentVolumeClaim | undefined;
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#get('persistentvolumes', { name }) as PersistentVolume | undefined;
  }

  #get(kind: Kind, key: ObjectKey): KubeObject | undefined {
    return this.#entries.get(entryKey(kind, key))?.object;
  }

  async #fetch(kind: Kind, key: ObjectKey): Promise<void> {
    const id = entryKey(kind, key);
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = { object: undefined, fetchedMs: Number.NEGATIVE_INFINITY, fetching: undefined };
      this.#entries.set(id, entry);
    }
    if (entry.fetching !== undefined) return entry.fetching;
    if (this.#clock.monotonicMs() - entry.fetchedMs < freshMs && entry.object !== undefined) return;
    entry.fetching = this.#read(kind, key, entry);
    try {
      await entry.fetching;
    } finally {
      entry.fetching = undefined;
    }
  }

  async #read(kind: Kind, key: ObjectKey, entry: Entry): Promise<void> {
    try {
      entry.object = await this.#client.get({ group: '', version: 'v1', resource: kind }, key);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      entry.object = undefined;
    }
    entry.fetchedMs = this.#clock.monotonicMs();
  }
}

function entryKey(kind: Kind, key: ObjectKey): string {
  return `${kind}/${key.namespace ?? ''}/${key.name}`;
}
