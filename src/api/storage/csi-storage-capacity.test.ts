import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { decodeObject, validateCreate, validateUpdate } from '../strategy.js';
import { csiStorageCapacityKind as kind } from './csi-storage-capacity.js';

function capacity(fields: object): KubeObject {
  const metadata = { name: 'a', namespace: 'ns', resourceVersion: '1' };
  const value = { kind: kind.kind, apiVersion: 'storage.k8s.io/v1', metadata, ...fields };
  return decodeObject(kind, value).object;
}

const good = { storageClassName: 'fast', capacity: '10Gi' };

test.each<[string, object, string[]]>([
  ['whole', good, []],
  [
    'no class',
    { capacity: '1' },
    [
      'storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric ' +
        "characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex " +
        "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'less than nothing',
    { ...good, capacity: '-1', maximumVolumeSize: '-2' },
    [
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
      'maximumVolumeSize: Invalid value: "-2": must be greater than or equal to 0',
    ],
  ],
])('%s', (_, fields, expected) => {
  expect(validateCreate(kind, capacity(fields)).map(formatFieldError)).toEqual(expected);
});

test('what was asked of the driver stays, what it answered changes', () => {
  const old = capacity(good);
  const errors = (fields: object): string[] =>
    validateUpdate(kind, capacity(fields), old).map(formatFieldError);
  expect(errors({ ...good, capacity: '5Gi', maximumVolumeSize: '1Gi' })).toEqual([]);
  expect(errors({ storageClassName: 'slow', nodeTopology: { matchLabels: { a: 'b' } } })).toEqual([
    'nodeTopology: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}, ' +
      'MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable',
    'storageClassName: Invalid value: "slow": field is immutable',
  ]);
});

test('its columns are those of Kubernetes', () => {
  const cells = (fields: object): unknown[] =>
    kind.columns.map(({ cell }) => cell(capacity(fields), 0));
  expect(kind.columns.map(({ name }) => name)).toEqual(['Name', 'StorageClassName', 'Capacity']);
  expect(cells(good)).toEqual(['a', 'fast', '10Gi']);
  expect(cells({ storageClassName: 'fast' })).toEqual(['a', 'fast', '<unset>']);
});
