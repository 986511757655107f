/** Whole numbers of 64 bits that a double would round, at a running API server: clients read what they wrote. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../src/api/kinds.js';
import { formatGroupVersion } from '../../src/api/object.js';
import { formatJson } from '../../src/lib/json.js';
import { decodeProtobuf } from '../../src/master/apiserver/protobuf/decode.js';
import { encodeMessage, envelope } from '../../src/master/apiserver/protobuf/encode.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';
import { readSamples } from './oracle/samples.js';

let doors: TwoDoors;
let admin: Identity;

/** 2^53 + 1: the least number that a double rounds. */
const long = '9007199254740993';
const most = '9223372036854775807';
const least = '-9223372036854775808';
const beyond = '9223372036854775808';

const revisions = '/apis/apps/v1/namespaces/default/controllerrevisions';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const counts = '/apis/example.com/v1/namespaces/default/counts';

const revision = (name: string, number: string): string =>
  `{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"${name}"},"data":{"n":${number}},` +
  `"revision":${number}}`;
const count = (name: string, spec: string): string =>
  `{"apiVersion":"example.com/v1","kind":"Count","metadata":{"name":"${name}"},"spec":${spec}}`;

const int64 = { type: 'integer', format: 'int64' };
const definition = `{"metadata":{"name":"counts.example.com"},"spec":{"group":"example.com",
  "names":{"plural":"counts","kind":"Count"},"scope":"Namespaced","versions":[{"name":"v1","served":true,
  "storage":true,"additionalPrinterColumns":[{"name":"N","type":"integer","jsonPath":".spec.n"}],
  "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{
    "n":{"type":"integer","minimum":0,"maximum":${most},"x-kubernetes-validations":[
      {"rule":"self != ${long}","message":"not this one"}]},
    "f":{"type":"number"},"e":${JSON.stringify(int64)},"d":{"type":"integer","default":${long}},
    "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"integer"}},
    "any":{"x-kubernetes-preserve-unknown-fields":true}}}}}}}]}}`;

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
  const made = await ask('POST', definitions, definition);
  expect([made.code, made.message]).toEqual([201, '']);
  for (let code = 404; code !== 200;) ({ code } = await doors.rest(admin, 'GET', counts));
}, 60_000);

afterAll(() => doors.stop());

const ask = (
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<DoorAnswer> =>
  doors.rest(admin, method, path, {
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body ?? '')),
      ...headers,
    },
  });

/** The numbers that a text has under a name. */
const numbers = (name: string, text: string): string[] =>
  [...text.matchAll(new RegExp(`"${name}":\\s*(-?\\d+)`, 'g'))].map(([, digits = '']) => digits);

