import { expect, test } from '@jest/globals';
import { exposingService, variablesOf } from './run.js';

test('variables stay in order, and may be named twice', () => {
  expect(variablesOf(['B=1', 'A=x=y', 'B=', 'a.b-c=2'])).toEqual([
    { name: 'B', value: '1' },
    { name: 'A', value: 'x=y' },
    { name: 'B', value: '' },
    { name: 'a.b-c', value: '2' },
  ]);
});

test.each(['A', '=x', '9=x', '..=x', '.=x', 'a b=c'])('%j is no variable', (word) => {
  expect(() => variablesOf([word])).toThrow(`invalid env: ${word}`);
});

test.each([
  [undefined, { run: 'web' }, undefined],
  ['a=b', { a: 'b' }, { a: 'b' }],
])('a service finds a pod with the labels %j', (labels, selector, own) => {
  expect(exposingService('web', { labels, port: '80' })).toMatchObject({
    metadata: own === undefined ? { name: 'web' } : { name: 'web', labels: own },
    spec: { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }], selector },
  });
});
