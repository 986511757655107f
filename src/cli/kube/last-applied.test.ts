import { expect, test } from '@jest/globals';
import { lastAppliedAnnotation } from '../../api/apply/last-applied.js';
import type { KubeObject } from '../../api/object.js';
import { lastAppliedOf, savedConfig } from './last-applied.js';

const object = (annotations?: Record<string, string>): KubeObject => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'a', ...(annotations === undefined ? {} : { annotations }) },
});
const text = (annotations: object): string =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":${JSON.stringify(annotations)},"name":"a"}}\n`;

test.each([
  ['not asked for', undefined, false, undefined],
  ['asked for', undefined, true, text({})],
  ['asked for, with others', { b: 'c' }, true, text({ b: 'c' })],
  ['the file has it', { [lastAppliedAnnotation]: 'old' }, false, text({})],
])('%s', (_, annotations, isAsked, expected) => {
  const before = object(annotations);
  const saved = savedConfig(before, isAsked);
  expect(lastAppliedOf(saved)).toBe(expected);
  expect(before).toEqual(object(annotations));
});
