import { expect, test } from '@jest/globals';
import { EntryFormat, kindSince, newestLogVersion } from './entry-format.js';
import { encodeEntry, entryKinds } from './entry.js';
import type { EntryKind } from './entry.js';

const head = { origin: 7, sequence: 9, auth: undefined };
const payload = Buffer.from('payload');

test('this build reads every kind that it writes', () => {
  const format = new EntryFormat();
  for (const kind of entryKinds.slice(1)) {
    const decoded = format.decode(encodeEntry({ ...head, kind }, payload));
    expect(decoded).toEqual({ ...head, kind, payload });
  }
});

test('an older build reads its own kinds, and stops at a later one', () => {
  const older = new EntryFormat(1);
  expect(older.decode(encodeEntry({ ...head, kind: 'put' }, payload)).kind).toBe('put');
  expect(() => older.decode(encodeEntry({ ...head, kind: 'logVersion' }, payload))).toThrow(
    'a log entry has kind 23, which this build does not know (its log version is 1)',
  );
});

test('this build stops at a kind of a later one', () => {
  const later = Buffer.from(encodeEntry({ ...head, kind: 'put' }, payload));
  later[0] = entryKinds.length;
  expect(() => new EntryFormat().decode(later)).toThrow('written by a newer build');
});

test('a kind is allowed from its version on', () => {
  const kinds = (agreed: number): EntryKind[] =>
    entryKinds.filter((kind) => !new EntryFormat().allows(kind, agreed));
  expect(kinds(1)).toEqual(['logVersion', 'checkedTxn', 'exactTxn']);
  expect(kinds(2)).toEqual(['checkedTxn', 'exactTxn']);
  expect(kinds(3)).toEqual(['exactTxn']);
  expect(kinds(newestLogVersion)).toEqual([]);
});

test('versions that do not rise with the kinds are a mistake', () => {
  expect(() => new EntryFormat(3, { ...kindSince, put: 3 })).toThrow('in the order');
});
