import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifests } from './manifests.js';
import { displayName, parseTargets, resourceByName, resourceOfObject } from './resources.js';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-manifests-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const names = async (...paths: string[]): Promise<string[]> =>
  (await readManifests(paths)).map(({ kind, metadata }) => `${kind}/${metadata.name}`);

const object = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });

test('documents, lists and empty documents of a file, in order', async () => {
  const list = { apiVersion: 'v1', kind: 'ConfigMapList', items: [JSON.parse(object('b'))] };
  const text = [object('a'), '# nothing', '', JSON.stringify(list), object('c')].join('\n---\n');
  await expect(names(write('all.yaml', text))).resolves.toEqual([
    'ConfigMap/a',
    'ConfigMap/b',
    'ConfigMap/c',
  ]);
});

test('a directory: its manifests by their names, nothing below it and nothing else', async () => {
  write('b.yml', object('b'));
  write('a.json', object('a'));
  write('notes.txt', 'not a manifest: {');
  mkdirSync(join(directory, 'below'));
  write('below/c.yaml', object('c'));
  await expect(names(directory)).resolves.toEqual(['ConfigMap/a', 'ConfigMap/b']);
});

test('several paths, in the order that they are given', async () => {
  const [one, two] = [write('1.yaml', object('one')), write('2.yaml', object('two'))];
  await expect(names(two, one)).resolves.toEqual(['ConfigMap/two', 'ConfigMap/one']);
});

test.each([
  ['what is no YAML', 'a: [', 'error parsing '],
  ['an object without a kind', '{"apiVersion":"v1"}', 'every object needs apiVersion and kind'],
  ['an object without a version', '{"kind":"Pod"}', 'every object needs apiVersion and kind'],
])('%s is wrong usage', async (_, text, message) => {
  const path = write('wrong.yaml', text);
  await expect(readManifests([path])).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining(message),
  });
  await expect(readManifests([path])).rejects.toThrow(path);
});

test('resources by every name that they have', () => {
  for (const name of ['deployments', 'deployment', 'deploy', 'Deployment', 'deployments.apps']) {
    expect(resourceByName(name).id).toEqual({
      group: 'apps',
      version: 'v1',
      resource: 'deployments',
    });
  }
  expect(() => resourceByName('things')).toThrow(
    'the server doesn\'t have a resource type "things"',
  );
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } };
  expect(displayName(resourceOfObject(deployment), 'web')).toBe('deployment.apps/web');
  expect(() => resourceOfObject({ ...deployment, apiVersion: 'apps/v0' })).toThrow(
    'no matches for kind "Deployment" in version "apps/v0"',
  );
});

test.each<[string[], [string, string[]][]]>([
  [['pods'], [['pods', []]]],
  [['pods', 'a', 'b'], [['pods', ['a', 'b']]]],
  [
    ['po,svc'],
    [
      ['pods', []],
      ['services', []],
    ],
  ],
  [
    ['pod/a', 'svc/b'],
    [
      ['pods', ['a']],
      ['services', ['b']],
    ],
  ],
])('the words %j name %j', (words, targets) => {
  expect(
    parseTargets(words).map(({ resource, names: named }) => [resource.id.resource, named]),
  ).toEqual(targets);
});
