import { beforeEach, describe, expect, test } from '@jest/globals';
import { parseSelection } from '../cache/selection.js';
import type { StatusError } from '../status.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { ListOptions, ListResult } from './lister.js';
import { Lister } from './lister.js';

let bench: ApiBench;
let lister: Lister;

const map = (name: string, namespace = 'a', labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
});

beforeEach(async () => {
  bench = await ApiBench.create();
  lister = new Lister(bench.objects);
});

const options = (more: Partial<ListOptions> = {}, labels = ''): ListOptions => ({
  namespace: 'a',
  selection: parseSelection(bench.kind('v1', 'ConfigMap'), labels, ''),
  resourceVersion: '',
  resourceVersionMatch: '',
  limit: 0,
  continue: '',
  ...more,
});
const list = (more: Partial<ListOptions> = {}, labels = ''): Promise<ListResult> =>
  lister.list(bench.kind('v1', 'ConfigMap'), options(more, labels));
const names = ({ entries }: ListResult): string[] => entries.map(({ key }) => key);

describe('a list', () => {
  beforeEach(() =>
    bench.add(
      map('x', 'a', { app: 'web' }),
      map('y'),
      map('z', 'a', { app: 'web' }),
      map('x', 'ab'),
      map('x', 'b'),
    ),
  );

  test('is of one namespace, or of all', async () => {
    expect(names(await list())).toEqual(['a/x', 'a/y', 'a/z']);
    expect(names(await list({ namespace: 'ab' }))).toEqual(['ab/x']);
    expect(names(await list({ namespace: '' }))).toEqual(['a/x', 'a/y', 'a/z', 'ab/x', 'b/x']);
    expect(names(await list({}, 'app=web'))).toEqual(['a/x', 'a/z']);
  });

  test('comes in pages of one state of things, whatever is written meanwhile', async () => {
    const first = await list({ limit: 2 });
    expect(names(first)).toEqual(['a/x', 'a/y']);
    expect(first.remainingItemCount).toBe(1);
    await bench.remove(map('z'));
    await bench.add(map('zz'));
    const second = await list({ limit: 2, continue: first.continue });
    expect(names(second)).toEqual(['a/z']);
    expect(second.resourceVersion).toBe(first.resourceVersion);
    expect([second.continue, second.remainingItemCount]).toEqual(['', undefined]);
  });

  test('does not say how much is left of what is selected', async () => {
    const first = await list({ limit: 1 }, 'app=web');
    expect([names(first), first.remainingItemCount]).toEqual([['a/x'], undefined]);
    const second = await list({ limit: 1, continue: first.continue }, 'app=web');
    expect([names(second), second.continue]).toEqual([['a/z'], '']);
  });

  test('of any age comes whole', async () => {
    const result = await list({ limit: 1, resourceVersion: '0' });
    expect([names(result), result.continue]).toEqual([['a/x', 'a/y', 'a/z'], '']);
  });

  test('is as it was at a version', async () => {
    const { resourceVersion } = await list();
    await bench.remove(map('x'));
    const exact = { resourceVersion, resourceVersionMatch: 'Exact' };
    expect(names(await list(exact))).toEqual(['a/x', 'a/y', 'a/z']);
    const first = await list({ ...exact, limit: 2 });
    expect([names(first), first.remainingItemCount]).toEqual([['a/x', 'a/y'], 1]);
    const newer = { resourceVersion, resourceVersionMatch: 'NotOlderThan' };
    expect(names(await list(newer))).toEqual(['a/y', 'a/z']);
    const future = { resourceVersion: '1000', resourceVersionMatch: 'Exact' };
    await expect(list(future)).rejects.toMatchObject({ code: 504, reason: 'Timeout' });
  });

  test('that is too old to go on says how to go on regardless', async () => {
    const first = await list({ limit: 1 });
    await bench.remove(map('y'));
    bench.store.compact(await bench.watchCache.fresh());
    const refused = await list({ limit: 1, continue: first.continue }).catch(
      (error: unknown) => error as StatusError,
    );
    if ('entries' in refused) throw new Error('the list went on');
    expect(refused).toMatchObject({ code: 410, reason: 'Expired' });
    expect(refused.message).toMatch(/^The provided continue parameter is too old/);
    const next = refused.status.metadata?.continue ?? '';
    const rest = await list({ limit: 5, continue: next });
    expect(names(rest)).toEqual(['a/z']);
    const exact = { resourceVersion: first.resourceVersion, resourceVersionMatch: 'Exact' };
    await expect(list(exact)).rejects.toMatchObject({
      code: 410,
      message: 'The resourceVersion for the provided list is too old.',
    });
  });
});

const token = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const v = 'meta.k8s.io/v1';

test.each([
  ['no base64', 'a+b', 'illegal base64 data at input byte 1'],
  ['padded', `${token({ v, rv: 1, start: 'a' })}=`, 'illegal base64 data at input byte 55'],
  ['no JSON', token('{'), 'unexpected end of JSON input'],
  [
    'of another version',
    token({ v: 'v2', rv: 1, start: 'a' }),
    'server does not recognize this encoded version "v2"',
  ],
  ['of no version', token({}), 'server does not recognize this encoded version ""'],
  [
    'without a revision',
    token({ v, start: 'a' }),
    'incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
  [
    'of revision 0',
    token({ v, rv: 0, start: 'a' }),
    'incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  ],
  ['without a start', token({ v, rv: 1 }), 'encoded start key empty (version meta.k8s.io/v1)'],
  [
    'outside of the list',
    token({ v, rv: 1, start: 'b/x\0' }),
    'the start key "b/x\\u0000" is outside of the list',
  ],
  ['out of the kind', token({ v, rv: 1, start: '../secrets/a/x' }), '../secrets/a/x'],
])('a continue token that is %s', async (_, text, detail) => {
  await expect(list({ continue: text })).rejects.toMatchObject({
    code: 400,
    message: `invalid continue token: continue key is not valid: ${detail}`,
  });
});
