import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../api/object.js';
import type { Finding } from './finding.js';
import { alike, allAre, count, enumerate, renderFinding, unwell, well, worst } from './finding.js';
import { templateTarget, workloadOf } from './targets.js';
import type { Answer } from './view.js';
import { ClusterView, eventTime, nameOf, wantKey } from './view.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ill = (about: string, level: Finding['level'], more: Partial<Finding> = {}): Finding => ({
  about,
  level,
  says: 'is ill',
  ...more,
});

test('those that are not well stand the worst first, in their order otherwise', () => {
  const found = [
    ill('a', 'waiting'),
    undefined,
    well('b', 'is well'),
    ill('c', 'problem'),
    ill('d', 'waiting'),
    ill('e', 'problem'),
  ];
  expect(unwell(found).map(({ about }) => about)).toEqual(['c', 'e', 'a', 'd']);
});

test.each<[Finding['level'][], Finding['level']]>([
  [[], 'ok'],
  [['ok'], 'ok'],
  [['ok', 'waiting'], 'waiting'],
  [['waiting', 'problem', 'ok'], 'problem'],
])('the worst of %j is %s', (levels, expected) => {
  expect(worst(levels.map((level) => ill('x', level)))).toBe(expected);
});

test('causes stand below, indented, before what mends them', () => {
  const finding = ill('deployment/web', 'problem', {
    since: '2026-01-01T11:55:00Z',
    details: ['a detail'],
    mend: [{ words: 'do this', command: 'trireme do this' }, { words: 'or that' }],
    causes: [ill('pod/web-0', 'problem', { causes: [ill('container app', 'problem')] })],
  });
  expect(renderFinding(finding, { nowMs, hidden: ['nodes', 'secrets'] })).toBe(
    `deployment/web: is ill, since 5m
  a detail
  pod/web-0: is ill
    container app: is ill
  to mend it: do this
    trireme do this
  to mend it: or that
(you may not read nodes, secrets: there may be more to say)
`,
  );
});

describe('findings that differ in their name alone', () => {
  const of = (name: string, more: Partial<Finding> = {}): Finding =>
    ill(`pod/${name}`, 'problem', { says: `${name} does not start`, ...more });

  test('are one', () => {
    expect(alike([of('web-0'), of('web-1')])).toEqual([
      of('web-0', { details: ['the same holds for pod/web-1'] }),
    ]);
  });

  test('of many, three are named', () => {
    const [first] = alike(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => of(`pod-${name}`)));
    expect(first?.details).toEqual([
      'the same holds for pod/pod-b, pod/pod-c, pod/pod-d, and 2 more',
    ]);
  });

  test('times and durations make no difference; words do', () => {
    const [early, late] = ['2026-01-01T11:00:00Z', '2026-01-01T11:30:00Z'];
    const details = (time: string): string[] => [`back-off ${time} restarting`];
    expect(
      alike([
        of('web-0', { since: early, details: details('10s') }),
        of('web-1', { since: late, details: details('20s') }),
        of('web-2', { says: 'has no image' }),
      ]).map(({ about }) => about),
    ).toEqual(['pod/web-0', 'pod/web-2']);
  });

  test('causes that differ make a difference', () => {
    const of2 = (name: string, cause: string): Finding =>
      of(name, { causes: [ill(cause, 'problem')] });
    expect(alike([of2('web-0', 'image a'), of2('web-1', 'image b')])).toHaveLength(2);
    expect(alike([of2('web-0', 'image a'), of2('web-1', 'image a')])).toHaveLength(1);
  });

  test('nothing is nothing', () => {
    expect(alike([])).toEqual([]);
  });
});

test.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a and b'],
  [['a', 'b', 'c'], 'a, b and c'],
])('%j is enumerated as "%s"', (words, text) => {
  expect(enumerate(words)).toBe(text);
});

test('numbers of things', () => {
  expect([count(0, 'pod'), count(1, 'pod'), count(2, 'pod')]).toEqual([
    '0 pods',
    '1 pod',
    '2 pods',
  ]);
  expect([allAre(1, 'pod'), allAre(3, 'pod')]).toEqual(['its only pod is', 'all 3 pods are']);
});

