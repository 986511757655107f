/** Kubernetes' protobuf: messages against their kinds' schemas, samples there and back, and a server's answers. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as https from 'node:https';
import { builtInKinds, subresourceKinds } from '../../src/api/kinds.js';
import type { KindDeclaration } from '../../src/api/kind.js';
import { formatGroupVersion } from '../../src/api/object.js';
import type { SchemaNode } from '../../src/api/schema/node.js';
import { decodeObject } from '../../src/api/strategy.js';
import { decodeProtobuf } from '../../src/master/apiserver/protobuf/decode.js';
import type { Descriptor, Field } from '../../src/master/apiserver/protobuf/descriptors.js';
import { descriptorOf, messageOf } from '../../src/master/apiserver/protobuf/descriptors.js';
import { encodeMessage, envelope } from '../../src/master/apiserver/protobuf/encode.js';
import { specialOf } from '../../src/master/apiserver/protobuf/values.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';
import { readSamples } from './oracle/samples.js';

const type = 'application/vnd.kubernetes.protobuf';
const versionOf = ({ group, version }: KindDeclaration): string =>
  formatGroupVersion(group, version);
const declared = [...builtInKinds, ...subresourceKinds];

/** Fields of a message as JSON has them: those of embedded structs stand in their parent. */
function jsonFields({ fields }: Descriptor): Field[] {
  return fields.flatMap((field) => {
    const inner = field.inline ? descriptorOf(field.type) : undefined;
    return inner === undefined ? [field] : jsonFields(inner);
  });
}

const resolved = (node: SchemaNode): SchemaNode => node.resolve?.() ?? node;

/** The scalars of protobuf that a schema's value may travel as. */
function scalarsOf({ type: json, format }: SchemaNode): readonly string[] {
  if (json === 'string') return format === 'byte' ? ['bytes'] : ['string'];
  if (json === 'boolean') return ['bool'];
  return json === 'integer' ? ['int32', 'int64', 'uint32'] : ['double', 'float'];
}

/** Fields that the messages of 1.33 do not have. */
const onlyJson = ['.status.observedGeneration: no', '.status.conditions.observedGeneration: no'];

const specialFormats: Readonly<Record<string, string>> = {
  'date-time': 'meta.v1.Time',
  'micro-time': 'meta.v1.MicroTime',
  quantity: 'api.resource.Quantity',
};

/** What of a schema has no place in its message, or another type there. */
function differences(
  node: SchemaNode,
  message: Descriptor,
  path: string,
  seen: Set<string>,
): string[] {
  const key = `${message.name} ${node.definition ?? path}`;
  if (seen.has(key)) return [];
  seen.add(key);
  const fields = new Map(jsonFields(message).map((field) => [field.name, field]));
  return Object.entries(node.properties ?? {}).flatMap(([name, given]) => {
    const here = `${path}.${name}`;
    if (name === 'apiVersion' || name === 'kind') return [];
    const field = fields.get(name);
    if (field === undefined) return [`${here}: no field of ${message.name}`];
    let value = resolved(given);
    if (field.repeated !== (value.type === 'array') && specialOf(field.type) === undefined) {
      return [`${here}: is ${value.type}, and repeated: ${field.repeated}`];
    }
    if (field.repeated || field.map) value = resolved(value.items ?? { type: 'any' });
    const wanted = specialFormats[value.format ?? ''];
    if (wanted !== undefined) return field.type === wanted ? [] : [`${here}: ${field.type}`];
    const inner = descriptorOf(field.type);
    if (inner === undefined) {
      return scalarsOf(value).includes(field.type) ? [] : [`${here}: ${value.type} ${field.type}`];
    }
    return specialOf(field.type) === undefined ? differences(value, inner, here, seen) : [];
  });
}

