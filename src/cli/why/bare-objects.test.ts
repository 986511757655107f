/**
 * Objects that are just being made, and clusters in which nothing is: `why` has an answer for each. Every sample of a
 * kind is asked about as it is, and without each of its fields.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseManifests } from '../builder/manifests.js';
import type { Json, KubeObject } from '../../api/object.js';
import { builtInOf } from '../kube/built-in-resources.js';
import { explainObject } from '../../why/explain.js';
import type { Finding } from '../../why/finding.js';
import { renderFinding } from '../../why/finding.js';
import type { Answer, Want } from '../../why/view.js';
import { ClusterView, wantKey } from '../../why/view.js';

const folder = join(process.cwd(), 'test/conformance/testdata/samples');
const samples = ['core', 'pod', 'apps', 'cluster'].flatMap((name) => {
  const path = join(folder, `${name}.yaml`);
  const made = parseManifests({ name: path, text: readFileSync(path, 'utf8') });
  // The API server has made a name of generateName by then.
  return made.map((one) => ({
    ...one,
    metadata: { ...one.metadata, name: one.metadata.name ?? 'made' },
  }));
});
const nowMs = Date.UTC(2026, 0, 1, 12);
/** As many rounds as an answer may take. */
const roundsMax = 12;

/** Explains with what `answer` says of each want. @returns the finding, and how often more was asked for */
function explained(
  object: KubeObject,
  answer: (want: Want) => Answer,
): { readonly finding: Finding; readonly rounds: number; readonly hidden: ReadonlySet<string> } {
  const answers = new Map<string, Answer>();
  for (let rounds = 1; ; rounds++) {
    const view = new ClusterView({ answers, nowMs, namespace: 'default' });
    const finding = explainObject(object, view);
    if (view.wanted.size === 0) return { finding, rounds, hidden: view.hidden };
    if (rounds === roundsMax) throw new Error(`still wants ${[...view.wanted.keys()].join(', ')}`);
    for (const want of view.wanted.values()) answers.set(wantKey(want), answer(want));
  }
}

/** The objects as a server lists them. */
function listOf({ type, namespace, name }: Want): Answer {
  return samples.filter((object) => {
    const plural = builtInOf(object.apiVersion ?? '', object.kind ?? '')?.plural;
    const { metadata } = object;
    const isThere = namespace === undefined || metadata.namespace === namespace;
    return plural === type && isThere && (name === undefined || metadata.name === name);
  });
}

/** The object without each of its fields in turn, down to a depth; lists lose their elements, too. */
function* without(value: Json, path: string, depth: number): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null || depth === 0) return;
  if (Array.isArray(value)) {
    if (value.length > 0) yield [`${path}[]`, []];
    for (const [at, inner] of value.entries()) {
      for (const [name, rest] of without(inner, `${path}[${at}]`, depth - 1)) {
        yield [name, value.with(at, rest)];
      }
    }
    return;
  }
  for (const [name, inner] of Object.entries(value)) {
    const { [name]: _gone, ...rest } = value;
    yield [`${path}.${name}`, rest];
    for (const [deeper, changed] of without(inner, `${path}.${name}`, depth - 1)) {
      yield [deeper, { ...value, [name]: changed }];
    }
  }
}

/** Fields that every object of an API server has. */
const always = /^\.(?:metadata|metadata\.name|kind|apiVersion|spec)$/;

function checked({ about, level, says, causes = [], mend = [] }: Finding): void {
  expect(about).not.toBe('');
  expect(says).not.toBe('');
  expect(`${about} ${says}`).not.toMatch(/undefined|NaN|\[object|null/);
  expect(['ok', 'waiting', 'problem']).toContain(level);
  for (const { words, command = 'trireme' } of mend) {
    expect(words).not.toBe('');
    expect(command).not.toMatch(/undefined|\[object/);
  }
  causes.forEach(checked);
}

const named = samples.map((object) => ({
  name: `${object.kind} ${object.metadata.name}`,
  object,
}));

describe.each([
  ['a cluster without anything', () => []],
  ['a cluster of the samples', listOf],
  ['a cluster of which nothing may be read', () => undefined],
])('in %s', (_, answer: (want: Want) => Answer) => {
  test.each(named)('$name', ({ object }) => {
    checked(explained(object, answer).finding);
    const { metadata, apiVersion, kind } = object;
    const bare = { apiVersion, kind, metadata: { name: metadata.name, namespace: 'default' } };
    // What has a spec gets one from the API server, be it empty.
    const begun = { ...bare, ...('spec' in object ? { spec: object.spec } : {}) } as KubeObject;
    checked(explained(begun, answer).finding);
    checked(explained({ ...begun, status: {} } as KubeObject, answer).finding);
  });
});

test.each(named)('$name without each of its fields', ({ object }) => {
  for (const [path, changed] of without(object as unknown as Json, '', 5)) {
    if (always.test(path)) continue;
    try {
      checked(explained(changed as unknown as KubeObject, () => []).finding);
    } catch (error) {
      // A spec without what it must have never comes from an API server; a status may be of any form.
      if (path.startsWith('.spec') || path.startsWith('.metadata')) continue;
      throw new Error(`without ${path}`, { cause: error });
    }
  }
});

test('what may not be read is named, and nothing is made of it', () => {
  const deployment = samples.find(({ kind }) => kind === 'Deployment') as KubeObject;
  const { finding, hidden } = explained(deployment, () => undefined);
  expect(hidden.size).toBeGreaterThan(0);
  const text = renderFinding(finding, { nowMs, hidden: [...hidden].sort() });
  expect(text).toMatch(/\(you may not read .*: there may be more to say\)\n$/);
});
