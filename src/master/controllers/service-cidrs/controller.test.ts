/** The classes around the plan: the finalizer, the condition, and addresses that are made and deleted. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addressFor } from '../../../api/facts/service-addresses.js';
import type { Service } from '../../../api/types/core.js';
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';
import { cidrFinalizer } from './plan.js';

let running: RunningControllers;
const start = async (name: string): Promise<void> => {
  running = await runControllers([name]);
};
afterEach(() => running.stop());

const cidrs = resources.serviceCidrs;
const key = { name: 'more' };
const web: Service = {
  metadata: { namespace: 'ns', name: 'web' },
  spec: { clusterIP: '10.1.0.5' },
};
const addCidr = (): Promise<ServiceCIDR> =>
  running.api.create<ServiceCIDR>(cidrs, {
    metadata: { ...key },
    spec: { cidrs: ['10.1.0.0/24'] },
    status: {},
  });
const addAddress = (): Promise<IPAddress> =>
  running.api.create<IPAddress>(resources.ipAddresses, addressFor('10.1.0.5', web));
const readiness = ({ status }: ServiceCIDR): string =>
  (status?.conditions ?? []).map(({ status, reason }) => `${status} ${reason}`).join();

test('a ServiceCIDR is held while an address of it is in use', async () => {
  await start('service-cidr-controller');
  await addCidr();
  const ready = await running.untilObject<ServiceCIDR>(
    cidrs,
    key,
    (object) => readiness(object) === 'True ',
  );
  expect(ready.metadata.finalizers).toEqual([cidrFinalizer]);
  await addAddress();
  await running.api.delete(cidrs, key);
  const held = await running.untilObject<ServiceCIDR>(
    cidrs,
    key,
    (object) => readiness(object) === 'False Terminating',
  );
  expect(held.metadata.finalizers).toEqual([cidrFinalizer]);
});

test('a ServiceCIDR whose deletion is old enough goes', async () => {
  await start('service-cidr-controller');
  const metadata = {
    ...key,
    finalizers: [cidrFinalizer],
    deletionTimestamp: '2026-01-01T00:00:00Z',
  };
  const spec = { cidrs: ['10.1.0.0/24'] };
  await running.api.create<ServiceCIDR>(cidrs, { metadata, spec, status: {} });
  await running.until('it is gone', async () => {
    const { items } = await running.api.list<ServiceCIDR>(cidrs);
    return items.length === 0 ? true : undefined;
  });
});

describe('the repair', () => {
  beforeEach(() => start('ipallocator-repair-controller'));
  const address = { name: '10.1.0.5' };

  test('makes the address of a service again', async () => {
    await addCidr();
    await running.api.create<Service>(resources.services, web);
    const made = (): Promise<IPAddress> =>
      running.untilObject<IPAddress>(resources.ipAddresses, address, () => true);
    expect((await made()).spec.parentRef).toMatchObject({ resource: 'services', name: 'web' });
    await running.api.delete(resources.ipAddresses, address);
    await made();
  });

  test('deletes no address that has become another one since it was read', async () => {
    const { api } = running;
    const other = { ...web, metadata: { namespace: 'ns', name: 'other' } };
    for (const service of [web, other]) await api.create<Service>(resources.services, service);
    const made = addressFor(address.name, web);
    const unlabelled = { ...made, metadata: { ...made.metadata, labels: {} } };
    await api.create<IPAddress>(resources.ipAddresses, unlabelled);
    let taken: Promise<unknown> | undefined;
    api.intercept = ({ verb, resource }) => {
      if (taken !== undefined || verb !== 'delete' || resource !== resources.ipAddresses) return;
      taken = Promise.resolve();
      taken = Promise.all([
        api.delete(resources.ipAddresses, address),
        api.create<IPAddress>(resources.ipAddresses, addressFor(address.name, other)),
      ]);
    };
    // The services are looked at once there are ranges.
    await addCidr();
    await running.until('it is another one', () => Promise.resolve(taken));
    const now = await api.get<IPAddress>(resources.ipAddresses, address);
    expect(now.spec.parentRef).toMatchObject({ name: 'other' });
  });

  test('deletes the address of a service that has another', async () => {
    await addCidr();
    await running.api.create<Service>(resources.services, { ...web, spec: { clusterIP: 'None' } });
    await addAddress();
    await running.until('the address is gone', async () => {
      const { items } = await running.api.list<IPAddress>(resources.ipAddresses);
      return items.length === 0 ? true : undefined;
    });
  });
});
