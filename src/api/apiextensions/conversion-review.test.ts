/** Answers of conversion webhooks: what counts, and what is said of the rest. */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../object.js';
import { readReview, reviewVersion } from './conversion-review.js';

const object = (name: string, apiVersion: string): KubeObject => ({
  apiVersion,
  kind: 'Gadget',
  metadata: { name, uid: `uid-${name}`, resourceVersion: '3', labels: { a: 'b' } },
});
const question = {
  uid: 'u',
  desiredApiVersion: 'example.com/v2',
  objects: [object('a', 'example.com/v1'), object('b', 'example.com/v1')],
};
const answer = (convertedObjects: readonly unknown[], version = 'v1', uid = 'u'): string =>
  JSON.stringify({
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    response: { uid, result: { status: 'Success' }, convertedObjects },
  });
const failing = (text: string, version = 'v1'): string => {
  try {
    readReview(version, question, text);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};
const head = 'conversion webhook for example.com/v1, Kind=Gadget';

test('objects keep their metadata and their order', () => {
  const converted = question.objects.map(({ kind, metadata: { name, uid } }) => ({
    apiVersion: 'example.com/v2',
    kind,
    metadata: { name, uid, resourceVersion: '9', labels: null, annotations: { x: 'y' } },
    spec: { name },
  }));
  expect(readReview('v1', question, answer(converted))).toEqual(
    ['a', 'b'].map((name) => ({
      apiVersion: 'example.com/v2',
      kind: 'Gadget',
      metadata: { name, uid: `uid-${name}`, resourceVersion: '3', annotations: { x: 'y' } },
      spec: { name },
    })),
  );
});

test('objects in another order are not taken for each other', () => {
  const converted = [object('b', 'example.com/v2'), object('a', 'example.com/v2')];
  expect(failing(answer(converted))).toBe(
    `${head} returned invalid converted object at index 0: must have the same name: a != b`,
  );
});

test.each([
  ['not JSON', 'x', / failed: couldn't get version\/kind; json parse error: /],
  [
    'no response',
    '{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1"}',
    / failed: no response provided$/,
  ],
  [
    'another version',
    answer([], 'v1beta1'),
    /got apiextensions.k8s.io\/v1beta1, Kind=ConversionReview$/,
  ],
  ['another uid', answer([], 'v1', 'w'), / failed: expected response.uid="u", got "w"$/],
  [
    'no metadata',
    answer([{ apiVersion: 'example.com/v2', kind: 'Gadget' }, {}]),
    /at index 0: must have the same name: a != $/,
  ],
  [
    'an invalid label',
    answer([
      {
        ...object('a', 'example.com/v2'),
        metadata: { name: 'a', uid: 'uid-a', labels: { 'a b': 'c' } },
      },
      {},
    ]),
    / returned invalid metadata in object at index 0: metadata.labels: Invalid value: "a b"/,
  ],
])('%s is refused', (_name, text, message) => {
  expect(failing(text)).toMatch(message);
});

test('v1beta1 names neither its kind nor its uid', () => {
  const converted = question.objects.map(({ metadata: { name } }) =>
    object(name, 'example.com/v2'),
  );
  const text = JSON.stringify({
    response: { result: { status: 'Success' }, convertedObjects: converted },
  });
  expect(readReview('v1beta1', question, text)).toHaveLength(2);
});

test('the first version that both know is spoken', () => {
  expect(reviewVersion(['v2', 'v1beta1', 'v1'])).toBe('v1beta1');
  expect(() => reviewVersion(['v2'])).toThrow('no supported conversion review versions');
});
