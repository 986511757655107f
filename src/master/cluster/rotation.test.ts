import { beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { ManualClock } from '../../lib/clock.js';
import { certificateOfKey, pemBlocks } from '../../lib/pki/bundle.js';
import { parseEncryptionKeys } from '../../lib/pki/encryption-keys.js';
import { createRotationKeys } from './rotation-keys.js';
import type { KeyFiles, Rotation, RotationStep } from './rotation.js';
import { filesAt, hasFollowed, mustBeWhole, rotationParts, stepMark } from './rotation.js';

let old: KeyFiles = {};
let young: KeyFiles = {};

beforeAll(async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  old = await createRotationKeys(rotationParts, 'old', clock);
  young = await createRotationKeys(rotationParts, 'new', clock);
});

const at = (step: RotationStep): Rotation => ({
  id: 'r1',
  parts: rotationParts,
  step,
  sinceMs: 0,
  rewritten: false,
  keys: young,
});

/** The files of a master after these steps, each as its disk would have it. */
function after(...steps: RotationStep[]): KeyFiles {
  return steps.reduce<KeyFiles>(
    (files, step) => ({ ...files, ...Object.fromEntries(filesAt(at(step), files)) }),
    old,
  );
}

/** The files in short: the subjects that are believed, who signs, and the names of keys. */
function short(files: KeyFiles): Record<string, unknown> {
  const subjects = (name: string): string[] =>
    pemBlocks(files[`${name}.crt`] ?? '').map((pem) => new X509Certificate(pem).subject);
  const signer = (name: string): string =>
    new X509Certificate(certificateOfKey(files[`${name}.crt`] ?? '', files[`${name}.key`] ?? ''))
      .subject;
  const nameOf = (pem: string | undefined): string =>
    pem === old['sa.key'] || pem === old['sa.pub'] ? 'old' : 'new';
  return {
    ca: [subjects('ca'), signer('ca')],
    etcd: [subjects('etcd-ca'), signer('etcd-ca')],
    tokens: [pemBlocks(files['sa.pub'] ?? '').map(nameOf), nameOf(files['sa.key'])],
    encryption: parseEncryptionKeys(Buffer.from(files['encryption.key'] ?? '')).map(
      ({ name }) => name,
    ),
  };
}

const [a, b] = ['CN=trireme-ca-old', 'CN=trireme-ca-new'];
const [x, y] = ['CN=trireme-etcd-ca-old', 'CN=trireme-etcd-ca-new'];

describe('what is new is believed, then used, and then alone', () => {
  test.each<[string, RotationStep[], Record<string, unknown>]>([
    [
      'trust',
      ['trust'],
      {
        ca: [[a, b], a],
        etcd: [[x, y], x],
        tokens: [['old', 'new'], 'old'],
        encryption: ['key-old', 'key-new'],
      },
    ],
    [
      'use',
      ['trust', 'use'],
      {
        ca: [[a, b], b],
        etcd: [[x, y], y],
        tokens: [['old', 'new'], 'new'],
        encryption: ['key-new', 'key-old'],
      },
    ],
    [
      'drop',
      ['trust', 'use', 'drop'],
      { ca: [[b], b], etcd: [[y], y], tokens: [['new'], 'new'], encryption: ['key-new'] },
    ],
  ])('%s', (_, steps, wanted) => {
    const files = after(...steps);
    expect(short(files)).toEqual(wanted);
    // The same step again changes nothing, and a master that was away comes to the same.
    expect(filesAt(at(steps.at(-1) ?? 'trust'), files)).toEqual([]);
    expect(short(after(steps.at(-1) ?? 'trust'))).toEqual(wanted);
  });

  test('a part alone leaves the others as they are', () => {
    const only: Rotation = { ...at('use'), parts: ['encryption'] };
    expect(filesAt(only, old).map(([name]) => name)).toEqual(['encryption.key']);
  });

  test('a step that is cut short leaves files that go together, and is made whole', () => {
    const trusted = after('trust');
    const changes = filesAt(at('use'), trusted);
    for (let count = 0; count <= changes.length; count++) {
      const files = { ...trusted, ...Object.fromEntries(changes.slice(0, count)) };
      expect(() => short(files)).not.toThrow();
      const rest = Object.fromEntries(filesAt(at('use'), files));
      expect(short({ ...files, ...rest })).toEqual(short(after('trust', 'use')));
    }
  });
});

test.each<[string, RotationStep, boolean]>([
  ['', 'trust', false],
  ['r0/drop', 'trust', false],
  ['r1/trust', 'trust', true],
  ['r1/trust', 'use', false],
  ['r1/drop', 'use', true],
])('a master at "%s" has followed to %s: %s', (mark, step, followed) => {
  expect(hasFollowed(mark, { id: 'r1', step })).toBe(followed);
  expect(stepMark({ id: 'r1', step })).toBe(`r1/${step}`);
});

test('keys that do not go together are refused', () => {
  expect(() => mustBeWhole(at('trust'))).not.toThrow();
  const wrong = (keys: KeyFiles) => () => mustBeWhole({ parts: rotationParts, keys });
  expect(wrong({ ...young, 'ca.key': old['ca.key'] ?? '' })).toThrow('the key is not the one');
  expect(wrong({ ...young, 'sa.pub': '' })).toThrow('service account key is not whole');
  expect(wrong({ ...young, 'encryption.key': 'x' })).toThrow('32 bytes');
});
