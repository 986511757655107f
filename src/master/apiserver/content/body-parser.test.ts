import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kindsOfDefinition } from '../../../api/apiextensions/custom-kind.js';
import type { CustomResourceDefinition } from '../../../api/apiextensions/schemas.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { systemClock } from '../../../lib/clock.js';
import { jsonAsideBytes, maxValueBytes, yamlAsideBytes } from '../limits.js';
import { isStatusError } from '../status.js';
import { BodyLane } from './body-lane.js';
import { BodyParser } from './body-parser.js';
import { doBodyWork, WorkKinds } from './body-work.js';
import type { BodyFormat } from './typed-body.js';
import { parseBody, typedBody } from './typed-body.js';

// One thread for all tests: to start is most of what it does.
let parser: BodyParser;

beforeAll(() => {
  parser = new BodyParser(new BodyLane(systemClock({ unref: true })));
});

afterAll(() => parser.close());

const kinds = builtInRegistry();

function kindOf(group: string, version: string, plural: string): KindDeclaration {
  const kind = kinds.byResource(group, version, plural);
  if (kind === undefined) throw new Error(`no ${plural}`);
  return kind;
}

const configMap = kindOf('', 'v1', 'configmaps');

const definition = {
  metadata: { name: 'widgets.a.example' },
  spec: {
    group: 'a.example',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                },
              },
            },
          },
        },
      },
    ],
  },
} as unknown as CustomResourceDefinition;

function widget(): KindDeclaration {
  const [kind] = kindsOfDefinition(definition);
  if (kind === undefined) throw new Error('the definition has no kind');
  return kind;
}

/** An answer, or an error's text. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DecodeError) && !isStatusError(error)) throw error;
    return error.message;
  }
}

const json = 'application/json';
const longKey = 'x'.repeat(jsonAsideBytes);
const manyKeys = Array.from({ length: 5_000 }, (_, at) => `"k${at}":{"a":[1]}`).join();
const head = '"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n"}';

/** A pod in protobuf's envelope: each name a field of bytes. */
function protobuf(message: (bytes: (field: number, value: Buffer | string) => Buffer) => Buffer) {
  const bytes = (field: number, value: Buffer | string): Buffer => {
    const content = Buffer.from(value);
    const length: number[] = [];
    let rest = content.length;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) + 0x80);
    return Buffer.concat([Buffer.from([field * 8 + 2, ...length, rest]), content]);
  };
  const type = Buffer.concat([bytes(1, 'v1'), bytes(2, 'ConfigMap')]);
  const unknown = Buffer.concat([bytes(1, type), bytes(2, message(bytes))]);
  return Buffer.concat([Buffer.from('k8s\0'), unknown]);
}