describe('a ControllerRevision', () => {
  test.each([
    ['long', long],
    ['most', most],
    ['least', least],
    ['safe', '9007199254740991'],
  ])('%s keeps its revision and its data', async (name, number) => {
    const made = await ask('POST', revisions, revision(name, number));
    // Kubernetes refuses a negative one; the number is told as it was.
    if (number.startsWith('-')) {
      expect([made.code, made.message]).toEqual([422, expect.stringContaining(number)]);
      return;
    }
    expect([made.code, numbers('revision', made.text)]).toEqual([201, [number]]);
    const got = await ask('GET', `${revisions}/${name}`);
    expect([numbers('revision', got.text), numbers('n', got.text)]).toEqual([[number], [number]]);
  });

  test('beyond int64 is refused', async () => {
    const made = await ask('POST', revisions, revision('beyond', beyond));
    const text = `json: cannot unmarshal number ${beyond} into Go struct field ControllerRevision.revision of type int64`;
    expect([made.code, made.message]).toEqual([400, expect.stringContaining(text)]);
  });

  test('is shown so in YAML, protobuf, tables and for people', async () => {
    const path = `${revisions}/long`;
    const yaml = await ask('GET', path, undefined, { accept: 'application/yaml' });
    expect(yaml.text).toContain(`revision: ${long}\n`);
    const pretty = await ask('GET', `${path}?pretty=true`);
    expect(pretty.text).toContain(`  "revision": ${long}\n`);
    const table = await ask('GET', path, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    expect(table.text).toContain(`,${long},`);
  });

  test.each([
    ['application/merge-patch+json', `{"revision":${most}}`],
    ['application/strategic-merge-patch+json', `{"revision":${most}}`],
    [
      'application/json-patch+json',
      `[{"op":"test","path":"/revision","value":${long}},{"op":"replace","path":"/revision","value":${most}}]`,
    ],
  ])('is changed by %s', async (type, patch) => {
    const path = `${revisions}/long?dryRun=All`;
    const patched = await ask('PATCH', path, patch, { 'content-type': type });
    expect([patched.message, numbers('revision', patched.text)]).toEqual(['', [most]]);
  });

  test('that a test of a JSON patch takes for its neighbour is not changed', async () => {
    const patch = '[{"op":"test","path":"/revision","value":9007199254740992}]';
    const headers = { 'content-type': 'application/json-patch+json' };
    expect((await ask('PATCH', `${revisions}/long`, patch, headers)).code).toBe(422);
  });

  test('is applied, and belongs to who applied it', async () => {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    const yaml = `apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: applied}\ndata: {}\nrevision: ${long}\n`;
    const path = `${revisions}/applied?fieldManager=m`;
    const applied = await ask('PATCH', path, yaml, headers);
    expect([applied.message, numbers('revision', applied.text)]).toEqual(['', [long]]);
    const other = await ask(
      'PATCH',
      path.replace('=m', '=other'),
      yaml.replace('993', '992'),
      headers,
    );
    expect(other.code).toBe(409);
  });
});

describe('a custom object', () => {
  const spec = `{"n":${most},"f":${long},"e":${least},"set":[${long},9007199254740992],"any":{"x":[${long}]}}`;

  test('keeps all digits, and its definition those of defaults', async () => {
    const made = await ask('POST', counts, count('a', spec));
    expect([made.code, made.message]).toEqual([201, '']);
    const { text } = await ask('GET', `${counts}/a`);
    expect(text).toContain(spec.slice(1, -1).split(',"set"')[0]);
    expect(text).toContain(`"set":[${long},9007199254740992]`);
    expect(numbers('d', text)).toEqual([long]);
    const defined = await ask('GET', `${definitions}/counts.example.com`);
    expect(numbers('default', defined.text)).toEqual([long]);
  });

  test.each([
    ['breaks a rule that names its number', `{"n":${long}}`, 'not this one'],
    ['has one number twice', `{"set":[${long},${long}]}`, `Duplicate value: ${long}`],
    ['is too small', `{"n":-${long}}`, `Invalid value: -${long}`],
  ])('that %s is refused', async (_, given, message) => {
    const made = await ask('POST', counts, count('b', given));
    expect([made.code, made.message]).toEqual([422, expect.stringContaining(message)]);
  });

  test('beyond int64 is a float64', async () => {
    const made = await ask('POST', counts, count('c', `{"any":${beyond}}`));
    expect(numbers('any', made.text)).toEqual([String(Number(beyond))]);
  });
});

test('protobuf has the same numbers', () => {
  const object = { apiVersion: 'apps/v1', kind: 'ControllerRevision', revision: BigInt(long) };
  const body = envelope('apps/v1', 'ControllerRevision', encodeMessage(object));
  expect(decodeProtobuf(body)).toMatchObject({ revision: BigInt(long) });
});

test('a pod may have more time to end than there is, and have it taken back', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  await ask(
    'POST',
    '/api/v1/namespaces/default/serviceaccounts',
    '{"metadata":{"name":"default"}}',
  );
  const made = await ask(
    'POST',
    pods,
    `{"metadata":{"name":"p"},"spec":{"nodeName":"n","terminationGracePeriodSeconds":${most},` +
      '"containers":[{"name":"c","image":"i"}]}}',
  );
  expect([made.message, numbers('terminationGracePeriodSeconds', made.text)]).toEqual(['', [most]]);
  const ending = await ask('DELETE', `${pods}/p`);
  expect(JSON.parse(ending.text)).toMatchObject({
    metadata: {
      deletionTimestamp: '9999-12-31T23:59:59Z',
      deletionGracePeriodSeconds: Number.MAX_SAFE_INTEGER,
    },
  });
  const sooner = await ask('DELETE', `${pods}/p`, `{"gracePeriodSeconds":${long}}`);
  expect([sooner.code, sooner.message]).toEqual([200, '']);
  expect((await ask('DELETE', `${pods}/p`, '{"gracePeriodSeconds":1}')).code).toBe(200);
  const strange = await ask('DELETE', `${pods}/p`, `{"propagationPolicy":${long}}`);
  expect(strange.code).toBeLessThan(500);
});

