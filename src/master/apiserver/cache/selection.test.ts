import { describe, expect, test } from '@jest/globals';
import { replicaSetKind } from '../../../api/apps/kinds.js';
import { jobKind } from '../../../api/batch/kinds.js';
import { podKind } from '../../../api/core/pod.js';
import { Entry } from './entry.js';
import { parseTerms } from '../../../api/facts/field-terms.js';
import { parseFieldSelector, parseSelection } from './selection.js';

describe('field selectors', () => {
  const pod = Entry.fromStored(
    'd/a',
    Buffer.from(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'a', namespace: 'd', labels: { app: 'web' } },
        spec: { nodeName: 'n1', schedulerName: 'default-scheduler', containers: [] },
        status: { phase: 'Running' },
      }),
    ),
    1,
  );

  test.each([
    ['spec.nodeName=n1', true],
    ['spec.nodeName!=n1', false],
    ['status.phase==Running,metadata.name=a', true],
    ['spec.schedulerName=', false],
    ['metadata.namespace=other', false],
    ['metadata.namespace=d,spec.nodeName!=n2', true],
    [',metadata.name=a,', true],
  ])('%s', (text, expected) => {
    expect(parseSelection(podKind, 'app=web', text).matches(pod, podKind.fields)).toBe(expected);
  });

  test.each([
    ['spec.foo=1', 'field label not supported: spec.foo'],
    ['foo', "invalid selector: 'foo'; can't understand 'foo'"],
    ['=a', 'field label not supported: '],
    ['metadata.name=a=b', 'invalid field selector: unescaped character in value: 61'],
    ['metadata.name=a\\b', 'invalid field selector: invalid escape sequence: \\b'],
    ['metadata.name=a\\', 'invalid field selector: invalid escape sequence: \\'],
    ['metadata.name=a,foo', "invalid selector: 'metadata.name=a,foo'; can't understand 'foo'"],
  ])('%s is refused', (text, message) => {
    expect(() => parseFieldSelector(text, podKind)).toThrow(message);
  });

  test.each([
    [jobKind, 'field label "spec.x" not supported for Job'],
    [
      replicaSetKind,
      '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
  ])('a kind refuses it in its own words', (kind, message) => {
    expect(() => parseFieldSelector('spec.x=1', kind)).toThrow(message);
  });

  test('commas, equals signs and backslashes stand in values behind a backslash', () => {
    expect(parseTerms('a=b\\,c\\=d\\\\,e!=f')).toEqual([
      { field: 'a', value: 'b,c=d\\', equal: true },
      { field: 'e', value: 'f', equal: false },
    ]);
  });
});
