import { expect, test } from '@jest/globals';
import type { DaemonSet } from '../types/workloads.js';
import { beginTemplateGeneration, countTemplateGeneration } from './template-generation.js';

const name = 'deprecated.daemonset.template.generation';
const set = (count: string | undefined, image: string): DaemonSet => ({
  metadata: {
    name: 'a',
    annotations: { own: 'x', ...(count === undefined ? {} : { [name]: count }) },
  },
  spec: { selector: {}, template: { spec: { containers: [{ name: 'c', image }] } } },
});

test.each([
  [undefined, '1'],
  ['7', '7'],
  ['0', '1'],
  ['-3', '1'],
  ['many', '1'],
])('a new set that says %s begins with %s', (said, count) => {
  const made = set(said, 'i:1');
  beginTemplateGeneration(made);
  expect(made.metadata.annotations).toEqual({ own: 'x', [name]: count });
});

test.each([
  ['another template', '3', 'i:2', '4'],
  ['the same template', '3', 'i:1', '3'],
  ['a set of a build that did not count', undefined, 'i:2', '1'],
])('%s', (_, before, image, count) => {
  for (const said of [undefined, '9']) {
    const next = set(said, image);
    countTemplateGeneration(next, set(before, 'i:1'));
    expect(next.metadata.annotations?.[name]).toBe(count);
  }
});
