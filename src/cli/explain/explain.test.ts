import { expect, test } from '@jest/globals';
import { explainText } from './explain.js';

const ref = (name: string): { $ref: string } => ({ $ref: `#/components/schemas/${name}` });
const schemas = {
  'io.Thing': {
    description: 'A thing.',
    'x-kubernetes-group-version-kind': [{ group: 'example.com', version: 'v1', kind: 'Thing' }],
    required: ['spec'],
    properties: {
      spec: { allOf: [ref('io.ThingSpec')], description: 'What it should be.' },
      names: { type: 'array', items: { type: 'string' } },
    },
  },
  'io.ThingSpec': {
    description: 'The specification.',
    properties: {
      colour: { type: 'string', enum: ['blue', 'red'], description: 'Its colour.' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      parts: { type: 'array', items: ref('io.ThingSpec') },
    },
  },
};
const explain = (path: string[], recursive = false): string | undefined =>
  explainText(schemas, { group: 'example.com', version: 'v1', kind: 'Thing', path, recursive });

test('a kind', () => {
  expect(explain([])).toBe(
    'GROUP:      example.com\nKIND:       Thing\nVERSION:    v1\n\nDESCRIPTION:\n    A thing.\n    \nFIELDS:\n' +
      '  names\t<[]string>\n    <no description>\n\n  spec\t<ThingSpec> -required-\n    What it should be.\n\n\n',
  );
});

test('a field of a field, through lists', () => {
  expect(explain(['spec', 'parts', 'colour'])).toContain(
    'FIELD: colour <string>\n  enum: blue, red\n',
  );
});

test('all fields below; a kind that holds itself ends', () => {
  const text = explain(['spec'], true) ?? '';
  expect(text.match(/parts\t<\[\]ThingSpec>/g)).toHaveLength(2);
  expect(text).toContain('  labels\t<map[string]string>');
});

test('what is not there', () => {
  expect(() => explain(['nothing'])).toThrow('field "nothing" does not exist');
  expect(
    explainText(schemas, { group: '', version: 'v1', kind: 'X', path: [], recursive: false }),
  ).toBeUndefined();
});