test.each(declared.map((kind) => [`${versionOf(kind)} ${kind.kind}`, kind] as const))(
  '%s: every field has its place in the message, by the name and type that it has there',
  (_name, kind) => {
    const message = messageOf(versionOf(kind), kind.kind);
    if (message === undefined) throw new Error('no message');
    const found = differences(kind.schema, message, '', new Set());
    expect(found.filter((text) => !onlyJson.some((name) => text.startsWith(name)))).toEqual([]);
  },
);

const kindOf = ({ apiVersion, kind }: { apiVersion: string; kind: string }): KindDeclaration => {
  const found = declared.find((item) => item.kind === kind && versionOf(item) === apiVersion);
  if (found === undefined) throw new Error(`no kind ${apiVersion} ${kind}`);
  return found;
};

const samples = readSamples();

/** An object without what no message has: empty lists, and the kinds of claim templates. */
function plain(object: unknown): unknown {
  return JSON.parse(
    JSON.stringify(object, (key, value: unknown) => {
      if (Array.isArray(value) && value.length === 0) return undefined;
      if (key !== 'volumeClaimTemplates' || !Array.isArray(value)) return value;
      return (value as Record<string, unknown>[]).map(
        ({ kind: _kind, apiVersion: _version, ...rest }) => rest,
      );
    }),
  );
}

test.each(samples.map(({ id, object }) => [id, object] as const))(
  '%s is the same there and back',
  (_id, sample) => {
    const kind = kindOf(sample);
    const { object } = decodeObject(kind, sample);
    const body = envelope(sample.apiVersion, sample.kind, encodeMessage({ ...object }));
    const { object: back, problems } = decodeObject(kind, decodeProtobuf(body));
    expect([plain(back), problems]).toEqual([plain(object), []]);
  },
);

test.each([
  ['microseconds', 'Lease', 'coordination.k8s.io/v1', { renewTime: '2024-01-02T03:04:05.678901Z' }],
  [
    'a time before 1970',
    'Lease',
    'coordination.k8s.io/v1',
    { renewTime: '1969-12-31T23:59:59.500000Z' },
  ],
  ['a large number', 'Pod', 'v1', { activeDeadlineSeconds: 9_007_199_254_740_991, containers: [] }],
  ['a negative number', 'Pod', 'v1', { priority: -1, containers: [] }],
  ['a quantity', 'Pod', 'v1', { overhead: { cpu: '100m', memory: '1Gi' }, containers: [] }],
  ['no time', 'Pod', 'v1', { tolerations: [{ key: 'é', tolerationSeconds: 0 }], containers: [] }],
])('%s is kept', (_what, kind, apiVersion, spec) => {
  const object = { apiVersion, kind, metadata: { name: 'a', labels: { a: '' } }, spec };
  expect(decodeProtobuf(envelope(apiVersion, kind, encodeMessage(object)))).toMatchObject({
    metadata: object.metadata,
    spec: plain(spec) as object,
  });
});

