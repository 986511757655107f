/** The rules for the text of source files: their length, their width, and comments on what they export. */
import { expect, test } from '@jest/globals';
import { files, generated, isTest } from './tidy/source-files.js';

/** Lines; a file that grows past it is split by what it does. */
const longestFile = 450;

/**
 * Lists exports without a comment. Exports of one line that follow a commented one without a gap share its comment, as
 * overloads do.
 */
function undocumented(text: string): string[] {
  const silent: string[] = [];
  let isGroupDocumented = false;
  let before = '';
  for (const line of text.split('\n')) {
    const name =
      /^export (?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type|enum) (\w+)/.exec(
        line,
      )?.[1];
    if (name !== undefined) {
      const follows: boolean = isGroupDocumented && /^export .*;$/.test(before);
      isGroupDocumented = before.endsWith('*/') || follows;
      if (!isGroupDocumented) silent.push(name);
    }
    before = line;
  }
  return silent;
}

test('no file is too long to read', () => {
  const long = files
    .filter((file) => !file.path.startsWith(generated))
    .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
    .filter((file) => file.lines > longestFile);
  expect(long).toEqual([]);
});

test('comments end at 120 columns, but for commands and layouts, which are indented', () => {
  const wide = files
    .filter(({ path }) => !path.startsWith(generated))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .map((line, index) => ({ at: `${path}:${index + 1}`, line }))
        .filter(({ line }) => line.length > 120 && /^\s*(?:\/\*\*|\*|\/\/) {1,2}\S/.test(line))
        .map(({ at }) => at),
    );
  expect(wide).toEqual([]);
});

test("where a certificate may be anybody's, a comment says why", () => {
  const places = files
    .filter(({ path }) => path.startsWith('src/') && !isTest(path))
    .flatMap(({ path, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, at) => {
        if (!line.includes('rejectUnauthorized:')) return [];
        const above = lines.slice(Math.max(0, at - 12), at);
        const isSaid = above.some((one) => /^\s*(?:\/\/|\*) \S/.test(one));
        return [isSaid ? path : `${path}: without a reason`];
      });
    });
  expect(places.toSorted()).toEqual([
    'src/cli/commands/gateway-targets.ts',
    'src/cli/kube/rest-client.ts',
    'src/lib/grpc/connect.ts',
    'src/lib/grpc/listener.ts',
    'src/master/apiserver/aggregator/remote-call.ts',
    'src/master/apiserver/subresources/backends.ts',
    'src/worker/probes/http.ts',
    'src/worker/run/hooks.ts',
  ]);
});

/** Texts in quotes, and patterns: what the formatter does not break. */
const literals = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/(?:[^/\\]|\\.)+\/[a-z]*/g;

test('lines of code end at 120 columns, but for a text that is searched for as a whole', () => {
  const wide = files
    .filter(({ path }) => path.startsWith('src/') && !path.startsWith(generated) && !isTest(path))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .map((line, index) => ({ at: `${path}:${index + 1}`, line }))
        .filter(({ line }) => line.length > 120 && !/^\s*(?:\/\*\*|\*|\/\/)/.test(line))
        .filter(({ line }) => line.replaceAll(literals, '').length > 100)
        .map(({ at }) => at),
    );
  expect(wide).toEqual([]);
});

test('every export says what it is, by itself or with those above it', () => {
  const silent = files
    .filter(({ path }) => path.startsWith('src/') && !isTest(path) && !path.includes('/testkit/'))
    // Objects are described where their schemas are.
    .filter(({ path }) => !path.startsWith(generated) && !path.startsWith('src/api/types/'))
    .flatMap(({ path, text }) => undocumented(text).map((name) => `${path}: ${name}`));
  expect(silent).toEqual([]);
});
