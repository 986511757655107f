/** `diff --since`: what is read, how much of it is held, and what comes of it. */
import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import { ApiError } from '../../client/types.js';
import type { Resource } from '../kube/resource.js';
import { pathOf } from '../kube/resource.js';
import type { KubeClient, KubeRequest } from '../kube/types.js';
import type { DiffScope, Pair } from './cluster-diff.js';
import { changedSince } from './cluster-diff.js';
import { pagesAt, versionsMax, versionsOf } from '../../history/past.js';
import { listerOf } from './reader.js';

const configMaps: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  namespaced: true,
  shortNames: ['cm'],
  categories: [],
  verbs: ['list'],
};
const secrets: Resource = { ...configMaps, kind: 'Secret', plural: 'secrets', singular: 'secret' };

const object = (name: string, resourceVersion: string, more: object = {}): KubeObject => ({
  metadata: { name, namespace: 'default', resourceVersion },
  ...more,
});

/** A server with two states of one resource, which it hands out by pages of what a request allows. */
class TwoStates {
  readonly requests: string[] = [];
  readonly #states: Readonly<Record<'then' | 'now', readonly KubeObject[]>>;
  readonly #refuse: (path: string) => void;

  constructor(
    states: Readonly<Record<'then' | 'now', readonly KubeObject[]>>,
    refuse: (path: string) => void = () => undefined,
  ) {
    this.#states = states;
    this.#refuse = refuse;
  }

  get session(): { readonly kube: KubeClient } {
    const json = ({ path, query = {} }: KubeRequest): Promise<unknown> => {
      const next = typeof query['continue'] === 'string' ? query['continue'] : '';
      const then = query['resourceVersion'] !== undefined || next.startsWith('then');
      const when = then ? 'then' : 'now';
      this.requests.push(`${when} ${next.split(' ')[1] ?? '0'} ${String(query['limit'])}`);
      try {
        this.#refuse(path);
      } catch (error) {
        return Promise.reject(error);
      }
      const all = this.#states[when];
      const [from, limit] = [Number(next.split(' ')[1] ?? 0), Number(query['limit'])];
      const items = structuredClone(all.slice(from, from + limit));
      const more = from + limit < all.length ? `${when} ${from + limit}` : '';
      return Promise.resolve({ metadata: { continue: more }, items });
    };
    return { kube: { json } as unknown as KubeClient };
  }
}

const scope = (more: Partial<DiffScope> = {}): DiffScope => ({
  resources: [configMaps],
  namespace: 'default',
  names: [],
  status: false,
  ...more,
});

async function pairsOf(
  server: TwoStates,
  more: Partial<DiffScope> = {},
): Promise<{ readonly pairs: Pair[]; readonly hidden: string[] }> {
  const [pairs, hidden]: [Pair[], string[]] = [[], []];
  const hide = (name: string): void => void hidden.push(name);
  for await (const pair of changedSince(server.session, scope(more), { revision: '5', hide })) {
    pairs.push(pair);
  }
  return { pairs, hidden };
}

const sidesOf = (pairs: readonly Pair[]): string[] =>
  pairs
    .map(({ ref, before, after }) => {
      const is = before === undefined ? 'made' : after === undefined ? 'gone' : 'changed';
      return `${ref.name} ${is}`;
    })
    .sort();

describe('which objects differ', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => object(name, '1')) as [
    KubeObject,
    KubeObject,
    KubeObject,
    KubeObject,
  ];
  const newer = object('b', '2');
  test.each<[string, KubeObject[], KubeObject[], Partial<DiffScope>, string[]]>([
    ['nothing, where versions are the same', [a, b], [a, b], {}, []],
    ['one that was made', [a], [a, b], {}, ['b made']],
    ['one that is gone', [a, b], [b], {}, ['a gone']],
    ['one that was written', [a, b, c], [a, newer, c], {}, ['b changed']],
    ['all three', [a, b], [newer, c], {}, ['a gone', 'b changed', 'c made']],
    [
      'only those that are named',
      [a, b],
      [newer, c],
      { names: ['c', 'b'] },
      ['b changed', 'c made'],
    ],
    ['lists of another order', [d, b, a, c], [a, newer, c, d], {}, ['b changed']],
    ['nothing at all', [], [], {}, []],
  ])('%s', async (_, then, now, more, expected) => {
    expect(sidesOf((await pairsOf(new TwoStates({ then, now }), more)).pairs)).toEqual(expected);
  });

  test('an object of the same name in another namespace is another', async () => {
    const elsewhere = { metadata: { name: 'a', namespace: 'other', resourceVersion: '1' } };
    const server = new TwoStates({ then: [a], now: [elsewhere] });
    const { pairs } = await pairsOf(server, { namespace: undefined });
    expect(sidesOf(pairs)).toEqual(['a gone', 'a made']);
  });
});

