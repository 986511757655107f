import { expect, test } from '@jest/globals';
import type { FieldError } from '../field-error.js';
import { checkEmbedded } from './embedded.js';
import { prune, structuralNode } from './structural.js';

/** A template, whose metadata the schema describes only in part. */
const node = structuralNode({
  type: 'object',
  properties: {
    template: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: {
        metadata: { type: 'object', properties: { name: { type: 'string' } } },
        spec: { type: 'object' },
      },
    },
  },
});

function pruned(template: object): readonly [unknown, readonly string[]] {
  const problems: string[] = [];
  const value = prune(node, { template }, 'spec', problems) as { template: unknown };
  return [value.template, problems];
}

test('an embedded object keeps its type and all that metadata may have', () => {
  const metadata = { name: 'a', namespace: 'b', labels: { c: 'd' } };
  const template = { apiVersion: 'v1', kind: 'Pod', metadata, spec: {} };
  expect(pruned(template)).toEqual([template, []]);
});

test('it loses what no metadata has, and what the schema does not know', () => {
  const metadata = { name: 'a', other: 1, creationTimestamp: null };
  expect(pruned({ metadata, status: {} })).toEqual([
    { metadata: { name: 'a' } },
    ['unknown field "spec.template.metadata.other"', 'unknown field "spec.template.status"'],
  ]);
});

test('metadata of a wrong type is left to validation', () => {
  const template = { metadata: { labels: { a: 1 } } };
  expect(pruned(template)).toEqual([template, []]);
});

test('metadata that is a text is refused, that is null is none', () => {
  const errorsOf = (metadata: unknown): FieldError[] => {
    const errors: FieldError[] = [];
    checkEmbedded({ apiVersion: 'v1', kind: 'Pod', metadata }, 'e', errors);
    return errors;
  };
  expect(errorsOf('x')).toMatchObject([{ field: 'e.metadata' }]);
  expect(errorsOf(null)).toEqual([]);
});
