import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import { decodeObject } from '../../../api/strategy.js';
import { forbidden } from '../status.js';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { Admission, AdmissionRequest, RequestContext, Written } from './types.js';
import type { UpdateSource } from './writer.js';
import { Writer } from './writer.js';

let bench: ApiBench;
/** What admission is asked, as `mutate CREATE name`. */
let asked: string[];
let admission: Required<Admission>;
let mayCreate: (context: RequestContext) => Promise<void>;

beforeEach(async () => {
  bench = await ApiBench.create();
  asked = [];
  const note =
    (step: string) =>
    ({ operation, object, context }: AdmissionRequest): Promise<void> => {
      asked.push(`${step} ${operation} ${object?.metadata.name ?? context.target.name}`);
      return Promise.resolve();
    };
  admission = { mutate: note('mutate'), validate: note('validate'), abandon: note('abandon') };
  mayCreate = () => Promise.resolve();
});

const now = '2026-01-01T00:00:00Z';
const map = (metadata: object = {}, more: object = {}): Draft => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', namespace: 'ns', ...metadata },
  ...more,
});
const object = (draft: Draft): KubeObject => structuredClone(draft);

function writer(): Writer {
  return new Writer({
    objects: bench.objects,
    admission,
    mayCreate: (context) => mayCreate(context),
  });
}

const create = (draft: Draft, dryRun = false): Promise<Written> =>
  writer().create(bench.context(draft, { dryRun }), object(draft));

/** A PUT of the object, at the place of `map()`. */
function put(draft: Draft, more: Partial<UpdateSource> = {}, dryRun = false): Promise<Written> {
  return writer().update(bench.context(map(), { dryRun }), {
    next: () => object(draft),
    createsMissing: false,
    tracksFields: false,
    ...more,
  });
}

const present = (draft = map()): Promise<KubeObject> => bench.present(draft);

describe('an object that is made', () => {
  test('gets what only the server knows, whatever it says itself', async () => {
    const forged = {
      uid: 'mine',
      creationTimestamp: '2000-01-01T00:00:00Z',
      deletionTimestamp: '2000-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 3,
    };
    const { object: made, created, bytes } = await create(map(forged, { data: { a: 'b' } }));
    expect(created).toBe(true);
    const { metadata } = await present();
    expect(metadata).toMatchObject({ name: 'm', namespace: 'ns', creationTimestamp: now });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata).not.toHaveProperty('deletionTimestamp');
    expect(metadata).not.toHaveProperty('deletionGracePeriodSeconds');
    expect(made.metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(JSON.parse(bytes.toString())).toEqual(await present());
    expect(metadata.managedFields).toMatchObject([{ manager: 'test', operation: 'Update' }]);
    expect(asked).toEqual(['mutate CREATE m', 'validate CREATE m']);
  });

  test('has no version yet', async () => {
    await expect(create(map({ resourceVersion: '99' }))).rejects.toThrow(
      'resourceVersion should not be set on objects to be created',
    );
    // test/e2e/auth/per_node_update.go: an admission policy refuses such an object first.
    expect(asked).toEqual(['mutate CREATE m', 'validate CREATE m', 'abandon CREATE m']);
  });

  test('gets a name, and another one when that is taken', async () => {
    // Five characters are drawn for a name, each as its place in the alphabet.
    const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
    const draws = ['bbbbb', 'bbbbb', 'ccccc'].flatMap((name) =>
      name.split('').map((letter) => alphabet.indexOf(letter)),
    );
    Object.assign(bench.objects.random, { below: () => draws.shift() ?? 0 });
    const generated = map({ name: '', generateName: 'web-' });
    expect((await create(generated)).object.metadata.name).toBe('web-bbbbb');
    expect((await create(generated)).object.metadata.name).toBe('web-ccccc');
    await expect(create(map({ name: 'web-bbbbb' }))).rejects.toMatchObject({
      code: 409,
      message: 'configmaps "web-bbbbb" already exists',
    });
  });

  test('belongs to the namespace of its request', async () => {
    const bare = object(map({ namespace: '' }));
    const { metadata } = (await writer().create(bench.context(map()), bare)).object;
    expect(metadata.namespace).toBe('ns');
    const elsewhere = object(map({ namespace: 'other' }));
    await expect(writer().create(bench.context(map()), elsewhere)).rejects.toMatchObject({
      code: 400,
      message:
        'the namespace of the provided object does not match the namespace sent on the request',
    });
  });

  test('is only shown in a dry run', async () => {
    const { object: shown } = await create(map(), true);
    expect(shown.metadata.uid).toBeDefined();
    await expect(present()).rejects.toMatchObject({ code: 404 });
    await create(map());
    await expect(create(map(), true)).rejects.toMatchObject({ code: 409 });
  });

  test('is checked between what admission changes and what it decides', async () => {
    admission = {
      ...admission,
      mutate: ({ object: changed }) => {
        if (changed !== undefined) changed.metadata.name = 'Not A Name';
        return Promise.resolve();
      },
    };
    await expect(create(map())).rejects.toMatchObject({
      code: 422,
      message: expect.stringMatching(/^ConfigMap "Not A Name" is invalid: metadata.name: /),
    });
    expect(asked).toEqual([]);
  });

  test('that cannot be stored gives back what admission set aside', async () => {
    await create(map());
    asked = [];
    await expect(create(map())).rejects.toMatchObject({ code: 409 });
    expect(asked.at(-1)).toBe('abandon CREATE m');
  });

  test('names each owner once, and is told so', async () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };
    const context = bench.context(map());
    const { object: made } = await writer().create(
      context,
      object(map({ ownerReferences: [owner, owner] })),
    );
    expect(made.metadata.ownerReferences).toEqual([owner]);
    expect(context.warnings).toEqual([expect.stringContaining('duplicate')]);
  });
});

