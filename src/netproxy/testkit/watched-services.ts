/** Services that change, as the parts of a node see them: through informers on an API server in memory. */
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { serviceNameLabel } from '../../api/facts/well-known.js';
import { ServiceWatch } from '../model/service-watch.js';
import type { EndpointFields, ServiceFields } from './service-cluster.js';
import { serviceOf, sliceOf } from './service-cluster.js';

/** Makes, changes and removes Services and their EndpointSlices, by "namespace/name". */
export class WatchedServices {
  readonly api = new FakeApi();
  readonly #informers = createInformerFactory({
    client: this.api,
    clock: systemClock(),
    log: silentLogger,
  });
  readonly watch = new ServiceWatch(this.#informers, 'n1');

  end(): void {
    this.watch.stop();
    this.#informers.stop();
  }

  async addService(key: string, fields: ServiceFields): Promise<void> {
    await this.api.create(resources.services, serviceOf(key, fields));
  }

  async removeService(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/');
    await this.api.delete(resources.services, { namespace, name });
  }

  /** @param owner the Service that the slice names by its label */
  async addSlice(key: string, fields: EndpointFields, owner: string): Promise<void> {
    const slice = sliceOf(key, fields);
    const labels = { [serviceNameLabel]: owner };
    await this.api.create(resources.endpointSlices, {
      ...slice,
      metadata: { ...slice.metadata, labels },
    });
  }

  async removeSlice(key: string): Promise<void> {
    const { namespace = '', name } = sliceOf(key, { ports: [], at: [] }).metadata;
    await this.api.delete(resources.endpointSlices, { namespace, name });
  }
}

/** Resolves when `holds`; a test that waits for ever ends by its own time-out. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