describe('what is shown of a side', () => {
  const sides = async (
    then: KubeObject,
    now: KubeObject,
    more: Partial<DiffScope> = {},
  ): Promise<unknown> => {
    const { pairs } = await pairsOf(new TwoStates({ then: [then], now: [now] }), more);
    return pairs.map(({ before, after }) => [before, after])[0];
  };

  test('nothing that each write changes, and no status', async () => {
    const noisy = (version: string, status: string): KubeObject & { status: string } => ({
      metadata: {
        name: 'a',
        namespace: 'default',
        resourceVersion: version,
        generation: Number(version),
        managedFields: [{ manager: version }],
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': version, note: 'x' },
      },
      status,
    });
    const shown = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default', annotations: { note: 'x' } },
    };
    expect(await sides(noisy('1', 'a'), noisy('2', 'b'))).toEqual([shown, shown]);
    expect(await sides(noisy('1', 'a'), noisy('2', 'b'), { status: true })).toEqual([
      { ...shown, status: 'a' },
      { ...shown, status: 'b' },
    ]);
  });

  test.each([
    ['changed', { p: 'one' }, { p: 'two' }, { p: '*** (before)' }, { p: '*** (after)' }],
    ['the same', { p: 'one' }, { p: 'one' }, { p: '***' }, { p: '***' }],
    ['made', {}, { p: 'two' }, {}, { p: '***' }],
  ])('no value of a Secret that is %s', async (_, was, is, before, after) => {
    const shown = await sides(object('s', '1', { data: was }), object('s', '2', { data: is }), {
      resources: [secrets],
    });
    expect(shown).toMatchObject([{ data: before }, { data: after }]);
    expect(JSON.stringify(shown)).not.toMatch(/one|two/);
  });

  test.each([
    ['gone', [object('s', '1', { data: { p: 'one' } })], []],
    ['made', [], [object('s', '1', { data: { p: 'one' } })]],
  ])('no value of a Secret that is %s alone', async (_, then, now) => {
    const { pairs } = await pairsOf(new TwoStates({ then, now }), { resources: [secrets] });
    expect(pairs).toHaveLength(1);
    expect(JSON.stringify(pairs)).not.toContain('one');
  });
});

describe('10,000 objects', () => {
  const many = Array.from({ length: 10_000 }, (_, at) =>
    object(`o-${String(at).padStart(5, '0')}`, '1'),
  );

  test('take a request for each page of either side', async () => {
    const now = many.with(7_000, object('o-07000', '2'));
    const server = new TwoStates({ then: many, now });
    const { pairs } = await pairsOf(server);
    expect(sidesOf(pairs)).toEqual(['o-07000 changed']);
    expect(server.requests).toHaveLength(40);
    expect(server.requests.every((line) => line.endsWith(' 500'))).toBe(true);
  });

  test('are read side by side: what is alike is let go before more is read', async () => {
    const server = new TwoStates({ then: many, now: many });
    await pairsOf(server);
    expect(server.requests.slice(0, 6)).toEqual([
      'then 0 500',
      'now 0 500',
      'then 500 500',
      'now 500 500',
      'then 1000 500',
      'now 1000 500',
    ]);
  });

  test('are found as they come: the first is there before the last page is read', async () => {
    const now = many.map((one, at) => (at === 3 ? object('o-00003', '2') : one));
    const server = new TwoStates({ then: many, now });
    const options = { revision: '5', hide: () => undefined };
    const found = changedSince(server.session, scope(), options);
    expect((await found.next()).value).toMatchObject({ ref: { name: 'o-00003' } });
    expect(server.requests).toHaveLength(2);
    await found.return();
    expect(server.requests).toHaveLength(2);
  });
});

describe('what may not be read', () => {
  const refusing = (code: number, reason: string): TwoStates =>
    new TwoStates({ then: [], now: [object('a', '1')] }, (path) => {
      if (path.endsWith('/secrets')) throw new ApiError(code, reason, 'no');
    });

  test('is told, and the others are compared', async () => {
    const { pairs, hidden } = await pairsOf(refusing(403, 'Forbidden'), {
      resources: [secrets, configMaps],
    });
    expect(hidden).toEqual(['secrets']);
    expect(sidesOf(pairs)).toEqual(['a made']);
  });

  test('a revision that is no longer kept is said in words', async () => {
    const server = refusing(410, 'Expired');
    await expect(pairsOf(server, { resources: [secrets] })).rejects.toThrow(
      'revision 5 is no longer kept: it has been compacted',
    );
  });

  test('any other refusal ends it', async () => {
    const server = refusing(500, 'InternalError');
    await expect(pairsOf(server, { resources: [secrets] })).rejects.toThrow('no');
  });
});

test('pages are of one revision: only the first request names it', async () => {
  const queries: unknown[] = [];
  const json = (request: KubeRequest): Promise<unknown> => {
    queries.push({ path: request.path, ...request.query });
    const isFirst = queries.length === 1;
    return Promise.resolve({ metadata: { continue: isFirst ? 'next' : '' }, items: null });
  };
  const session = { kube: { json } as unknown as KubeClient };
  const pages = pagesAt(listerOf(session, configMaps, 'n'), '7');
  for await (const page of pages) expect(page).toEqual([]);
  const path = pathOf(configMaps, { namespace: 'n' });
  expect(queries).toEqual([
    { path, limit: '500', resourceVersion: '7', resourceVersionMatch: 'Exact' },
    { path, limit: '500', continue: 'next' },
  ]);
});

test('a history without an end is walked so far and no farther', async () => {
  let requests = 0;
  const json = ({ query = {} }: KubeRequest): Promise<unknown> => {
    requests++;
    const revision = String(query['resourceVersion']);
    return Promise.resolve({
      items: [{ metadata: { name: 'a', uid: 'u', resourceVersion: revision } }],
    });
  };
  const session = { kube: { json } as unknown as KubeClient };
  const newest = { metadata: { name: 'a', uid: 'u', resourceVersion: '1000000' } };
  let count = 0;
  for await (const { before } of versionsOf(listerOf(session, configMaps, 'n'), newest)) {
    expect(typeof before).toBe('object');
    count++;
  }
  expect(count).toBe(versionsMax);
  expect(requests).toBe(versionsMax);
});
