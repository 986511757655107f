/** The pictures of docs/FLOWS.md name what is there: files, functions, states. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, readPages } from './markdown.js';

const root = process.cwd();
const files = listFiles(root);
const diagrams = readPages(root).flatMap(({ blocks }) =>
  blocks.filter(({ language }) => language === 'mermaid'),
);
const sources = files
  .filter((path) => /^src\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n');

/** The literals of a union, `Type` or `Interface.field`, in a source file. */
function literalsOf(type: string, path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const [name = '', field] = type.split('.');
  const body = new RegExp(`(?:type|interface) ${name}\\b([^]*?)(?:;\\n\\n|\\n\\})`).exec(text)?.[1];
  const union =
    field === undefined ? body : new RegExp(`\\b${field}\\??: ([^;]*)`).exec(body ?? '')?.[1];
  return [...(union ?? '').matchAll(/'(\w+)'/g)].map(([, literal = '']) => literal);
}

describe('pictures', () => {
  test('there are some, and each is of a kind that GitHub draws', () => {
    expect(diagrams.length).toBeGreaterThan(5);
    const kinds = diagrams.map(({ text }) => text.split('\n')[0]);
    const known = ['sequenceDiagram', 'stateDiagram-v2', 'flowchart TB', 'flowchart LR'];
    expect(kinds.filter((kind) => !known.includes(kind ?? ''))).toEqual([]);
    // A semicolon ends a statement of Mermaid, also in the middle of a message.
    expect(diagrams.filter(({ text }) => text.includes(';'))).toEqual([]);
  });

  test('files and functions that they name exist', () => {
    const wrong = diagrams.flatMap(({ page, line, text }) => {
      const paths = [...text.matchAll(/[\w/-]+\.ts\b/g)]
        .map(([path]) => path)
        .filter((path) => !files.some((file) => file.endsWith(`/${path}`)));
      const functions = [...text.matchAll(/(\w+)\(\)/g)]
        .map(([, name = '']) => name)
        .filter((name) => !new RegExp(`\\b${name}(?:<[^>]*>)?\\(`).test(sources));
      return [...paths, ...functions].map((name) => `${page}:${line}: ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  test('states are those of the type that is named', () => {
    const page = readFileSync(join(root, 'docs/FLOWS.md'), 'utf8');
    const named = [
      ...page.matchAll(/<!-- states: ([\w.]+) in (\S+) -->\n\n```mermaid\n([^]*?)```/g),
    ];
    expect(named.length).toBeGreaterThan(3);
    for (const [, type = '', path = '', text = ''] of named) {
      const drawn = [...text.matchAll(/^ *([\w[*\]]+) --> ([\w[*\]]+)/gm)]
        .flatMap(([, from = '', to = '']) => [from, to])
        .filter((state) => state !== '[*]');
      expect({ type, states: [...new Set(drawn)].toSorted() }).toEqual({
        type,
        states: literalsOf(type, path).toSorted(),
      });
    }
  });
});