describe('an object that is changed', () => {
  beforeEach(async () => {
    await create(map({}, { data: { a: 'b' } }));
    asked = [];
  });

  test('keeps what only the server knows', async () => {
    const before = await present();
    const { created } = await put(map({ labels: { a: 'b' } }, { data: { c: 'd' } }));
    expect(created).toBe(false);
    const after = await present();
    expect(after).toMatchObject({ data: { c: 'd' }, metadata: { labels: { a: 'b' } } });
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.metadata.creationTimestamp).toBe(now);
    expect(asked).toEqual(['mutate UPDATE m', 'validate UPDATE m']);
  });

  test('by nothing stays as it is', async () => {
    const { resourceVersion } = (await present()).metadata;
    await put(map({}, { data: { a: 'b' } }));
    expect((await present()).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('is the version, and the very one, that was meant', async () => {
    const { uid = '', resourceVersion = '' } = (await present()).metadata;
    await expect(put(map({ resourceVersion: '1' }))).rejects.toMatchObject({
      code: 409,
      message:
        'Operation cannot be fulfilled on configmaps "m": the object has been modified; ' +
        'please apply your changes to the latest version and try again',
    });
    await expect(put(map({ uid: 'other' }))).rejects.toMatchObject({
      code: 409,
      message: expect.stringContaining(
        `Precondition failed: UID in precondition: other, UID in object meta: ${uid}`,
      ),
    });
    await expect(put(map({ uid: 'other' }), { isPatch: true })).rejects.toMatchObject({
      code: 422,
      message: 'ConfigMap "m" is invalid: metadata.uid: Invalid value: "other": field is immutable',
    });
    await expect(put(map({ resourceVersion: 'x' }))).rejects.toMatchObject({ code: 500 });
    await put(map({ uid, resourceVersion }));
  });

  test('keeps its name and its namespace', async () => {
    await expect(put(map({ name: 'n' }))).rejects.toMatchObject({
      code: 400,
      message: 'the name of the object (n) does not match the name on the URL (m)',
    });
    await expect(put(map({ namespace: 'other' }))).rejects.toMatchObject({ code: 400 });
    await put(map({ name: '', namespace: '' }, { data: { e: 'f' } }));
    expect(await present()).toMatchObject({ data: { e: 'f' } });
  });

  test('is only shown in a dry run', async () => {
    const { object: shown } = await put(map({}, { data: { c: 'd' } }), {}, true);
    expect(shown).toMatchObject({ data: { c: 'd' } });
    expect(await present()).toMatchObject({ data: { a: 'b' } });
  });

  test('stays when it is refused', async () => {
    const error = forbidden({ group: '', resource: 'configmaps' }, 'm', 'no');
    admission = { ...admission, validate: () => Promise.reject(error) };
    await expect(put(map({}, { data: { c: 'd' } }))).rejects.toBe(error);
    expect(asked.at(-1)).toBe('abandon UPDATE m');
    expect(await present()).toMatchObject({ data: { a: 'b' } });
  });

  test('goes when the last that held it is taken away, and not before', async () => {
    const held = (...finalizers: string[]): Draft => map({ finalizers, deletionTimestamp: now });
    await bench.objects.change(bench.place(map()), (old) => ({
      next: {
        ...old,
        metadata: { ...old.metadata, deletionTimestamp: now, finalizers: ['a.b/c', 'd.e/f'] },
      },
    }));
    expect((await put(held('d.e/f'))).deleted).toBe(false);
    expect((await present()).metadata.finalizers).toEqual(['d.e/f']);
    const {
      deleted,
      object: last,
      bytes,
    } = await put(map({ deletionTimestamp: now }, { data: { c: 'd' } }));
    expect(deleted).toBe(true);
    // The answer is what the write has made of it.
    expect(last).toMatchObject({ data: { c: 'd' } });
    expect(last.metadata).not.toHaveProperty('finalizers');
    expect(JSON.parse(bytes.toString())).toEqual(last);
    await expect(present()).rejects.toMatchObject({ code: 404 });
  });
});

describe('an update of an object that is not there', () => {
  test('makes it where it may', async () => {
    await expect(put(map())).rejects.toMatchObject({ code: 404 });
    const { created, object: made } = await put(map({ name: '' }), { createsMissing: true });
    expect([created, made.metadata.name]).toEqual([true, 'm']);
    expect(asked).toContain('mutate CREATE m');
  });

  test('needs the right to make it', async () => {
    const error = forbidden({ group: '', resource: 'configmaps' }, 'm', 'no');
    mayCreate = () => Promise.reject(error);
    await expect(put(map(), { createsMissing: true })).rejects.toBe(error);
    await expect(present()).rejects.toMatchObject({ code: 404 });
  });

  test('that means a certain one fails', async () => {
    await expect(put(map({ uid: 'u' }), { createsMissing: true })).rejects.toMatchObject({
      code: 409,
      message: expect.stringContaining('UID in precondition: u, UID in object meta: '),
    });
  });
});

test('kinds that must be changed by their version are', async () => {
  const lease = (metadata: object = {}): Draft =>
    ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'l', namespace: 'ns', ...metadata },
      spec: { holderIdentity: 'a' },
    }) as Draft;
  await create(lease());
  const update = writer().update(bench.context(lease()), {
    next: () => object(lease()),
    createsMissing: false,
    tracksFields: false,
  });
  await expect(update).rejects.toMatchObject({
    code: 422,
    message:
      'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: ' +
      'Invalid value: 0x0: must be specified for an update',
  });
});

test('an empty list of managers, as a client sends it, forgets all of them', async () => {
  const written = await create(map({}, { data: { a: 'b' } }));
  expect(written.object.metadata.managedFields).toHaveLength(1);
  const { kind } = bench.context(map()).target;
  const sent = decodeObject(kind, { ...map({ managedFields: [] }), data: { a: 'c' } });
  const reset = await writer().update(bench.context(map()), {
    next: () => sent.object,
    createsMissing: false,
    tracksFields: false,
  });
  expect(reset.object.metadata.managedFields).toBeUndefined();
});
