/** Brings the EndpointSlices of one Service to what is wanted; shared by all who manage slices. */
import { objectKey } from '../../../api/facts/keys.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { ignoreNotFound } from '../../../client/controller/reconciler.js';
import { Expectations } from '../../../client/controller/expectations.js';
import { jsonEqual } from '../../../api/equal.js';
import { resources } from '../../../client/resources.js';
import type { SliceGroup } from './plan.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import type { Owner } from '../../../api/facts/owners.js';
import { controllerReference } from '../../../api/facts/owners.js';
import { managedByLabel, planSlices } from './plan.js';

const serviceIndex = 'service';

/** The endpoints that the slices of one Service are to hold. */
export interface WantedSlices {
  /** The Service's `namespace/name`. */
  readonly key: string;
  /** The owner of the slices; its deletion deletes them. */
  readonly owner: Owner;
  readonly groups: readonly SliceGroup[];
  /** Address families that get an empty slice when they have no endpoints. */
  readonly families: readonly string[];
  readonly labels: Record<string, string>;
  /** Of all slices; whatever others wrote there stays where this is unset. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Writes the EndpointSlices of Services under one `managed-by` label, for the controllers of Services and of
 * Endpoints.
 */
export class SliceWriter {
  readonly #client: ControllerContext['client'];
  readonly #expectations: Expectations;
  readonly #informer: Informer<EndpointSlice>;
  readonly #manager: string;

  /** @param manager value of the label that says which slices are ours */
  constructor(context: ControllerContext, manager: string, enqueue: (key: string) => void) {
    this.#client = context.client;
    this.#manager = manager;
    this.#expectations = new Expectations(context.clock);
    this.#informer = context.informers.informer<EndpointSlice>(resources.endpointSlices);
    this.#informer.addIndex(serviceIndex, (slice) => [serviceOf(slice)]);
    this.#informer.onChange(({ type, object }) => {
      if (!this.#isOurs(object)) return;
      this.#expectations.saw(serviceOf(object), type, object);
      enqueue(serviceOf(object));
    });
  }

  async removeAll(key: string): Promise<void> {
    this.#expectations.forget(key);
    for (const slice of this.#present(key)) await this.#remove(slice);
  }

  async write(wanted: WantedSlices): Promise<void> {
    const { key, labels, annotations, owner } = wanted;
    if (!this.#expectations.satisfied(key)) return;
    const present = this.#present(key);
    const changes = planSlices(wanted.groups, present, wanted.families);
    const updates = new Map(changes.update.map((slice) => [slice.metadata.name, slice]));
    for (const slice of present) {
      const { metadata } = slice;
      const isSame =
        jsonEqual(metadata.labels, labels) &&
        (annotations === undefined || jsonEqual(metadata.annotations ?? {}, annotations));
      if (changes.delete.includes(slice) || isSame) continue;
      updates.set(slice.metadata.name, updates.get(slice.metadata.name) ?? slice);
    }
    const meta = { labels, ...(annotations === undefined ? {} : { annotations }) };
    this.#expectations.expect(key, changes.create.length);
    for (const slice of changes.create) await this.#create(key, owner, slice, meta);
    for (const slice of updates.values()) {
      await this.#client.update(resources.endpointSlices, {
        ...slice,
        metadata: { ...slice.metadata, ...meta },
      });
    }
    for (const slice of changes.delete) await this.#remove(slice);
  }

  #present(key: string): EndpointSlice[] {
    return this.#informer.byIndex(serviceIndex, key).filter((slice) => this.#isOurs(slice));
  }

  #isOurs(slice: EndpointSlice): boolean {
    return slice.metadata.labels?.[managedByLabel] === this.#manager;
  }

  async #create(
    key: string,
    owner: Owner,
    slice: Omit<EndpointSlice, 'metadata'>,
    meta: Pick<EndpointSlice['metadata'], 'labels' | 'annotations'>,
  ): Promise<void> {
    const { namespace = '', name } = owner.metadata;
    try {
      const made = await this.#client.create<EndpointSlice>(resources.endpointSlices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: '',
          generateName: `${name}-`,
          namespace,
          ...meta,
          ownerReferences: [controllerReference(owner)],
        },
        ...slice,
      });
      this.#expectations.made(key, made);
    } catch (error) {
      // The remaining writes are not sent.
      this.#expectations.forget(key);
      throw error;
    }
  }

  async #remove(slice: EndpointSlice): Promise<void> {
    await this.#client.delete(resources.endpointSlices, slice.metadata).catch(ignoreNotFound);
  }
}

function serviceOf(slice: EndpointSlice): string {
  const name = slice.metadata.labels?.[serviceNameLabel] ?? '';
  return objectKey({ namespace: slice.metadata.namespace, name });
}