describe('the view of a cluster', () => {
  const view = (answers: ReadonlyMap<string, Answer> = new Map()): ClusterView =>
    new ClusterView({ answers, nowMs, namespace: 'default' });
  const pod = (name: string, more: object = {}): KubeObject => ({
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: name, ...more },
  });
  const pods = wantKey({ type: 'pods', namespace: 'default', name: undefined });

  test('what is not there yet is wanted, once, and gone on without', () => {
    const empty = view();
    expect(empty.list('pods', 'default')).toEqual([]);
    expect(empty.list('pods', 'default')).toEqual([]);
    expect(empty.get('nodes', undefined, 'n')).toBeUndefined();
    expect(empty.knows('pods', 'default')).toBe(false);
    expect([...empty.wanted.values()]).toEqual([
      { type: 'pods', namespace: 'default', name: undefined },
      { type: 'nodes', namespace: undefined, name: 'n' },
    ]);
    expect(empty.hidden.size).toBe(0);
  });

  test('what is there is handed out, and nothing is wanted', () => {
    const full = view(new Map([[pods, [pod('a')]]]));
    expect(full.list('pods', 'default')).toHaveLength(1);
    expect(full.knows('pods', 'default')).toBe(true);
    expect(full.wanted.size).toBe(0);
  });

  test('an object that does not exist is null; one that may not be read is undefined, and hidden', () => {
    const key = (name: string): string => wantKey({ type: 'pods', namespace: 'n', name });
    const known = view(
      new Map<string, Answer>([
        [key('gone'), []],
        [key('secret'), undefined],
      ]),
    );
    expect(known.get('pods', 'n', 'gone')).toBeNull();
    expect(known.get('pods', 'n', 'secret')).toBeUndefined();
    expect([...known.hidden]).toEqual(['pods']);
    expect(known.wanted.size).toBe(0);
  });

  test('a list of one namespace is not the list of all', () => {
    const keys = [
      wantKey({ type: 'pods', namespace: 'a', name: undefined }),
      wantKey({ type: 'pods', namespace: undefined, name: undefined }),
      wantKey({ type: 'pods', namespace: 'a', name: 'x' }),
    ];
    expect(new Set(keys).size).toBe(3);
  });

  test('events are those of the object, the latest first, of this uid', () => {
    const event = (name: string, uid: string | undefined, lastTimestamp: string): object => ({
      involvedObject: { kind: 'Pod', name, uid },
      reason: lastTimestamp,
      lastTimestamp,
      metadata: { name: lastTimestamp },
    });
    const answer = [
      event('a', 'a', '1'),
      event('a', undefined, '3'),
      event('a', 'another', '4'),
      event('b', 'b', '5'),
      event('a', 'a', '2'),
    ] as unknown as KubeObject[];
    const key = wantKey({ type: 'events', namespace: 'default', name: undefined });
    const full = view(new Map([[key, answer]]));
    expect(full.events(pod('a')).map(({ reason }) => reason)).toEqual(['3', '2', '1']);
    expect(full.lastEvent(pod('a'), '1', '2')?.reason).toBe('2');
    expect(full.lastEvent(pod('a'), 'none')).toBeUndefined();
  });

  test.each([
    [{ series: { lastObservedTime: 'a' }, lastTimestamp: 'b' }, 'a'],
    [{ lastTimestamp: 'b', eventTime: 'c' }, 'b'],
    [{ eventTime: 'c', metadata: { creationTimestamp: 'd' } }, 'c'],
    [{ metadata: { creationTimestamp: 'd' } }, 'd'],
    [{ metadata: {} }, ''],
  ])('an event was last seen at %j', (event, time) => {
    expect(eventTime(event as unknown as Parameters<typeof eventTime>[0])).toBe(time);
  });

  test.each([
    [undefined, ''],
    ['default', ''],
    ['shop', ' -n shop'],
  ])('the flag for the namespace %s is "%s"', (namespace, flag) => {
    expect(view().flag(namespace)).toBe(flag);
  });

  test('the workload of a pod is the top of its chain of controllers, as far as it is there', () => {
    const owned = (kind: string, name: string, owner?: string): KubeObject => {
      const [ownerKind = '', uid = ''] = (owner ?? '').split('/');
      const reference = {
        apiVersion: 'apps/v1',
        kind: ownerKind,
        name: uid,
        uid,
        controller: true,
      };
      return {
        kind,
        metadata: {
          name,
          namespace: 'default',
          uid: name,
          ...(owner === undefined ? {} : { ownerReferences: [reference] }),
        },
      };
    };
    const list = (type: string): string => wantKey({ type, namespace: 'default', name: undefined });
    const full = view(
      new Map([
        [list('replicasets'), [owned('ReplicaSet', 'rs', 'Deployment/web')]],
        [list('deployments'), [owned('Deployment', 'web')]],
        [list('jobs'), [owned('Job', 'j', 'CronJob/nightly')]],
        [list('cronjobs'), []],
      ]),
    );
    const top = (owner?: string): string => nameOf(workloadOf(owned('Pod', 'p', owner), full));
    expect(top()).toBe('pod/p');
    expect(top('ReplicaSet/rs')).toBe('deployment/web');
    expect(top('ReplicaSet/gone')).toBe('pod/p');
    expect(top('Job/j')).toBe('job/j');
    expect(top('Widget/w')).toBe('pod/p');
    const target = (owner?: string): string | undefined =>
      templateTarget(owned('Pod', 'p', owner) as Parameters<typeof templateTarget>[0], full);
    expect(target('ReplicaSet/rs')).toBe('deployment web');
    expect(target('Job/j')).toBeUndefined();
    expect(target()).toBeUndefined();
  });
});