describe('an object that is read beside the event loop', () => {
  it.each<[string, KindDeclaration, BodyFormat, string | Buffer]>([
    ['good', configMap, 'json', `{${head},"data":{"a":"ü\\u0000","b":null,"${longKey}":""}}`],
    ['of unknown fields', configMap, 'json', `{${head},${manyKeys}}`],
    ['of duplicate fields', configMap, 'json', `{${head},"data":{"a":"1","a":"${longKey}"}}`],
    ['with a prototype', configMap, 'json', `{${head},"data":{"__proto__":"1","a":"${longKey}"}}`],
    ['of wrong types', configMap, 'json', `{${head},"data":{"a":[1],"b":"${longKey}"}}`],
    ['of another kind', configMap, 'json', `{"kind":"Secret","data":{"a":"${longKey}"}}`],
    ['that is a list', configMap, 'json', `["${longKey}"]`],
    ['that ends early', configMap, 'json', `{${head},,"${longKey}":0}`],
    ['nested deep', configMap, 'json', '['.repeat(jsonAsideBytes)],
    ['of a custom kind', widget(), 'json', `{"spec":{"size":1,"free":{"a":1},${manyKeys}}}`],
    [
      'of YAML',
      configMap,
      'yaml',
      `data:\n  a: "1"\n  b: yes\n  ${'x'.repeat(yamlAsideBytes)}: ~\n`,
    ],
    [
      'of YAML, twice the same',
      configMap,
      'yaml',
      `a: 1\na: 2\n${'x'.repeat(yamlAsideBytes)}: 0\n`,
    ],
    ['of YAML with aliases', configMap, 'yaml', 'data: &a {b: c}\nbinaryData: *a\n'],
    ['of YAML nested deep', configMap, 'yaml', `a: ${'- '.repeat(yamlAsideBytes)}`],
    [
      'of protobuf',
      configMap,
      'protobuf',
      protobuf((bytes) => bytes(2, Buffer.concat([bytes(1, 'a'), bytes(2, longKey)]))),
    ],
    ['of broken protobuf', configMap, 'protobuf', protobuf(() => Buffer.alloc(jsonAsideBytes, 1))],
  ])('is what it is on the loop: %s', async (_name, kind, format, text) => {
    const bytes = Buffer.from(text);
    const there = await outcome(() => parser.object(kind, { bytes, format, user: 'u' }, true));
    const here = await outcome(() => typedBody(kind, parseBody(format, bytes, true), format));
    expect(there).toEqual(here);
  });

  it('leaves the loop nothing of the fields that its kind does not have', async () => {
    const bytes = Buffer.from(`{${head},${manyKeys}}`);
    const read = await parser.object(configMap, { bytes, format: 'json', user: 'u' }, true);
    expect(read.decoded).toMatchObject({ object: { kind: 'ConfigMap', metadata: { name: 'n' } } });
    expect(read.decoded).toHaveProperty('problems.length', 100);
    expect(JSON.stringify(read).length).toBeLessThan(10_000);
  });

  /** The order of a large body, a small one that comes later, and a turn of the event loop. */
  async function orderWith(reader: BodyParser): Promise<string[]> {
    const order: string[] = [];
    const send = (name: string, text: string): Promise<unknown> => {
      const body = { bytes: Buffer.from(text), format: 'json', user: 'u' } as const;
      return reader.object(configMap, body, true).then(() => order.push(name));
    };
    const turn = new Promise<void>((resolve) => setImmediate(resolve));
    await Promise.all([
      send('large', `{${head},${manyKeys}}`),
      send('small', `{${head}}`),
      turn.then(() => order.push('turn')),
    ]);
    return order;
  }

  it('lets the event loop turn meanwhile, and small bodies pass it', async () => {
    expect(await orderWith(parser)).toEqual(['small', 'turn', 'large']);
  });

  it('is missed by that test where it is read on the loop after all (a canary)', async () => {
    const here = new WorkKinds();
    const onLoop = new BodyParser({
      run: (_user, work) => Promise.resolve(doBodyWork(work, here)),
      close: () => Promise.resolve(),
    });
    expect(await orderWith(onLoop)).not.toEqual(['small', 'turn', 'large']);
  });
});

describe('a value of no kind', () => {
  it('is parsed', async () => {
    const long = 'x'.repeat(jsonAsideBytes);
    for (const text of ['', long]) {
      const bytes = Buffer.from(JSON.stringify({ a: text }));
      expect(await parser.value(bytes, json, 'u')).toEqual({ a: text });
    }
    const wrong = parser.value(Buffer.from(`{,${long}`), json, 'u');
    await expect(wrong).rejects.toMatchObject({ code: 400 });
    const other = parser.value(Buffer.from('a'), 'text/plain', 'u');
    await expect(other).rejects.toMatchObject({ code: 415 });
  });

  it('is refused where it is longer than any of use, also by its aliases', async () => {
    const long = Buffer.from(`"${'x'.repeat(maxValueBytes)}"`);
    await expect(parser.value(long, json, 'u')).rejects.toMatchObject({ code: 413 });
    const levels = Array.from(
      { length: 5 },
      (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`,
    );
    const grown = Buffer.from(['a0: &a0 [x,x,x,x]', ...levels].join('\n'));
    const refused = parser.value(grown, 'application/yaml', 'u');
    await expect(refused).rejects.toMatchObject({ code: 413 });
  });
});
