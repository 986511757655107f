import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { ManualClock, systemClock } from '../../../lib/clock.js';
import { jsonAsideBytes } from '../limits.js';
import { isStatusError } from '../status.js';
import type { RequestContext, UpdateSource } from '../verbs/index.js';
import { SlotBreak, Slots } from '../verbs/index.js';
import { mutating, seats } from '../verbs/testkit/places.js';
import { runWithBreaks } from '../verbs/slot-break.js';
import { BodyLane } from './body-lane.js';
import { BodyParser } from './body-parser.js';
import { patchChange, patchSource } from './patch.js';

const now = (): string => '2024-01-01T00:00:00Z';
const jsonPatch = 'application/json-patch+json';
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const apply = 'application/apply-patch+yaml';

// One thread for all tests: to start is most of what it does.
let parser: BodyParser;

beforeAll(() => {
  parser = new BodyParser(new BodyLane(systemClock({ unref: true })));
});

afterAll(() => parser.close());

function configMaps(): KindDeclaration {
  const kind = builtInRegistry().byResource('', 'v1', 'configmaps');
  if (kind === undefined) throw new Error('no config maps');
  return kind;
}

function contextWith(fieldValidation: 'Strict' | 'Warn' | 'Ignore' = 'Warn'): RequestContext {
  const target = { kind: configMaps(), namespace: 'n', name: 'c', subresource: '' };
  const options = { dryRun: false, fieldManager: 'm', fieldValidation, force: false };
  return { user: { name: 'u', groups: [] }, target, options, warnings: [] };
}

function configMap(version = '1', data: Readonly<Record<string, string>> = { a: 'b' }): KubeObject {
  const metadata = { name: 'c', namespace: 'n', resourceVersion: version };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as unknown as KubeObject;
}

/** The effect, with the breaks that it needs; or an error's text. */
async function effect(source: UpdateSource, old: KubeObject): Promise<unknown> {
  for (let breaks = 0; ; breaks++) {
    try {
      return { object: await source.next(old), breaks };
    } catch (error) {
      if (isStatusError(error)) return { text: error.message, code: error.code, breaks };
      if (!(error instanceof SlotBreak)) throw error;
      await error.work();
    }
  }
}

/** The same patch, made long by blanks. */
function long(patch: unknown): Buffer {
  return Buffer.from(JSON.stringify(patch) + ' '.repeat(jsonAsideBytes));
}

describe('a long patch', () => {
  it.each<[string, string, unknown]>([
    ['a merge', merge, { data: { a: null, c: 'd' }, unknown: 1 }],
    ['a merge of wrong types', merge, { data: [1] }],
    ['a strategic merge', strategic, { data: { c: 'd' }, metadata: { labels: { x: 'y' } } }],
    ['a strategic merge of wrong types', strategic, { data: { a: [1] } }],
    ['a strategic merge that is none', strategic, [1]],
    ['operations', jsonPatch, [{ op: 'add', path: '/data/c', value: 'd' }]],
    ['operations that do not apply', jsonPatch, [{ op: 'remove', path: '/none' }]],
  ])('has the effect of a short one: %s', async (_name, type, patch) => {
    for (const validation of ['Strict', 'Warn', 'Ignore'] as const) {
      const [short, aside] = [contextWith(validation), contextWith(validation)];
      const parts = { parser, now };
      const text = Buffer.from(JSON.stringify(patch));
      const here = await effect(await patchSource(short, type, text, parts), configMap());
      const there = await effect(await patchSource(aside, type, long(patch), parts), configMap());
      expect(here).toHaveProperty('breaks', 0);
      expect(there).toEqual({ ...(here as object), breaks: 1 });
      expect(aside.warnings).toEqual(short.warnings);
    }
  });

  it('that cannot be read is the client’s mistake', async () => {
    const broken = Buffer.concat([Buffer.from('{,'), long({})]);
    const source = await patchSource(contextWith(), merge, broken, { parser, now });
    expect(await effect(source, configMap())).toMatchObject({ code: 400, breaks: 1 });
  });
});

