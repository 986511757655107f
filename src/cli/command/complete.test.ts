import { expect, test } from '@jest/globals';
import { complete } from './complete.js';
import { defineCommand, defineGroup } from './spec.js';

const get = defineCommand({
  name: 'get',
  summary: '',
  usage: '',
  examples: [],
  flags: {
    watch: { type: 'bool', short: 'w', help: '' },
    cascade: { type: 'text', values: ['background', 'orphan'], help: '' },
    output: { type: 'text', short: 'o', help: '' },
  },
  completes: 'targets',
  run: () => Promise.resolve(0),
});
const group = defineGroup({ name: 'rollout', summary: '', examples: [], subcommands: [get] });
const names = {
  types: () => Promise.resolve(['pods', 'nodes', 'services']),
  objects: (type: string) => Promise.resolve([`${type}-a`, `${type}-b`]),
  entries: (list: string) => Promise.resolve([`${list}-1`]),
};

test.each([
  [[''], ['nodes', 'pods', 'services']],
  [['po'], ['pods']],
  [
    ['pods', ''],
    ['pods-a', 'pods-b'],
  ],
  [['-w', 'pods', 'pods-b'], ['pods-b']],
  [
    ['-n', 'x', 'pods', ''],
    ['pods-a', 'pods-b'],
  ],
  [['svc/'], ['svc/svc-a', 'svc/svc-b']],
  [
    ['-n', ''],
    ['namespaces-a', 'namespaces-b'],
  ],
  [['--context', ''], ['contexts-1']],
  [
    ['--cascade', ''],
    ['background', 'orphan'],
  ],
  [['--cascade=o'], ['--cascade=orphan']],
  [['--wat'], ['--watch']],
  [
    ['-o', 'js'],
    ['json', 'jsonpath='],
  ],
  [['pods', '--', ''], []],
])('after %j', async (words, found) => {
  expect(await complete(get, words, names)).toEqual(found);
});

test('subcommands, and what follows them', async () => {
  expect(await complete(group, [''], names)).toEqual(['get']);
  expect(await complete(group, ['get', 'po'], names)).toEqual(['pods']);
});
