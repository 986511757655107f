import { expect, test } from '@jest/globals';
import type { APIService } from '../../../api/types/policy.js';
import type { ApiClient, ResourceId } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { RemoteKinds } from './remote-kinds.js';

function served(version: string, versionPriority: number, isAvailable = true): APIService {
  return {
    metadata: { name: `${version}.example.com` },
    spec: {
      group: 'example.com',
      version,
      groupPriorityMinimum: 1,
      versionPriority,
      service: { namespace: 'ns', name: 'sample' },
    },
    status: { conditions: [{ type: 'Available', status: isAvailable ? 'True' : 'False' }] },
  };
}

const verbs = ['delete', 'list'];
const kind = (name: string): object => ({ name, kind: 'X', namespaced: true, verbs });

/** Discovers, with what each version's server answers. @returns `version/resource`, and what failed */
async function discover(
  services: readonly APIService[],
  answers: Readonly<Record<string, unknown>>,
): Promise<[found: string[], failures: Record<string, string>]> {
  const get = ({ version = '' }: ResourceId): Promise<unknown> =>
    version in answers
      ? Promise.resolve({ resources: answers[version] })
      : Promise.reject(new Error('no answer'));
  const context = {
    client: { get } as unknown as ApiClient,
    informers: { informer: () => ({ list: () => services }) },
  };
  const kinds = new RemoteKinds(context as unknown as ControllerContext);
  const { entries, failures } = await kinds.discover();
  return [
    entries.map(({ version, resource }) => `${version}/${resource}`),
    Object.fromEntries(failures),
  ];
}

test('what can be listed and deleted in a namespace counts, whatever else a server says', async () => {
  const answer = [
    kind('widgets'),
    kind('widgets/status'),
    kind(''),
    { ...kind('planets'), namespaced: false },
    { ...kind('gadgets'), verbs: ['list'] },
    { ...kind('gizmos'), verbs: 'delete list' },
    { kind: 'Nameless' },
    null,
    'x',
  ];
  expect(await discover([served('v1', 1)], { v1: answer })).toEqual([['v1/widgets'], {}]);
  expect(await discover([served('v1', 1)], { v1: 'none' })).toEqual([[], {}]);
});

test('of the versions of a group the preferred one first', async () => {
  const services = [served('v1beta1', 1), served('v1', 2)];
  const answers = { v1: [kind('widgets')], v1beta1: [kind('widgets'), kind('old')] };
  expect(await discover(services, answers)).toEqual([['v1/widgets', 'v1beta1/old'], {}]);
});

test('a server that is away, fails or names too much is told of, and others count', async () => {
  const services = [served('v1', 4), served('v2', 3, false), served('v3', 2), served('v4', 1)];
  const many = Array.from({ length: 501 }, (_, n) => kind(`kind${n}`));
  expect(await discover(services, { v1: [kind('widgets')], v2: [kind('x')], v4: many })).toEqual([
    ['v1/widgets'],
    {
      'example.com/v2': 'stale GroupVersion discovery: example.com/v2',
      'example.com/v3': 'no answer',
      'example.com/v4': 'it names more than 500 resources',
    },
  ]);
});
