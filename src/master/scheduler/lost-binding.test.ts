import { expect, test } from '@jest/globals';
import type { Node, Pod } from '../../api/types/core.js';
import type { KubeObject } from '../../api/object.js';
import { createInformerFactory } from '../../client/index.js';
import type { ResourceId, WriteOptions } from '../../client/index.js';
import { ApiError } from '../../client/types.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { systemClock } from '../../lib/clock.js';
import { silentLogger as log } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import { startScheduler } from './scheduler.js';

const pod = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '600m' } } }] },
});

/** Binds, and loses the answer; no watcher is told of it before the second pod is decided on. */
class LossyApi extends FakeApi {
  readonly bound: string[] = [];
  #hidden: Pod | undefined;

  override async create<T extends KubeObject>(
    resource: ResourceId,
    object: T,
    options: WriteOptions & { readonly name?: string } = {},
  ): Promise<T> {
    if (options.subresource !== 'binding') return super.create<T>(resource, object, options);
    this.bound.push(object.metadata.name);
    const present = await super.get<Pod>(resources.pods, object.metadata);
    this.#hidden = { ...present, spec: { ...present.spec, nodeName: 'node' } };
    throw new ApiError(503, 'ServiceUnavailable', 'connection reset', { definite: false });
  }

  override async get<T extends KubeObject>(
    resource: ResourceId,
    key: { readonly namespace?: string; readonly name: string },
  ): Promise<T> {
    const { metadata } = this.#hidden ?? pod('');
    if (metadata.name === key.name) return this.#hidden as unknown as T;
    return super.get<T>(resource, key);
  }
}

// Seed 39 of the simulated control plane: the place of a pod whose binding had happened was given to another as well.
test('a pod whose binding may have happened keeps its place until that is known', async () => {
  const api = new LossyApi();
  await api.create<Node>(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node' },
    spec: {},
    status: { allocatable: { cpu: '1', memory: '1Gi', pods: '10' } },
  });
  const clock = systemClock();
  const informers = createInformerFactory({ client: api, clock, log });
  const parts = { client: api, informers, clock, log, prng: new Prng(1) };
  const scheduler = await startScheduler(parts);
  const seen = informers.informer<Pod>(resources.pods);
  await api.create(resources.pods, pod('first'));
  await api.create(resources.pods, pod('second'));
  const message = await new Promise<string>((resolve) => {
    seen.onChange(({ object }) => {
      const [condition] = object.status?.conditions ?? [];
      if (condition?.reason === 'Unschedulable') resolve(condition.message ?? '');
    });
  });
  expect(message).toMatch(/Insufficient cpu/);
  expect(api.bound).toEqual(['first']);
  await scheduler.stop();
  informers.stop();
});
