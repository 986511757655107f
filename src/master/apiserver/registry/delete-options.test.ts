import { expect, test } from '@jest/globals';
import { readDeleteOptions } from './delete-options.js';

test.each<[string, unknown, object, object]>([
  ['nothing', undefined, {}, { dryRun: false, gracePeriodSeconds: undefined }],
  ['grace', { gracePeriodSeconds: 0 }, {}, { gracePeriodSeconds: 0 }],
  [
    'the body before the query',
    { gracePeriodSeconds: 5 },
    { gracePeriodSeconds: '7' },
    { gracePeriodSeconds: 5 },
  ],
  ['the query', undefined, { gracePeriodSeconds: '7' }, { gracePeriodSeconds: 7 }],
  [
    'a body before all of the query',
    {},
    { gracePeriodSeconds: '7' },
    { gracePeriodSeconds: undefined },
  ],
  ['a policy', { propagationPolicy: 'Orphan' }, {}, { propagationPolicy: 'Orphan' }],
  ['orphans', { orphanDependents: true }, {}, { orphanDependents: true }],
  ['no orphans', undefined, { orphanDependents: 'false' }, { orphanDependents: false }],
  [
    'preconditions',
    { preconditions: { uid: 'u', resourceVersion: '7' } },
    {},
    { uid: 'u', resourceVersion: '7' },
  ],
  [
    'empty preconditions',
    { preconditions: { uid: '', resourceVersion: null } },
    {},
    { uid: undefined, resourceVersion: undefined },
  ],
  ['a dry run', { dryRun: ['All'] }, {}, { dryRun: true }],
  ['a dry run of the query, also beside a body', {}, { dryRun: ['All'] }, { dryRun: true }],
  ['its own kind', { kind: 'DeleteOptions', apiVersion: 'example.com/v9' }, {}, { dryRun: false }],
])('options of a removal: %s', (_, body, given, options) => {
  expect(readDeleteOptions(body, given)).toMatchObject(options);
});

const head = 'DeleteOptions.meta.k8s.io "" is invalid: ';
test.each<[unknown, number, string]>([
  [
    { gracePeriodSeconds: 'soon' },
    400,
    'json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
  ],
  [
    { gracePeriodSeconds: 1.5 },
    400,
    'json: cannot unmarshal number 1.5 into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
  ],
  [
    { preconditions: { uid: 5 } },
    400,
    'json: cannot unmarshal number into Go struct field Preconditions.preconditions.uid of type types.UID',
  ],
  [
    { preconditions: [] },
    400,
    'json: cannot unmarshal array into Go struct field DeleteOptions.preconditions of type v1.Preconditions',
  ],
  [
    { propagationPolicy: 'Some' },
    422,
    `${head}propagationPolicy: Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"`,
  ],
  [
    { propagationPolicy: 'Orphan', orphanDependents: true },
    422,
    `${head}propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set`,
  ],
  [{ kind: 'Pod', apiVersion: 'v1' }, 400, 'no kind "Pod" is registered for version "v1"'],
])('refused: %j', (body, code, message) => {
  expect(() => readDeleteOptions(body)).toThrow(expect.objectContaining({ code, message }));
});

test.each([
  ['array', []],
  ['string', 'x'],
  ['number', 5],
])('a body that is no object deletes nothing: %s', (type, body) => {
  expect(() => readDeleteOptions(body)).toThrow(
    expect.objectContaining({
      code: 400,
      message: expect.stringContaining(
        `json parse error: json: cannot unmarshal ${type} into Go value`,
      ),
    }),
  );
});

test('a dry run of another kind is refused', () => {
  expect(() => readDeleteOptions({ dryRun: ['Some'] })).toThrow(
    expect.objectContaining({ code: 422, message: expect.stringContaining('dryRun: ') }),
  );
});

test('a grace period of the query that is no number is refused in the words of Go', () => {
  expect(() => readDeleteOptions(undefined, { gracePeriodSeconds: 'x' })).toThrow(
    expect.objectContaining({
      code: 400,
      message: 'strconv.ParseInt: parsing "x": invalid syntax',
    }),
  );
});
