/** `edit` with editors that are programs, against a cluster in memory. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KubeObject } from '../../api/object.js';
import { ApiError } from '../../client/index.js';
import { run } from '../main.js';
import { FakeCluster } from '../testkit/fake-cluster.js';
import { RecordedContext } from '../testkit/transcript.js';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const key = { name: 'c', namespace: 'default' };
const path = 'PATCH /api/v1/namespaces/default/configmaps/c';
let scratch: string;
let cluster: FakeCluster;
let context: RecordedContext;

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'edit-test-'));
  cluster = new FakeCluster();
  context = new RecordedContext(cluster);
  await cluster.api.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: key,
    data: { run: '# a comment of its own\ntrue\n' },
  } as KubeObject);
});

afterEach(() => {
  delete process.env['KUBE_EDITOR'];
  rmSync(scratch, { recursive: true });
});

/** Edits by the lines of a shell, one each time that the editor is opened; `$1` is the file. */
function edit(
  lines: readonly string[],
  { words = ['edit', 'configmap', 'c'] }: { readonly words?: readonly string[] } = {},
): Promise<number> {
  const program = join(scratch, 'editor');
  const cases = lines.map((line, at) => `${at}) ${line} ;;`).join('\n');
  writeFileSync(
    program,
    `n=$(cat '${scratch}/n' 2>/dev/null || echo 0)\necho $((n + 1)) >'${scratch}/n'\ncp "$1" '${scratch}/given'"$n"\ncase $n in\n${cases}\n*) exit 9 ;; esac\n`,
  );
  process.env['KUBE_EDITOR'] = `sh ${program}`;
  return run([...words], context);
}

const given = (n: number): string => readFileSync(join(scratch, `given${n}`), 'utf8');
const data = async (): Promise<unknown> =>
  (await cluster.api.get<KubeObject & { data: unknown }>(configMaps, key)).data;

/** The file that the user is told of; it is deleted then. */
function kept(): string {
  const [, file = ''] = /"?(\/[^"`\s]*trireme-edit-[^"`\s]+)/.exec(context.text) ?? [];
  const text = readFileSync(file, 'utf8');
  rmSync(dirname(file), { recursive: true });
  return text;
}

test('what was changed is written, and what looks like a comment in a value stays', async () => {
  expect(await edit([`sed -i 's/true/false/' "$1"`])).toBe(0);
  expect(context.text).toBe('configmap/c edited\n');
  expect(await data()).toEqual({ run: '# a comment of its own\nfalse\n' });
});

test.each([
  ['as it was', 'true', 'Edit cancelled, no changes made.'],
  [
    'with other comments',
    `sed -i 1d "$1"; echo '# mine' >>"$1"`,
    'Edit cancelled, no changes made.',
  ],
  ['empty', `: >"$1"`, 'Edit cancelled, saved file was empty.'],
  ['with comments alone', `sed -i '/^[^#]/d' "$1"`, 'Edit cancelled, saved file was empty.'],
])('a file that is left %s changes nothing', async (_, line, words) => {
  expect(await edit([line])).toBe(0);
  expect(context.text).toBe(`! ${words}\n`);
});

test('a text that cannot be read is opened again, with the reason', async () => {
  expect(
    await edit([
      `echo 'a: [' >"$1"`,
      `printf '%s\\n' '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},"data":{"b":"c"}}' >"$1"`,
    ]),
  ).toBe(0);
  expect(given(1)).toMatch(
    /^#\n# The edited file had a syntax error: error parsing c: .*\n(?:# .*\n)*#\na: \[\n$/m,
  );
  expect(await data()).toEqual({ b: 'c' });
});

const invalid = new ApiError(422, 'Invalid', 'ConfigMap "c" is invalid', {
  details: { causes: [{ field: 'data[run]', message: 'Invalid value: "false"' }] },
});

test('what the server finds invalid is opened again, and mended there', async () => {
  let refusals = 1;
  const patch = cluster.api.patch.bind(cluster.api);
  cluster.api.patch = (...args) => {
    if (refusals-- > 0) return Promise.reject(invalid);
    return patch(...args) as never;
  };
  expect(await edit([`sed -i 's/true/false/' "$1"`, `sed -i 's/false/done/' "$1"`])).toBe(0);
  expect(context.text).toBe('! error: configmaps "c" is invalid\nconfigmap/c edited\n');
  expect(given(1)).toContain(
    '# configmaps "c" was not valid:\n# * data[run]: Invalid value: "false"\n#\n',
  );
  expect(await data()).toMatchObject({ run: expect.stringContaining('done') });
});

