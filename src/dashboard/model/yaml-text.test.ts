import { describe, expect, test } from '@jest/globals';
import { selectorText, withoutManagedFields } from './yaml-text.js';

describe('YAML for people', () => {
  test('is without managed fields, and as it was else', () => {
    const yaml = [
      'apiVersion: v1',
      'data:',
      '  managedFields:',
      '  - this is data',
      'kind: ConfigMap',
      'metadata:',
      '  labels:',
      '    a: b',
      '  managedFields:',
      '  - apiVersion: v1',
      '    fieldsV1:',
      '      f:data: {}',
      '',
      '    manager: kubectl',
      '  - apiVersion: v1',
      '  name: x',
      '',
    ];
    const kept = yaml.filter((_, n) => n < 8 || n > 14);
    expect(withoutManagedFields(yaml.join('\n'))).toBe(kept.join('\n'));
    const plain = 'kind: X\nmetadata:\n  name: y\n';
    expect(withoutManagedFields(plain)).toBe(plain);
  });
});

test('a selector is written as the query has it', () => {
  expect(
    selectorText({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['a', 'b'] },
        { key: 'old', operator: 'DoesNotExist' },
        { key: 'new', operator: 'Exists' },
        { key: 'zone', operator: 'NotIn', values: ['x'] },
      ],
    }),
  ).toBe('app=web,tier in (a,b),!old,new,zone notin (x)');
  expect(selectorText({})).toBe('');
});