describe('at a server', () => {
  let doors: TwoDoors;
  let admin: Identity;

  beforeAll(async () => {
    doors = await TwoDoors.start();
    admin = await doors.identity('admin', 'system:masters');
    const account = { metadata: { name: 'default' } };
    for (const namespace of ['default', 'kube-public']) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      await doors.rest(admin, 'POST', path, { body: account });
    }
  }, 60_000);

  afterAll(() => doors.stop());

  interface Raw {
    readonly code: number;
    readonly type: string;
    readonly bytes: Buffer;
  }

  /** The answer's bytes. `frames`: hangs up after so many frames of a watch. */
  const raw = (
    method: string,
    path: string,
    options: {
      readonly accept: string;
      readonly body?: Buffer;
      readonly contentType?: string;
      readonly frames?: number;
    },
  ): Promise<Raw> =>
    new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: '127.0.0.1',
          port: doors.restPort,
          method,
          path,
          ca: doors.ca.cert,
          ...admin.certificate,
          headers: {
            accept: options.accept,
            ...(options.body === undefined ? {} : { 'content-type': options.contentType ?? type }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          const done = (): void => {
            const { statusCode: code = 0, headers } = response;
            resolve({ code, type: headers['content-type'] ?? '', bytes: Buffer.concat(chunks) });
          };
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            const { frames } = options;
            if (frames === undefined || framesOf(Buffer.concat(chunks)).length < frames) return;
            done();
            request.destroy();
          });
          response.on('error', () => undefined);
          response.on('end', done);
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });

  /** The events of a watch's frames: a length, a text, and the object in its envelope. */
  function framesOf(bytes: Buffer): { type: string; object: unknown }[] {
    const out: { type: string; object: unknown }[] = [];
    for (let at = 0; at + 4 <= bytes.length;) {
      const length = bytes.readUInt32BE(at);
      const frame = bytes.subarray(at + 4, at + 4 + length);
      if (frame.length < length) break;
      at += 4 + length;
      const textLength = frame[1] ?? 0;
      const object = frame.subarray(frame.indexOf('k8s\0'));
      out.push({
        type: frame.subarray(2, 2 + textLength).toString(),
        object: decodeProtobuf(object),
      });
    }
    return out;
  }

  const json = async (path: string): Promise<DoorAnswer> => doors.rest(admin, 'GET', path);
  const collection = (kind: KindDeclaration): string => {
    const root = kind.group === '' ? '/api/v1' : `/apis/${versionOf(kind)}`;
    return `${root}${kind.namespaced ? '/namespaces/default' : ''}/${kind.plural}`;
  };
  const both = `${type},application/json`;
  /** An object as its kind reads it: without what only JSON writes, such as empty structs. */
  const read = (value: unknown): unknown => {
    const object = value as { apiVersion: string; kind: string };
    return plain(decodeObject(kindOf(object), object).object);
  };

  const made = samples.filter(({ object }) => object.kind !== 'CustomResourceDefinition');
  test.each(made.map(({ id, object }) => [id, object] as const))(
    '%s is created and read in protobuf as in JSON',
    async (_id, sample) => {
      const kind = kindOf(sample);
      const path = collection(kind);
      const { object } = decodeObject(kind, sample);
      const body = envelope(sample.apiVersion, sample.kind, encodeMessage({ ...object }));
      const answer = await raw('POST', path, { accept: type, body });
      expect(answer.type).toBe(type);
      const first = decodeProtobuf(answer.bytes) as { kind: string; metadata: { name: string } };
      const twin = await doors.rest(admin, 'POST', `${path}?dryRun=All`, { body: sample });
      if (answer.code !== 201) {
        expect([first.kind, twin.code]).toEqual(['Status', answer.code]);
        return;
      }
      const where = `${path}/${encodeURIComponent(first.metadata.name)}`;
      const got = await raw('GET', where, { accept: type });
      expect(read(decodeProtobuf(got.bytes))).toEqual(read(JSON.parse((await json(where)).text)));
    },
  );

  test('lists, and their metadata alone', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const whole = decodeProtobuf((await raw('GET', path, { accept: both })).bytes);
    const { items, ...head } = JSON.parse((await json(path)).text) as { items: object[] };
    expect(whole).toMatchObject({ ...head, kind: 'ConfigMapList' });
    expect((whole as { items: object[] }).items).toHaveLength(items.length);
    const accept = `${type};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
    const partial = await raw('GET', path, { accept });
    expect(decodeProtobuf(partial.bytes)).toMatchObject({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      items: items.map((item) => ({ metadata: (item as { metadata: { name: string } }).metadata })),
    });
  });

  test('a watch comes in frames', async () => {
    const path = '/api/v1/namespaces/default/configmaps?watch=1&allowWatchBookmarks=true';
    const query = '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const { items } = JSON.parse((await json('/api/v1/namespaces/default/configmaps')).text) as {
      items: object[];
    };
    const frames = items.length + 1;
    const accept = `${type};stream=watch,application/json;stream=watch`;
    const watch = await raw('GET', `${path}${query}`, { accept, frames });
    expect(watch.type).toBe(`${type};stream=watch`);
    const events = framesOf(watch.bytes);
    expect(events.slice(0, -1)).toMatchObject(
      items.map(() => ({ type: 'ADDED', object: { kind: 'ConfigMap' } })),
    );
    expect(events.at(-1)).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    });
  });

  test('errors are Status messages', async () => {
    const missing = await raw('GET', '/api/v1/namespaces/default/pods/none', { accept: both });
    expect([missing.code, decodeProtobuf(missing.bytes)]).toMatchObject([
      404,
      {
        kind: 'Status',
        apiVersion: 'v1',
        reason: 'NotFound',
        code: 404,
        details: { name: 'none' },
      },
    ]);
  });

  test('no table is protobuf, and no custom object', async () => {
    const pods = '/api/v1/pods';
    const table = 'as=Table;g=meta.k8s.io;v=v1';
    const alone = await raw('GET', pods, { accept: `${type};${table}` });
    expect([alone.code, alone.type]).toEqual([406, 'application/json']);
    expect(JSON.parse(alone.bytes.toString())).toMatchObject({
      message:
        'only the following media types are accepted: application/json, application/yaml, ' +
        'application/vnd.kubernetes.protobuf',
    });
    const other = await raw('GET', pods, {
      accept: `${type};${table},application/json;${table},application/json`,
    });
    expect(JSON.parse(other.bytes.toString())).toMatchObject({ kind: 'Table' });
    const definition = samples.find(({ object }) => object.kind === 'CustomResourceDefinition');
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await doors.rest(admin, 'POST', definitions, { body: definition?.object });
    const group = '/apis/example.com/v1/namespaces/default/widgets';
    for (let code = 404; code !== 200;) ({ code } = await json(group));
    const listed = await raw('GET', group, { accept: both });
    expect([listed.code, listed.type]).toEqual([200, 'application/json']);
    expect((await raw('GET', group, { accept: type })).code).toBe(406);
    const body = envelope('example.com/v1', 'Widget', Buffer.alloc(0));
    expect((await raw('POST', group, { accept: both, body })).code).toBe(415);
  });

  test('the metadata of a list is no object, and that of an object no list', async () => {
    const asked = async (path: string, form: string): Promise<unknown[]> => {
      const accept = `application/json;as=${form};g=meta.k8s.io;v=v1`;
      const { code, bytes } = await raw('GET', path, { accept });
      return [code, (JSON.parse(bytes.toString()) as { message?: string }).message];
    };
    const one = '/api/v1/namespaces/default';
    expect(await asked('/api/v1/namespaces', 'PartialObjectMetadata')).toEqual([
      406,
      'you requested PartialObjectMetadata, but the requested object is a list (*core.NamespaceList)',
    ]);
    expect(await asked(one, 'PartialObjectMetadataList')).toEqual([
      406,
      'you requested PartialObjectMetadataList, but the requested object is not a list (*core.Namespace)',
    ]);
    expect(await asked(one, 'PartialObjectMetadata')).toEqual([200, undefined]);
  });

  test('a field of a newer client is passed over, as there', async () => {
    const spec = { containers: [{ name: 'a', image: 'b' }], hostnameOverride: 'newer' };
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'newer' }, spec };
    const body = envelope('v1', 'Pod', encodeMessage(object));
    const path = '/api/v1/namespaces/kube-public/pods?fieldValidation=Strict&dryRun=All';
    const answer = await raw('POST', path, { accept: 'application/json', body });
    expect([answer.code, answer.code === 201 ? '' : answer.bytes.toString()]).toEqual([201, '']);
  });

  test('a watch has no YAML', async () => {
    const answer = await raw('GET', '/api/v1/pods?watch=1', { accept: 'application/yaml' });
    expect(answer.code).toBe(406);
    expect(answer.bytes.toString()).toContain(
      'only the following media types are accepted: application/json;stream=watch, ' +
        'application/vnd.kubernetes.protobuf;stream=watch',
    );
  });
});
