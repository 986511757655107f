/** Joins services with their endpoint slices: tells which services changed, and gives both by name. */
import { keyOf, objectKey, splitKey } from '../../api/facts/keys.js';
import { serviceNameLabel } from '../../api/facts/well-known.js';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';

const byService = 'netproxy-service';

/** Services and their EndpointSlices, joined by the label that names the Service. */
export class ServiceWatch {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly #ends: (() => void)[] = [];

  constructor(informers: InformerFactory) {
    this.services = informers.informer<Service>(resources.services);
    this.slices = informers.informer<EndpointSlice>(resources.endpointSlices);
    this.slices.addIndex(byService, (slice) => [ownerKey(slice)]);
  }

  /** Resolves when services and their endpoints are known; rejects when `signal` aborts before. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.services.whenSynced(signal), this.slices.whenSynced(signal)]);
  }

  /** `key` is "namespace/name". Called at once for all that is there. @returns a function that ends it */
  onChange(changed: (key: string) => void): () => void {
    const ends = [
      this.services.onChange(({ object }) => changed(keyOf(object))),
      this.slices.onChange((change) => {
        changed(ownerKey(change.object));
        // A slice may be given to another service by its label.
        if (change.type === 'update') {
          const before = ownerKey(change.old);
          if (before !== ownerKey(change.object)) changed(before);
        }
      }),
    ];
    this.#ends.push(...ends);
    return () => ends.forEach((end) => end());
  }

  service(key: string): Service | undefined {
    return this.services.get(splitKey(key));
  }

  slicesOf(key: string): EndpointSlice[] {
    return this.slices.byIndex(byService, key);
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

function ownerKey(slice: EndpointSlice): string {
  const name = slice.metadata.labels?.[serviceNameLabel] ?? '';
  return objectKey({ namespace: slice.metadata.namespace, name });
}
