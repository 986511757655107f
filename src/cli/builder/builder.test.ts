import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { builtInResources } from '../kube/built-in-resources.js';
import { findByName, ResourceMapper } from '../kube/resource-mapper.js';
import type { KubeClient } from '../kube/types.js';
import { parseSelections } from './arguments.js';
import { matchesLabels } from './label-match.js';
import { parseManifests } from './manifests.js';
import { readSource } from './texts.js';

const directory = mkdtempSync(join(tmpdir(), 'trireme-builder-'));
afterAll(() => rmSync(directory, { recursive: true }));

const objectsOf = (text: string): string[] =>
  parseManifests({ name: 'x.yaml', text }).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
const configMap = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;

describe('manifests', () => {
  test('several documents, comments, empty ones', () => {
    const text = `# head\n---\n${configMap('a')}--- # next\n${configMap('b')}---\n# nothing\n---\n`;
    expect(objectsOf(text)).toEqual(['ConfigMap/a', 'ConfigMap/b']);
  });

  test('lists are opened, also in lists', () => {
    const item = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } };
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [item, { apiVersion: 'v1', kind: 'SecretList', items: [item] }],
    };
    expect(objectsOf(JSON.stringify(list))).toEqual(['Secret/a', 'Secret/a']);
  });

  test('JSON objects may follow one another', () => {
    const one = (name: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `${name}{"` } });
    expect(objectsOf(`${one('a')}\n${one('b')}`)).toEqual(['Secret/a{"', 'Secret/b{"']);
  });

  test.each([
    ['a: b: c', 'error parsing x.yaml: error converting YAML to JSON: yaml: '],
    ['{"a": 1', 'error parsing x.yaml: '],
    ['kind: Pod', 'error validating "x.yaml": error validating data: apiVersion not set;'],
    ['metadata: {}', 'error validating data: [apiVersion not set, kind not set];'],
    ['- a', 'invalid object to validate'],
  ])('%j is refused', (text, words) => {
    expect(() => objectsOf(text)).toThrow(words);
  });
});

describe('sources', () => {
  const input = (): Readable => Readable.from([Buffer.from('from '), 'stdin']);
  const read = async (path: string, recursive = false): Promise<string[]> =>
    (await readSource(path, { recursive, input })).map(({ text }) => text);

  test('a file without an end is given up, and so are files that are too many together', async () => {
    await expect(read('/dev/zero')).rejects.toThrow(
      'error reading [/dev/zero]: it has more than 67108864 bytes',
    );
    const many = join(directory, 'many');
    mkdirSync(many);
    for (const name of ['a', 'b', 'c']) {
      writeFileSync(join(many, `${name}.yaml`), '');
      truncateSync(join(many, `${name}.yaml`), 30 * 1024 * 1024);
    }
    await expect(read(many)).rejects.toThrow(
      `error reading [${many}/c.yaml]: it has more than 67108864 bytes`,
    );
    expect(await read(join(many, 'a.yaml'))).toHaveLength(1);
  });

  test('more files than a process may open are read', async () => {
    const full = join(directory, 'full');
    mkdirSync(full);
    for (let at = 0; at < 2000; at++) writeFileSync(join(full, `${at}.yaml`), String(at));
    const texts = await read(full);
    expect(texts).toHaveLength(2000);
    expect(texts.slice(0, 3)).toEqual(['0', '1', '10']);
  });

  test('a file that cannot be read is told by name', async () => {
    const folder = join(directory, 'folder.yaml');
    mkdirSync(join(directory, 'with', 'broken.yaml'), { recursive: true });
    symlinkSync('nowhere', join(directory, 'with', 'link.yaml'));
    await expect(read(join(directory, 'with'))).rejects.toThrow(
      `error reading [${directory}/with/link.yaml]: ENOENT`,
    );
    await expect(read(folder)).rejects.toThrow(`the path "${folder}" does not exist`);
  });

  test('files, directories with and without what is below, standard input', async () => {
    const below = join(directory, 'tree', 'below');
    mkdirSync(below, { recursive: true });
    writeFileSync(join(directory, 'tree', 'b.yml'), 'b');
    writeFileSync(join(directory, 'tree', 'a.json'), 'a');
    writeFileSync(join(directory, 'tree', 'no.txt'), 'no');
    writeFileSync(join(below, 'c.yaml'), 'c');
    expect(await read(join(directory, 'tree'))).toEqual(['a', 'b']);
    expect(await read(join(directory, 'tree'), true)).toEqual(['a', 'b', 'c']);
    expect(await read(join(directory, 'tree', 'no.txt'))).toEqual(['no']);
    expect(await read('-')).toEqual(['from stdin']);
  });

  test('a URL that has no end is given up', async () => {
    const server = http.createServer((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024, '#')));
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.yaml`;
    await expect(read(url)).rejects.toThrow(
      `unable to read URL "${url}": it has more than 67108864 bytes`,
    );
    server.closeAllConnections();
    server.close();
  });

  test('URLs, and what a server says otherwise', async () => {
    const server = http.createServer((request, response) => {
      response.statusCode = request.url === '/x.yaml' ? 200 : 404;
      response.end('text');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await read(`${url}/x.yaml`)).toEqual(['text']);
    await expect(read(`${url}/y.yaml`)).rejects.toThrow(
      `unable to read URL "${url}/y.yaml", server reported 404 Not Found, status code=404`,
    );
    server.close();
  });

  test('what is not there', async () => {
    await expect(read('/nowhere')).rejects.toThrow('the path "/nowhere" does not exist');
    mkdirSync(join(directory, 'empty'));
    await expect(read(join(directory, 'empty'))).rejects.toThrow('recognized file extensions are');
  });
});

describe('words that name objects', () => {
  // Built-in names ask no server.
  const mapper = new ResourceMapper({} as KubeClient);
  const parse = async (...words: string[]): Promise<[string, readonly string[], boolean][]> =>
    (await parseSelections(mapper, words)).map(({ resource, names, several }) => [
      resource.plural,
      names,
      several,
    ]);

  test.each([
    [['pods'], [['pods', [], false]]],
    [['po', 'a', 'b'], [['pods', ['a', 'b'], false]]],
    [
      ['pods,svc'],
      [
        ['pods', [], true],
        ['services', [], true],
      ],
    ],
    [['pod/a', 'pod/b'], [['pods', ['a', 'b'], false]]],
    [
      ['pod/a', 'svc/b'],
      [
        ['pods', ['a'], true],
        ['services', ['b'], true],
      ],
    ],
  ])('%j', async (words, selections) => {
    expect(await parse(...words)).toEqual(selections);
  });

  test.each([
    [['pods', 'svc/a'], 'there is no need to specify a resource type as a separate argument'],
    [['pod/a/b'], 'arguments in resource/name form may not have more than one slash'],
    [['pod/'], 'arguments in resource/name form must have a single resource and name'],
  ])('%j is refused', async (words, text) => {
    await expect(parse(...words)).rejects.toThrow(text);
  });
});

test('labels of files', () => {
  const object = { metadata: { name: 'a', labels: { app: 'web' } } };
  expect(matchesLabels(undefined, object)).toBe(true);
  expect(matchesLabels('app in (web,x),!tier', object)).toBe(true);
  expect(matchesLabels('app!=web', object)).toBe(false);
  expect(() => matchesLabels('app in', object)).toThrow('found');
  expect(findByName(builtInResources, 'cm')?.kind).toBe('ConfigMap');
});