test('what is left invalid is kept for the user', async () => {
  cluster.extra = {
    [path]: () => {
      throw invalid;
    },
  };
  expect(await edit([`sed -i 's/true/false/' "$1"`, 'true'])).toBe(1);
  expect(context.text).toMatch(
    /^! error: configmaps "c" is invalid\n! A copy of your changes has been stored to ".*\/c\.yaml"\n! error: Edit cancelled, no valid changes were saved\.\n$/,
  );
  expect(kept()).toContain('false');
});

test.each([
  ['name', 's/^  name: c/  name: d/'],
  ['kind', 's/^kind: .*/kind: Secret/'],
  ['apiVersion', 's/^apiVersion: .*/apiVersion: v2/'],
])('another %s is refused, and the text kept', async (_, change) => {
  expect(await edit([`sed -i '${change}' "$1"`])).toBe(1);
  expect(context.text).toContain(
    '! error: At least one of apiVersion, kind and name was changed\n',
  );
  expect(kept()).toContain('a comment of its own');
});

test.each([
  [
    'deleted meanwhile',
    new ApiError(404, 'NotFound', 'no'),
    'could not be found on the server\n! The edits you made on deleted resources have been saved to "',
  ],
  [
    'changed meanwhile',
    new ApiError(409, 'Conflict', 'changed'),
    'could not be patched: changed\n! You can run `trireme replace -f /',
  ],
  [
    'out of reach',
    new ApiError(503, '', 'gone'),
    'could not be patched: gone\n! You can run `trireme replace -f /',
  ],
])('the edits of an object that is %s are kept', async (_, error, words) => {
  cluster.extra = {
    [path]: () => {
      throw error;
    },
  };
  expect(await edit([`sed -i 's/true/false/' "$1"`])).toBe(1);
  expect(context.text).toContain(`! error: configmaps "c" ${words}`);
  expect(kept()).toContain('false');
});

test('an editor that fails changes nothing and leaves nothing behind', async () => {
  expect(await edit([`echo "$1" >'${scratch}/path'; exit 3`])).toBe(1);
  expect(context.text).toBe(
    `! error: there was a problem with the editor "sh ${join(scratch, 'editor')}"\n`,
  );
  expect(existsSync(dirname(readFileSync(join(scratch, 'path'), 'utf8').trim()))).toBe(false);
});

test('JSON is edited as JSON', async () => {
  expect(
    await edit([`sed -i 's/true/false/' "$1"`], {
      words: ['edit', 'configmap', 'c', '-o', 'json'],
    }),
  ).toBe(0);
  expect(given(0)).toMatch(/^\{\n/);
  expect(await data()).toMatchObject({ run: expect.stringContaining('false') });
});

describe('edit-last-applied', () => {
  const applied = 'kubectl.kubernetes.io/last-applied-configuration';
  const configOf = (run: string): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { run } });

  beforeEach(async () => {
    const body = { metadata: { annotations: { [applied]: configOf('true') } } };
    await cluster.api.patch(configMaps, key, 'application/merge-patch+json', body);
  });

  const lastApplied = async (): Promise<string> =>
    (await cluster.api.get<KubeObject>(configMaps, key)).metadata.annotations?.[applied] ?? '';
  const editConfig = (lines: readonly string[]): Promise<number> => {
    const words = ['apply', 'edit-last-applied', 'configmap', 'c'];
    return edit(lines, { words });
  };

  test('what was changed is remembered', async () => {
    expect(await editConfig([`sed -i 's/true/false/' "$1"`])).toBe(0);
    expect(context.text).toBe('configmap/c edited\n');
    expect(JSON.parse(await lastApplied())).toMatchObject({ data: { run: 'false' } });
  });

  test('what cannot be read is kept for the user', async () => {
    expect(await editConfig([`echo 'a: [' >"$1"`, 'true'])).toBe(1);
    expect(context.text).toMatch(
      /^! A copy of your changes has been stored to ".*\/c\.yaml"\n! error: Edit cancelled, no valid changes were saved\.\n$/,
    );
    expect(kept()).toContain('a: [');
  });

  test('what an editor saved before it failed is kept', async () => {
    expect(await editConfig([`echo 'a: [' >"$1"`, 'exit 3'])).toBe(1);
    expect(context.text).toContain('there was a problem with the editor');
    expect(kept()).toContain('a: [');
  });

  test('what the server refuses is kept', async () => {
    cluster.extra = {
      [path]: () => {
        throw new ApiError(409, 'Conflict', 'changed');
      },
    };
    expect(await editConfig([`sed -i 's/true/false/' "$1"`])).toBe(1);
    expect(context.text).toMatch(
      /^! A copy of your changes has been stored to ".*\/c\.yaml"\n! Error from server \(Conflict\): changed\n$/,
    );
    expect(kept()).toContain('false');
    expect(JSON.parse(await lastApplied())).toMatchObject({ data: { run: 'true' } });
  });
});
