import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import { Deleter } from '../registry/deleter.js';
import { DefinitionController } from './controller.js';

let bench: ApiBench;
let controller: DefinitionController;
/** Kinds that were told of, as `group/version plural`. */
let told: string[];

beforeEach(async () => {
  bench = await ApiBench.create();
  told = [];
  const { objects, kinds } = bench;
  controller = new DefinitionController({
    objects,
    kinds,
    onKind: ({ group, version, plural }) => told.push(`${group}/${version} ${plural}`),
  });
  controller.start();
});
afterEach(() => controller.stop());

const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

function definition(plural: string, more: { versions?: object[]; names?: object } = {}): Draft {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  };
  const versions = more.versions ?? [{ name: 'v1', served: true, storage: true }];
  const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com`, uid: `uid-${plural}`, finalizers: [cleanup] },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: {
        plural,
        singular: plural.slice(0, -1),
        kind,
        listKind: `${kind}List`,
        ...more.names,
      },
      versions: versions.map((version) => ({ schema, ...version })),
    },
  } as Draft;
}

/** Lets what is under way come to rest, and time pass for what waits. */
async function settle(): Promise<void> {
  for (let round = 0; round < 8; round++) {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    await bench.watchCache.fresh();
    bench.clock.advance(5_000);
  }
}

const served = (): string[] =>
  bench.kinds
    .list()
    .filter(({ group }) => group === 'example.com')
    .map(({ version, plural }) => `${version} ${plural}`);

const conditions = async (draft: Draft): Promise<string[]> =>
  ((await bench.present<CustomResourceDefinition>(draft)).status?.conditions ?? []).map(
    ({ type, status, reason }) => `${type} ${status} ${reason ?? ''}`,
  );

function change(
  draft: Draft,
  next: (spec: CustomResourceDefinition['spec']) => void,
): Promise<unknown> {
  return bench.objects.change(bench.place(draft), (old) => {
    const changed = structuredClone(old) as CustomResourceDefinition;
    next(changed.spec);
    return { next: changed };
  });
}

test('a definition is served once its names are its own, and says so', async () => {
  const cars = definition('cars', {
    versions: [
      { name: 'v1', served: true, storage: true },
      { name: 'v2', served: true, storage: false },
      { name: 'v3', served: false, storage: false },
    ],
  });
  await bench.add(cars);
  await settle();
  expect(served()).toEqual(['v2 cars', 'v1 cars']);
  expect(told.toSorted()).toEqual(
    expect.arrayContaining(['example.com/v1 cars', 'example.com/v2 cars']),
  );
  expect(await conditions(cars)).toEqual([
    'NamesAccepted True NoConflicts',
    'Established True InitialNamesAccepted',
  ]);
  await change(cars, (spec) => {
    for (const version of spec.versions) version.served = version.name === 'v3';
  });
  await settle();
  expect(served()).toEqual(['v3 cars']);
});

test('a definition whose names are taken waits until they are free', async () => {
  const cars = definition('cars');
  const other = definition('autos', { names: { kind: 'Car', singular: 'car' } });
  await bench.add(cars);
  await settle();
  await bench.add(other);
  await settle();
  expect(served()).toEqual(['v1 cars']);
  expect((await conditions(other))[0]).toMatch(/^NamesAccepted False /);
  await bench.remove(cars);
  await settle();
  expect(served()).toEqual(['v1 autos']);
  expect((await conditions(other))[0]).toBe('NamesAccepted True NoConflicts');
});

test('a definition that is deleted goes after its objects', async () => {
  const cars = definition('cars');
  await bench.add(cars);
  await settle();
  const car = {
    apiVersion: 'example.com/v1',
    kind: 'Car',
    metadata: { name: 'c', namespace: 'ns', finalizers: ['example.com/garage'] },
  };
  const plain = { ...car, metadata: { name: 'd', namespace: 'ns' } };
  await bench.add(car, plain);
  const place = bench.place(car);
  const admission = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };
  await new Deleter({ objects: bench.objects, admission }).delete(bench.context(cars), {
    dryRun: false,
  });
  await settle();
  // One object is held: the definition waits for it, and is still served.
  expect(served()).toEqual(['v1 cars']);
  expect(await conditions(cars)).toContain('Terminating True InstanceDeletionInProgress');
  expect([...bench.objects.cache(place.kind).list()].map(({ name }) => name)).toEqual(['c']);
  await bench.objects.change(place, (old) => ({
    next: { ...old, metadata: { ...old.metadata, finalizers: [] } },
  }));
  await bench.objects.change(place, () => ({ next: undefined }));
  await settle();
  expect(served()).toEqual([]);
  await expect(bench.present(cars)).rejects.toMatchObject({ code: 404 });
});

test('nothing is kept any more after the end', async () => {
  const cars = definition('cars');
  controller.stop();
  await bench.add(cars);
  await settle();
  expect([served(), await conditions(cars)]).toEqual([[], []]);
  expect(bench.clock.pending).toBe(0);
});

test('a round that ends after the end asks for no other', async () => {
  let fail: (error: Error) => void = () => undefined;
  bench.objects.change = () =>
    new Promise((_, reject) => {
      fail = reject;
    });
  await bench.add(definition('cars'));
  const { pending } = bench.clock;
  controller.stop();
  fail(new Error('the store is gone'));
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  expect(bench.clock.pending).toBe(pending);
});
