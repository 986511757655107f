/** Every sample object through every version that serves its kind, at both doors of a running API server. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { builtInKinds } from '../../src/api/kinds.js';
import type { KindDeclaration } from '../../src/api/kind.js';
import { formatGroupVersion } from '../../src/api/object.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors, told } from '../security/two-doors.js';
import type { Sample } from './oracle/samples.js';
import { readSamples } from './oracle/samples.js';

interface Stored {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown>;
  [field: string]: unknown;
}

const id = ({ storage }: KindDeclaration): string => `${storage.group}/${storage.plural}`;
const versionOf = ({ group, version }: KindDeclaration): string =>
  formatGroupVersion(group, version);

function kindOf({ apiVersion, kind }: Sample['object']): KindDeclaration {
  const found = builtInKinds.find((item) => item.kind === kind && versionOf(item) === apiVersion);
  if (found === undefined) throw new Error(`no kind ${apiVersion} ${kind}`);
  return found;
}

/** Samples of kinds that are served in several versions, each with another version. */
const pairs = readSamples().flatMap(({ id: name, object }) => {
  const kind = kindOf(object);
  return builtInKinds
    .filter((other) => id(other) === id(kind) && other !== kind)
    .map((other) => ({ title: `${name} as ${versionOf(other)}`, object, kind, other }));
});

/** A job's selector names its own uid: written back it is another job's. */
const kept = readSamples().filter(({ object }) => object.kind !== 'Job');

let doors: TwoDoors;
let admin: Identity;

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
}, 60_000);

afterAll(() => doors.stop());

const path = (kind: KindDeclaration, namespace = 'default', name = ''): string => {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${versionOf(kind)}`;
  const scope = kind.namespaced ? `/namespaces/${namespace}` : '';
  return `${root}${scope}/${kind.plural}${name === '' ? '' : `/${name}`}`;
};
const ask = (
  method: string,
  where: string,
  body?: unknown,
  type = 'application/json',
): Promise<DoorAnswer> =>
  doors.rest(admin, method, where, { body, headers: { 'content-type': type } });
const read = ({ text }: DoorAnswer): Stored => JSON.parse(text) as Stored;
const succeeds = ({ code, text }: DoorAnswer, wanted: number): void => {
  expect([code, code === wanted ? '' : text]).toEqual([wanted, '']);
};
const merge = 'application/merge-patch+json';

/** The object without what each write changes. */
function lasting({ metadata, ...rest }: Stored): object {
  const { resourceVersion: _version, managedFields: _managers, ...meta } = metadata;
  const { metrics } = (rest['spec'] ?? {}) as { metrics?: { type: string }[] };
  // On the way through v1 the metric of CPU becomes the last one, as in Kubernetes.
  metrics?.sort((a, b) => (a.type < b.type ? -1 : 1));
  return { ...rest, metadata: meta };
}

describe.each(pairs)('$title', ({ object, kind, other }) => {
  const namespace = object.metadata.namespace;
  let first: Stored;
  let name = '';

  test('is answered in the version that it was written in', async () => {
    const made = await ask('POST', path(kind, namespace), object);
    succeeds(made, 201);
    first = read(made);
    name = String(first.metadata['name']);
    expect(first.apiVersion).toBe(versionOf(kind));
    const got = read(await ask('GET', path(kind, namespace, name)));
    expect(got).toEqual(first);
  });

  test('is read in the other, and means the same when it is written back', async () => {
    const where = path(other, namespace, name);
    const got = read(await ask('GET', where));
    expect(got.apiVersion).toBe(versionOf(other));
    const put = await ask('PUT', `${where}?fieldValidation=Strict`, got);
    succeeds(put, 200);
    expect(lasting(read(put))).toEqual(lasting(got));
    expect(lasting(read(await ask('GET', path(kind, namespace, name))))).toEqual(lasting(first));
    const list = JSON.parse((await ask('GET', path(other, namespace))).text) as {
      items: Stored[];
    };
    // What kind they are stands at the list.
    const { kind: _kind, apiVersion: _version, ...item } = lasting(got) as Stored;
    expect(list.items.map(lasting)).toContainEqual(item);
  });

  test('is patched through the other', async () => {
    const patch = { metadata: { labels: { patched: 'yes' } } };
    const patched = await ask('PATCH', path(other, namespace, name), patch, merge);
    succeeds(patched, 200);
    expect(read(patched)).toMatchObject({ apiVersion: versionOf(other), ...patch });
    const back = read(await ask('GET', path(kind, namespace, name)));
    const { metadata } = first;
    expect(lasting(back)).toEqual(
      lasting({ ...first, metadata: { ...metadata, ...patch.metadata } }),
    );
  });

  test('is created over gRPC in the version of the request', async () => {
    const copy = { ...object, metadata: { ...object.metadata, name: `${name}-grpc` } };
    const answer = await told(
      doors.grpc(admin).create({
        ref: {
          group: kind.group,
          version: kind.version,
          resource: kind.plural,
          namespace: namespace ?? '',
          name: '',
          subresource: '',
        },
        object: Buffer.from(JSON.stringify(copy)),
        options: undefined,
      }),
    );
    succeeds(answer, 200);
    expect(read(answer).apiVersion).toBe(versionOf(kind));
    const { text } = await ask('GET', path(kind, namespace, `${name}-grpc`));
    expect(JSON.parse(text)).toEqual(read(answer));
  });

  test('has a row in the other', async () => {
    const table = await doors.rest(admin, 'GET', path(other, namespace, name), {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const same = await doors.rest(admin, 'GET', path(kind, namespace, name), {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const cells = (answer: DoorAnswer): unknown =>
      (JSON.parse(answer.text) as { rows: { cells: unknown[] }[] }).rows[0]?.cells;
    expect(cells(table)).toEqual(cells(same));
  });
});

/** The object without what a dry run makes up: no service can ask for the network's own address. */
function asked(object: Stored): object {
  if (object.kind !== 'Service') return object;
  const {
    clusterIP: address,
    clusterIPs: _all,
    ...spec
  } = object['spec'] as Record<string, unknown>;
  return address === '10.96.0.0' ? { ...object, spec } : object;
}

test.each(kept.map((sample) => [sample.id, sample] as const))(
  '%s is what it was when it is written back',
  async (_id, { object }) => {
    const kind = kindOf(object);
    const { namespace } = object.metadata;
    const where = `${path(kind, namespace)}?dryRun=All`;
    const made = await ask('POST', where, object);
    expect(made.code).toBeLessThan(500);
    if (made.code !== 201) return;
    const again = await ask('POST', where, asked({ ...read(made), metadata: object.metadata }));
    succeeds(again, 201);
    const spec = ({ status: _status, ...fields }: Stored): object => {
      const {
        uid: _uid,
        creationTimestamp: _time,
        managedFields: _managers,
        name: _name,
        ...meta
      } = fields.metadata;
      return { ...fields, metadata: meta };
    };
    expect(spec(read(again))).toEqual(spec(read(made)));
  },
);
