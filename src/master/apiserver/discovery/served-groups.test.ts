import { expect, test } from '@jest/globals';
import { builtInKinds } from '../../../api/kinds.js';
import { KindRegistry } from '../../../api/registry.js';
import type { RemoteApi } from '../aggregator/index.js';
import { ServedGroups } from './served-groups.js';

const kinds = new KindRegistry(builtInKinds);

function remote(group: string, version: string, priorities: readonly [number, number]): RemoteApi {
  const [groupPriorityMinimum, versionPriority] = priorities;
  const spec = { group, version, groupPriorityMinimum, versionPriority };
  return { group, version, service: { spec } } as unknown as RemoteApi;
}

function served(...remotes: RemoteApi[]): ServedGroups {
  const find = (group: string, version: string): RemoteApi | undefined =>
    remotes.find((api) => api.group === group && api.version === version);
  return new ServedGroups(kinds, { find, list: () => remotes });
}

const names = (groups: ServedGroups): string[] =>
  groups
    .list()
    .map(({ group, versions }) => `${group}: ${versions.map((v) => v.version).join(' ')}`);

test('alone, it is what this server has', () => {
  expect(names(served())).toEqual(
    kinds.groups().map(({ group, versions }) => `${group}: ${versions.join(' ')}`),
  );
});

test('groups and versions stand by their priorities', () => {
  const groups = names(
    served(
      remote('low.example.com', 'v1', [50, 10]),
      remote('low.example.com', 'v2alpha1', [50, 20]),
      remote('high.example.com', 'v1', [17_790, 10]),
    ),
  );
  expect(groups.slice(0, 5)).toEqual([
    ': v1',
    'apiregistration.k8s.io: v1',
    'apps: v1',
    'high.example.com: v1',
    'events.k8s.io: v1',
  ]);
  expect(groups.at(-1)).toBe('low.example.com: v2alpha1 v1');
});

test('a version that another server took over has no kinds here', () => {
  const groups = served(remote('metrics.k8s.io', 'v1beta1', [100, 100]));
  expect(groups.kinds('metrics.k8s.io', 'v1beta1')).toEqual([]);
  expect(groups.kinds('apps', 'v1').length).toBeGreaterThan(0);
  expect(names(groups).filter((text) => text.startsWith('metrics'))).toEqual([
    'metrics.k8s.io: v1beta1',
  ]);
});
