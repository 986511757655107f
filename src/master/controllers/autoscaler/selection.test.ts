import { expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { selectPods } from './selection.js';

const pod = (name: string, labels: Record<string, string>): Pod => ({
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [] },
});
const pods = [pod('a', { app: 'web', tier: 'front' }), pod('b', { app: 'db' })];
const web = { namespace: 'default', name: 'web' };
const rival = (name: string, label: string, value: string) => ({
  namespace: 'default',
  name,
  matches: (labels: Readonly<Record<string, string>> = {}) => labels[label] === value,
});

test('the pods that the selector of the Scale matches', () => {
  const found = selectPods(web, 'app in (web),tier', pods, [rival('db', 'app', 'db')]);
  expect('pods' in found && found.pods.map(({ metadata }) => metadata.name)).toEqual(['a']);
});

test('a Scale without a selector', () => {
  expect(selectPods(web, '', pods, [])).toEqual({
    reason: 'SelectorRequired',
    message: 'selector is required',
    condition: {
      reason: 'InvalidSelector',
      message: "the HPA target's scale is missing a selector",
    },
  });
});

test('a Scale with a selector that cannot be read', () => {
  const found = selectPods(web, 'app in web', pods, []);
  expect(found).toMatchObject({
    reason: 'InvalidSelector',
    message: expect.stringMatching(/^couldn't convert selector .* object: ./),
    condition: { reason: 'InvalidSelector' },
  });
});

test('pods that two autoscalers would scale', () => {
  const others = [rival('front', 'tier', 'front'), rival('db', 'app', 'db')];
  const message =
    'pods by selector app=web are controlled by multiple HPAs: [default/front default/web]';
  expect(selectPods(web, 'app=web', pods, others)).toEqual({
    reason: 'AmbiguousSelector',
    message,
    condition: { reason: 'AmbiguousSelector', message },
  });
});
