/** Joins services with their endpoint slices: tells which services changed, and gives both by name. */
import { keyOf, objectKey, splitKey } from '../../api/facts/keys.js';
import { serviceNameLabel, zoneLabel } from '../../api/facts/well-known.js';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Node, Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';

const byService = 'netproxy-service';

/** Services and their EndpointSlices, joined by the label that names the Service. */
export class ServiceWatch {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly #ends: (() => void)[] = [];
  readonly #nodes: Informer<Node> | undefined;
  readonly #nodeName: string | undefined;

  /** @param nodeName the node whose zone counts. @default none: no zone is known */
  constructor(informers: InformerFactory, nodeName?: string) {
    this.#nodeName = nodeName;
    if (nodeName !== undefined) {
      const fieldSelector = `metadata.name=${nodeName}`;
      this.#nodes = informers.informer<Node>(resources.nodes, { fieldSelector });
    }

    this.services = informers.informer<Service>(resources.services);
    this.slices = informers.informer<EndpointSlice>(resources.endpointSlices);
    this.slices.addIndex(byService, (slice) => [ownerKey(slice)]);
  }

  /** The zone of the node; "" where it has none, or none is known yet, which holds nothing up. */
  get zone(): string {
    return zoneOf(this.#nodes?.get({ name: this.#nodeName ?? '' }));
  }

  /** Resolves when services and their endpoints are known; rejects when `signal` aborts before. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.services.whenSynced(signal), this.slices.whenSynced(signal)]);
  }

  /**
   * `key` is "namespace/name". Called at once for all that is there, and for services whose endpoints are meant for
   * zones when the node has another zone. @returns a function that ends it
   */
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
    const node = this.#nodes?.onChange((change) => {
      const before = change.type === 'update' ? zoneOf(change.old) : '';
      const now = change.type === 'delete' ? '' : zoneOf(change.object);
      if (now !== before || change.type === 'delete') this.#hintedKeys().forEach(changed);
    });
    if (node !== undefined) ends.push(node);
    this.#ends.push(...ends);
    return () => ends.forEach((end) => end());
  }

  service(key: string): Service | undefined {
    return this.services.get(splitKey(key));
  }

  slicesOf(key: string): EndpointSlice[] {
    return this.slices.byIndex(byService, key);
  }

  #hintedKeys(): ReadonlySet<string> {
    const isHinted = ({ endpoints }: EndpointSlice): boolean =>
      (endpoints ?? []).some(({ hints }) => hints !== undefined);
    return new Set(this.slices.list().filter(isHinted).map(ownerKey));
  }

  stop(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

function zoneOf(node: Node | undefined): string {
  return node?.metadata.labels?.[zoneLabel] ?? '';
}

function ownerKey(slice: EndpointSlice): string {
  const name = slice.metadata.labels?.[serviceNameLabel] ?? '';
  return objectKey({ namespace: slice.metadata.namespace, name });
}