describe('a patch that copies', () => {
  const copies = (count: number): Buffer =>
    Buffer.from(
      JSON.stringify(
        Array.from({ length: count }, (_, at) => ({
          op: 'copy',
          from: '/data/a',
          path: `/data/a${at}`,
        })),
      ),
    );

  it('is computed for each version of the object, once', async () => {
    const source = await patchSource(contextWith(), jsonPatch, copies(1), { parser, now });
    const first = await effect(source, configMap('1'));
    expect(first).toEqual({ object: configMap('1', { a: 'b', a0: 'b' }), breaks: 1 });
    const newer = configMap('2', { a: 'x' });
    const second = { object: configMap('2', { a: 'x', a0: 'x' }) };
    expect(await effect(source, newer)).toEqual({ ...second, breaks: 1 });
    expect(await effect(source, newer)).toEqual({ ...second, breaks: 0 });
    expect(await effect(source, configMap('1'))).toEqual({ ...(first as object), breaks: 0 });
  });

  it('gives each asker an object of his own', async () => {
    const source = await patchSource(contextWith(), jsonPatch, copies(1), { parser, now });
    await effect(source, configMap());
    const [one, other] = [await source.next(configMap()), await source.next(configMap())];
    expect(one).toEqual(other);
    expect(one).not.toBe(other);
  });

  /** The slots that are taken whenever the thread is asked, while a write of this form runs. */
  async function slotsWhileAside(
    run: (write: () => Promise<unknown>, slots: Slots) => Promise<unknown>,
  ): Promise<number[]> {
    const slots = new Slots(new ManualClock(), seats());
    const taken: number[] = [];
    const aside: BodyParser['aside'] = (user, work) => {
      taken.push(slots.inFlight.mutating);
      return parser.aside(user, work);
    };
    const watched = Object.assign(Object.create(parser) as BodyParser, { aside });
    const source = await patchSource(contextWith(), jsonPatch, copies(1), { parser: watched, now });
    await run(async () => source.next(configMap()), slots);
    slots.close();
    return taken;
  }

  it('waits for the thread without a slot', async () => {
    const refusal = (): Error => new Error('refused');
    const taken = await slotsWhileAside((write, slots) =>
      runWithBreaks(write, { slots, place: mutating, maxBreaks: 1, refusal }),
    );
    expect(taken).toEqual([0]);
  });

  it('is found by that test where it waits in its slot after all (a canary)', async () => {
    const breakInSlot = async (write: () => Promise<unknown>): Promise<unknown> => {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof SlotBreak)) throw error;
        await error.work();
        return write();
      }
    };
    const taken = await slotsWhileAside((write, slots) =>
      slots.run(mutating, () => breakInSlot(write)),
    );
    expect(taken).toEqual([1]);
  });

  it('of a Scale is done in the same way', async () => {
    const body = Buffer.from(JSON.stringify([{ op: 'copy', from: '/spec', path: '/more' }]));
    const change = patchChange(jsonPatch, body, { parser, user: 'u' });
    const scale = { ...configMap(), spec: { replicas: 1 } } as KubeObject;
    let interrupted: unknown;
    try {
      change(scale);
    } catch (error) {
      interrupted = error;
    }
    expect(interrupted).toBeInstanceOf(SlotBreak);
    await (interrupted as SlotBreak).work();
    expect(change(scale)).toEqual({ ...scale, more: { replicas: 1 } });
  });
});

describe('an applied configuration', () => {
  it.each<[object, number, string]>([
    [{ kind: 'ConfigMap' }, 400, 'invalid object type: /, Kind=ConfigMap'],
    [{ apiVersion: 'v2', kind: 'ConfigMap' }, 400, 'invalid object type: /v2, Kind=ConfigMap'],
    [{ apiVersion: 'apps/v1', kind: 'Pod' }, 400, 'invalid object type: apps/v1, Kind=Pod'],
    [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd' } },
      400,
      'the name of the object (d) does not match the name on the URL (c)',
    ],
    [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'o' } },
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, foo: 1 },
      500,
      'failed to create typed patch object (/c; /v1, Kind=ConfigMap): ' +
        '.foo: field not declared in schema',
    ],
  ])('%j is refused with %d', async (config, code, message) => {
    const body = Buffer.from(JSON.stringify(config));
    const source = patchSource(contextWith(), apply, body, { parser, now });
    await expect(source).rejects.toMatchObject({ code, message });
  });
});

it('an applied configuration without a name is of an object that is there, of no other', async () => {
  const body = Buffer.from('{"apiVersion":"v1","kind":"ConfigMap","data":{"x":"y"}}');
  const source = await patchSource(contextWith(), apply, body, { parser, now });
  expect(await effect(source, configMap())).toMatchObject({
    object: { metadata: { name: 'c' }, data: { x: 'y' } },
  });
  expect(() => source.next(undefined)).toThrow(
    'the name of the object (c based on URL) was undeterminable: name must be provided',
  );
});

it('leaves an object its name', async () => {
  const body = Buffer.from('{"metadata":{"name":null}}');
  const source = await patchSource(contextWith(), merge, body, { parser, now });
  expect(await effect(source, configMap())).toMatchObject({
    code: 400,
    text: 'the name of the object (c based on URL) was undeterminable: name must be provided',
  });
});
