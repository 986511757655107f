/** The code in src/gen is what scripts/gen-proto makes of proto/, and nothing else. */
import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const sums = 'src/gen/SHA256SUMS';

function filesBelow(directory: string, end: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(end))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('what it was made from and what was made are those of the last generation', () => {
  const recorded = readFileSync(sums, 'utf8').trimEnd();
  const paths = recorded.split('\n').map((line) => line.slice(66));
  const now = paths.map((path) => {
    const sum = createHash('sha256').update(readFileSync(path)).digest('hex');
    return `${sum}  ${path}`;
  });
  // Else: scripts/gen-proto
  expect(now.join('\n')).toBe(recorded);
  const expected = [...filesBelow('proto', '.proto'), ...filesBelow('src/gen', '.ts')];
  expect(expected.filter((path) => !paths.includes(path))).toEqual([]);
});

const versionOf = (text: string): string | undefined => /protoc\s+v?(\d[\d.]*)/.exec(text)?.[1];
const protoc = spawnSync('protoc', ['--version'], { encoding: 'utf8' }).stdout ?? '';
// `libprotoc 3.21.12`; other versions write other comments.
const isSame = versionOf(protoc) === versionOf(readFileSync('src/gen/raft.ts', 'utf8'));

(isSame ? test : test.skip)('the same comes out again', () => {
  const out = mkdtempSync(join(tmpdir(), 'trireme-gen-'));
  try {
    const made = spawnSync('scripts/gen-proto', ['--out', join(out, 'gen')], { encoding: 'utf8' });
    expect(made).toMatchObject({ status: 0 });
    expect(readFileSync(join(out, 'gen', 'SHA256SUMS'), 'utf8')).toBe(readFileSync(sums, 'utf8'));
  } finally {
    rmSync(out, { recursive: true });
  }
});

describe('fields that are numbers', () => {
  const importLine = 'import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";\n';
  const helperPath = '@lib/wire-int64.js';
  const helpers = `import { readInt64, readUint64, writeInt64 } from "${helperPath}";\n`;
  const check = (value: string, sign = 'I'): string =>
    `if (BigInt.as${sign === 'U' ? 'Ui' : 'I'}ntN(64, ${value}) !== ${value}) { throw new Error(); }`;

  async function step(body: string): Promise<string> {
    const path = pathToFileURL(join(process.cwd(), 'scripts/lib/number-fields.mjs')).href;
    const { numberFields } = (await import(path)) as {
      numberFields: (source: string, helperPath: string) => string;
    };
    return numberFields(`${importLine}${body}`, helperPath);
  }

  test.each([
    [
      'that are written by way of BigInt',
      `function f() { if (message.a !== 0) { ${check('BigInt(message.a)')}\n writer.uint32(8).int64(BigInt(message.a)); } }`,
      'function f() { if (message.a !== 0) { writeInt64(writer.uint32(8), message.a); } }',
    ],
    [
      'without a sign',
      `function f() { { ${check('BigInt(message.a)', 'U')}\n writer.uint32(8).uint64(BigInt(message.a)); } }`,
      'function f() { { writeInt64(writer.uint32(8), message.a); } }',
    ],
    [
      'that are optional',
      `function f() { if (message.a !== undefined) { ${check('message.a')} writer.uint32(8).int64(message.a); } }`,
      'function f() { if (message.a !== undefined) { writeInt64(writer.uint32(8), message.a); } }',
    ],
    [
      'of a oneof',
      `switch (x) { case "a": ${check('message.kind.value')} writer.uint32(8).int64(message.kind.value); break; }`,
      'switch (x) { case "a": writeInt64(writer.uint32(8), message.kind.value); break; }',
    ],
    [
      'that are read',
      'x = longToNumber(reader.int64()); y = longToNumber(reader.uint64());\nfunction longToNumber(n) { return 1; }\n',
      'x = readInt64(reader); y = readUint64(reader);',
    ],
  ])('%s', async (_, before, after) => {
    expect(await step(before)).toBe(`${importLine}${helpers}${after}`);
  });

  test('but for those: a bigint stays what it is, and nothing is imported', async () => {
    const bigint = `function f() { if (message.id !== 0n) { ${check('message.id')} writer.uint32(8).uint64(message.id); } }`;
    expect(await step(bigint)).toBe(`${importLine}${bigint}`);
  });

  test.each([
    ['x = longToNumber(other);', 'not understood: longToNumber(other)'],
    ['writer.int64(BigInt(message.a));', 'in a way that this step does not know'],
  ])('%s is not passed over', async (source, message) => {
    await expect(step(source)).rejects.toThrow(message);
  });
});
