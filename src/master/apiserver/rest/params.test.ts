import { describe, expect, test } from '@jest/globals';
import { plainJson } from './negotiate.js';
import { readIncludeObject, readNumber, readWriteOptions } from './params.js';
import { readFlag } from './request-info.js';
import { exchangeOf } from './testkit/exchange.js';

test.each([
  ['0', 0],
  ['-3', -3],
  ['9007199254740993', Number.MAX_SAFE_INTEGER],
  ['9223372036854775807', Number.MAX_SAFE_INTEGER],
  ['', undefined],
])('%s is read as %s', (text, expected) => {
  expect(readNumber(new URLSearchParams({ tailLines: text }), 'tailLines')).toBe(expected);
});

test.each([
  ['9223372036854775808', 'value out of range'],
  ['9'.repeat(400), 'value out of range'],
  ['1e3', 'invalid syntax'],
  ['0x1', 'invalid syntax'],
])('%s is a bad request', (text, fault) => {
  const query = new URLSearchParams({ tailLines: text });
  expect(() => readNumber(query, 'tailLines')).toThrow(
    expect.objectContaining({ code: 400, message: expect.stringContaining(fault) }),
  );
});

describe('the options of a write', () => {
  const read = (query: string, kind = 'CreateOptions', headers = {}) =>
    readWriteOptions(exchangeOf(`POST /?${query}`, headers), kind);

  test.each<[string, object]>([
    ['', { dryRun: false, fieldValidation: 'Warn', force: false, fieldManager: 'unknown' }],
    ['dryRun=', { dryRun: false }],
    ['dryRun=All', { dryRun: true }],
    ['fieldValidation=', { fieldValidation: 'Warn' }],
    ['fieldValidation=Strict', { fieldValidation: 'Strict' }],
    ['fieldManager=kubectl-client-side-apply', { fieldManager: 'kubectl-client-side-apply' }],
    [`fieldManager=${'m'.repeat(128)}`, { fieldManager: 'm'.repeat(128) }],
    ['fieldManager=%C3%A4%20%F0%9F%9A%A3', { fieldManager: 'ä 🚣' }],
  ])('%s', (query, options) => {
    expect(read(query)).toMatchObject(options);
  });

  test.each([
    ['dryRun=None', 'dryRun: Unsupported value: []string{"None"}: supported values: "All"'],
    [
      'dryRun=All&dryRun=Any',
      'dryRun: Unsupported value: []string{"All", "Any"}: supported values: "All"',
    ],
    [
      'fieldValidation=strict',
      'fieldValidation: Unsupported value: "strict": supported values: "", "Ignore", "Strict", "Warn"',
    ],
    [`fieldManager=${'m'.repeat(129)}`, 'fieldManager: Too long: may not be more than 128 bytes'],
    [
      `fieldManager=${'%C3%A4'.repeat(65)}`,
      'fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      'fieldManager=%C3%A4a%07b',
      'fieldManager: Invalid value: "äa\\ab": invalid character U+0007 (at position 3)',
    ],
    [
      'fieldManager=a%0A',
      'fieldManager: Invalid value: "a\\n": invalid character U+000A (at position 1)',
    ],
  ])('%s is refused', (query, text) => {
    expect(() => read(query)).toThrow(
      expect.objectContaining({
        code: 422,
        message: `CreateOptions.meta.k8s.io "" is invalid: ${text}`,
      }),
    );
  });

  test.each([
    ['kubectl/v1.33.0 (linux/amd64)', 'kubectl'],
    ['Mozilla', 'Mozilla'],
    ['', 'unknown'],
    ['/x', 'unknown'],
    ['\u0007', 'unknown'],
    ['a\u0007b/1', 'ab'],
    ['ä'.repeat(100), 'ä'.repeat(64)],
  ])('without a manager it is the program: %j', (agent, manager) => {
    expect(read('', 'CreateOptions', { 'user-agent': agent }).fieldManager).toBe(manager);
  });

  test('an apply has the manager that it names alone, and may take over', () => {
    const apply = { 'content-type': 'application/apply-patch+yaml', 'user-agent': 'kubectl/1' };
    expect(read('force=true', 'PatchOptions', apply)).toMatchObject({
      fieldManager: '',
      force: true,
    });
    expect(read('force', 'PatchOptions', apply).force).toBe(true);
    expect(read('force=false', 'PatchOptions', apply).force).toBe(false);
    expect(() => read('force=false', 'PatchOptions')).toThrow(
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    );
  });
});

test.each([
  [undefined, undefined],
  ['', true],
  ['true', true],
  ['1', true],
  ['no', true],
  ['false', false],
  ['0', false],
])('a flag %j is %j', (value, read) => {
  const query = new URLSearchParams(value === undefined ? {} : { watch: value });
  expect(readFlag(query, 'watch')).toBe(read);
});

test.each([
  ['', 'Metadata'],
  ['includeObject=', 'Metadata'],
  ['includeObject=None', 'None'],
  ['includeObject=Object', 'Object'],
])('a table with %j shows %s', (query, wanted) => {
  const format = { ...plainJson, as: 'Table' as const };
  expect(readIncludeObject(new URLSearchParams(query), format)).toBe(wanted);
});

test('what a table cannot show is refused; of anything else nobody asks', () => {
  const query = new URLSearchParams('includeObject=Foo');
  expect(() => readIncludeObject(query, { ...plainJson, as: 'Table' })).toThrow(
    'Unable to convert to Table as requested: includeObject: Invalid value: "Foo": ' +
      "must be 'Metadata', 'Object', 'None', or empty",
  );
  expect(readIncludeObject(query, plainJson)).toBe('Foo');
});
