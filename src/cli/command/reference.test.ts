import { beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import * as prettier from 'prettier';
import { declaredCommands } from '../kube-commands.js';
import { globalFlags } from './global-flags.js';
import { parseLine } from './parse.js';
import { referencePage } from '../testkit/reference-page.js';
import type { PlacedCommand } from './man-page.js';
import { manPage, placed } from './man-page.js';
import type { CommandSpec } from './spec.js';

const specs: CommandSpec[] = [];
let all: PlacedCommand[] = [];

beforeAll(async () => {
  for (const { load } of Object.values(declaredCommands)) specs.push(await load());
  all = specs.flatMap((spec) => placed(spec));
});

test('docs/CLI.md is up to date', async () => {
  const options = (await prettier.resolveConfig('docs/CLI.md')) ?? {};
  const page = await prettier.format(referencePage(specs), { ...options, parser: 'markdown' });
  if (process.env['UPDATE'] !== undefined) writeFileSync('docs/CLI.md', page);
  expect(readFileSync('docs/CLI.md', 'utf8')).toBe(page);
});

/** Words of a command line; quotes keep a word together. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/['"]/g, ''));

describe('commands', () => {
  test('have examples, which their flags allow', () => {
    const wrong: string[] = [];
    for (const { path, spec } of all) {
      if (spec.examples.length === 0) wrong.push(`${path}: no example`);
      for (const [, whole] of spec.examples) {
        const line = /\btrireme [^|>)<]*/.exec(whole)?.[0] ?? '';
        const words = wordsOf(line).slice(1);
        const named = all
          .filter((one) => `${words.join(' ')} `.startsWith(`${one.path} `))
          .toSorted((a, b) => b.path.length - a.path.length)[0];
        if (named === undefined) wrong.push(`${path}: ${whole}: no such command`);
        else {
          try {
            parseLine({ ...globalFlags, ...named.spec.flags }, words);
          } catch (error) {
            wrong.push(`${path}: ${whole}: ${(error as Error).message}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('say what they are in one line, and what each flag is', () => {
    const wrong = all.filter(
      ({ spec }) =>
        !/^[a-z][^\n]*[^.]$/.test(spec.summary) ||
        Object.values(spec.flags).some(({ help }) => help === '' || help.endsWith('.')),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test('no two flags share a letter', () => {
    const wrong = all.flatMap(({ path, spec }) => {
      const letters = Object.values({ ...globalFlags, ...spec.flags }).flatMap((flag) =>
        'short' in flag && flag.short !== undefined ? [flag.short] : [],
      );
      return new Set(letters).size === letters.length ? [] : [path];
    });
    expect(wrong).toEqual([]);
  });
});

test('a man page', () => {
  const get = all.find(({ path }) => path === 'get');
  const page = manPage(get as PlacedCommand);
  expect(page).toMatch(
    /^\.TH TRIREME\\-GET 1 "" trireme\n\.SH NAME\ntrireme\\-get \\- list objects/,
  );
  for (const head of ['SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXAMPLES'])
    expect(page).toContain(`.SH ${head}\n`);
  // A line of text that began with a dot would be a request to troff.
  const known = /^\.(?:TH|SH|TP|B|PP|RS|RE|nf|fi)\b/;
  expect(page.split('\n').filter((line) => /^[.']/.test(line) && !known.test(line))).toEqual([]);
});
