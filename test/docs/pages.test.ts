/** The pages say what is: links lead somewhere, paths exist, and of every command it is known how it is tried. */
import { describe, expect, test } from '@jest/globals';
import { dirname, join, normalize } from 'node:path';
import {
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from '../../src/gen/etcd/rpc.js';
import { problemsOf } from './command-checks.js';
import { anchorsOf, commandsOf, listFiles, readPages } from './markdown.js';
import { trialOf, uselessRows } from './trials.js';

const root = process.cwd();
const pages = readPages(root);
const files = listFiles(root);
const commands = pages.flatMap((page) =>
  page.blocks
    .filter(({ language }) => language === 'sh')
    .flatMap((block) =>
      commandsOf(block).map((command) => ({ page: page.path, line: block.line, command })),
    ),
);

describe('pages', () => {
  test('code stands in fences that name a language', () => {
    const languages = new Set(['sh', 'text', 'ts', 'yaml', 'mermaid']);
    const wrong = pages.flatMap(({ blocks }) => blocks.filter((b) => !languages.has(b.language)));
    expect(wrong.map(({ page, line, language }) => `${page}:${line}: "${language}"`)).toEqual([]);
  });

  test('links lead to files and headings that exist', () => {
    const broken = pages.flatMap((page) =>
      [...page.prose.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)]
        .filter(([, target = '']) => !target.includes('://'))
        .filter(([, target = '', anchor]) => {
          const path = target === '' ? page.path : normalize(join(dirname(page.path), target));
          const other = pages.find((candidate) => candidate.path === path);
          if (anchor !== undefined)
            return other === undefined || !anchorsOf(other).includes(anchor);
          return !files.some(
            (file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`),
          );
        })
        .map(([link]) => `${page.path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('paths in the text exist', () => {
    const missing = pages.flatMap((page) =>
      [...page.prose.matchAll(/`([\w./@-]+)`/g)]
        .map(([, path = '']) => path)
        .filter((path) => !/\b[A-Z]{4,}\b/.test(path))
        .filter((path) => /^(?:src|test|bench|docs|scripts|proto|examples)\/|\w\.ts$/.test(path))
        .filter((path) => {
          const plain = path.replace(/^(?:\.{1,2}\/)+/, '').replace(/\/$/, '');
          return !files.some(
            (file) => file === plain || file.endsWith(`/${plain}`) || file.startsWith(`${plain}/`),
          );
        })
        .map((path) => `${page.path}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test('decision records have a number of their own, and say what a record says', () => {
    const records = pages.filter(({ path }) => /^docs\/decisions\/(?!README)/.test(path));
    const numbers = records.map(({ path }) => /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]);
    expect(new Set(numbers).size).toBe(records.length);
    expect(records.filter((_, index) => numbers[index] === undefined)).toEqual([]);
    const incomplete = records.filter(
      ({ prose }) => !/^## Context$[^]*^## Alternatives$[^]*^## Decided$/m.test(prose),
    );
    expect(incomplete.map(({ path }) => path)).toEqual([]);
  });

  test('docs/ETCD-API.md names every call of the store', () => {
    const api = pages.find(({ path }) => path === 'docs/ETCD-API.md')?.prose ?? '';
    const services = [KVDefinition, WatchDefinition, LeaseDefinition, ClusterDefinition];
    const names = [...services, MaintenanceDefinition].flatMap(({ methods }) =>
      Object.values<{ readonly name: string }>(methods).map(({ name }) => name),
    );
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(api))).toEqual([]);
  });

  test('of every command it is known how it is tried, and of nothing else', () => {
    const unknown = commands.filter(({ page, command }) => trialOf(page, command) === undefined);
    expect(unknown).toEqual([]);
    expect(uselessRows(commands)).toEqual([]);
  });

  test('programs, subcommands, flags and files of commands exist', () => {
    const wrong = commands.flatMap(({ page, line, command }) =>
      problemsOf(root, command).map((problem) => `${page}:${line}: ${command}: ${problem}`),
    );
    expect(wrong).toEqual([]);
  });
});