test('an applied list that repeats one is refused by its digits', async () => {
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const path = `${counts}/twice?fieldManager=m`;
  const applied = await ask('PATCH', path, count('twice', `{"set":[${long},${long}]}`), headers);
  expect([applied.code, applied.message]).toEqual([500, expect.stringContaining(`[=${long}]`)]);
});

/** Copies of a value, each with one part replaced by the long number. */
function* altered(value: unknown): Generator {
  yield BigInt(long);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const next of altered(item)) yield value.with(index, next);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      for (const next of altered(item)) yield { ...value, [name]: next };
    }
  }
}

test.each(readSamples().map(({ id, object }) => [id, object] as const))(
  'wherever one stands in %s, it is taken or refused',
  async (_, object) => {
    const kind = builtInRegistry()
      .list()
      .find(
        (item) =>
          item.kind === object.kind &&
          formatGroupVersion(item.group, item.version) === object.apiVersion,
      );
    if (kind === undefined || !kind.verbs.includes('create')) return;
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${object.apiVersion}`;
    const scope = kind.namespaced ? `/namespaces/${object.metadata.namespace ?? 'default'}` : '';
    const path = `${root}${scope}/${kind.plural}?dryRun=All`;
    const failures: string[] = [];
    for (const next of altered(object)) {
      const body = formatJson(next);
      const answer = await ask('POST', path, body);
      if (answer.code >= 500) failures.push(`${answer.code} ${answer.message}: ${body}`);
    }
    expect(failures).toEqual([]);
  },
  60_000,
);

test.each([long, least])('%s is refused or taken in every place of a patch', async (number) => {
  const maps = '/api/v1/namespaces/default/configmaps';
  await ask('POST', maps, '{"metadata":{"name":"m"},"data":{"a":"b"}}');
  await ask('POST', counts, count('m', '{"e":1}'));
  const bodies: Record<string, readonly string[]> = {
    'strategic-merge': [
      `{"$patch":${number}}`,
      `{"data":{"$patch":${number},"$retainKeys":${number}}}`,
      `{"metadata":{"$setElementOrder/ownerReferences":${number},"ownerReferences":[{"uid":${number}}]}}`,
      `{"metadata":{"$deleteFromPrimitiveList/finalizers":[${number}],"finalizers":[${number}]}}`,
      number,
    ],
    merge: [`{"spec":{"any":[${number}],"e":${number}}}`, `{"spec":${number}}`, number],
    json: [
      `[{"op":"add","path":"/spec/any","value":{"x":${number}}}]`,
      `[{"op":${number},"path":${number},"value":${number}},${number}]`,
      number,
    ],
    apply: [count('m', `{"any":${number},"set":[${number}]}`), number],
  };
  const failures: string[] = [];
  for (const [name, texts] of Object.entries(bodies)) {
    const type = `application/${name}-patch+${name === 'apply' ? 'yaml' : 'json'}`;
    const path = name === 'strategic-merge' ? `${maps}/m` : `${counts}/m`;
    for (const text of texts) {
      const to = `${path}?fieldManager=m`;
      const { code, message } = await ask('PATCH', to, text, { 'content-type': type });
      if (code >= 500) failures.push(`${code} ${message}: ${text}`);
    }
  }
  expect(failures).toEqual([]);
});
