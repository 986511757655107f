import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { builtInRegistry } from '../kinds.js';
import { applyDefaults, validateCreate } from '../strategy.js';

function errors(kindName: string, spec: object): string[] {
  const kind = builtInRegistry().byName(kindName);
  if (kind === undefined) throw new Error(kindName);
  const object = { metadata: { name: 'q', namespace: 'ns' }, spec } as unknown as KubeObject;
  applyDefaults(kind, object);
  return validateCreate(kind, object).map(formatFieldError);
}

const known = 'must be a standard resource type or fully qualified';
const counted = 'must be a standard resource for quota';

describe('what a quota counts', () => {
  test.each<[Record<string, string>, string[]]>([
    [{ 'requests.cpu': '1.5', 'limits.memory': '1Gi', 'ephemeral-storage': '1Gi' }, []],
    [{ pods: '5', 'services.nodeports': '1', 'requests.storage': '1Gi', secrets: '1' }, []],
    [{ 'hugepages-2Mi': '2Mi', 'requests.hugepages-1Gi': '1Gi' }, []],
    [{ 'count/deployments.apps': '2', 'requests.example.com/gpu': '1.5' }, []],
    [{ 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi' }, []],
    [
      { foo: '1' },
      [`hard[foo]: Invalid value: foo: ${known}`, `hard[foo]: Invalid value: foo: ${counted}`],
    ],
    [{ storage: '1Gi' }, [`hard[storage]: Invalid value: storage: ${counted}`]],
    [{ pods: '1.5' }, ['hard[pods]: Invalid value: "1500m": must be an integer']],
    [
      { 'services.nodeports': '100m' },
      ['hard[services.nodeports]: Invalid value: "100m": must be an integer'],
    ],
    [
      { 'example.com/gpu': '1.5' },
      ['hard[example.com/gpu]: Invalid value: "1500m": must be an integer'],
    ],
    [{ cpu: '-1' }, ['hard[cpu]: Invalid value: "-1": must be greater than or equal to 0']],
  ])('%j', (hard, wanted) => {
    expect(errors('resourcequota', { hard })).toEqual(wanted.map((text) => `spec.${text}`));
  });
});

describe('the scopes of a quota', () => {
  const misfit = 'unsupported scope applied to resource';
  test.each<[string[], Record<string, string>, string[]]>([
    [['Terminating', 'BestEffort'], { pods: '1' }, []],
    [['PriorityClass'], { pods: '1', 'requests.cpu': '1', 'count/pods': '1' }, []],
    [['VolumeAttributesClass'], { 'requests.storage': '1Gi', persistentvolumeclaims: '1' }, []],
    [['Sometimes'], { pods: '1' }, ['unsupported scope']],
    [['BestEffort'], { pods: '1', cpu: '1', memory: '1' }, [misfit, misfit]],
    [['NotTerminating'], { services: '1' }, [misfit]],
    [['VolumeAttributesClass'], { pods: '1' }, [misfit]],
    [['BestEffort', 'NotBestEffort'], { pods: '1' }, ['conflicting scopes']],
    [['Terminating', 'NotTerminating'], { pods: '1' }, ['conflicting scopes']],
  ])('%j with %j', (scopes, hard, wanted) => {
    const list = JSON.stringify(scopes);
    expect(errors('resourcequota', { hard, scopes })).toEqual(
      wanted.map((text) => `spec.scopes: Invalid value: ${list}: ${text}`),
    );
    const matchExpressions = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' }));
    const selected = errors('resourcequota', { hard, scopeSelector: { matchExpressions } });
    expect(selected.map((text) => text.split(': ').at(-1))).toEqual(wanted);
  });
});

test('scopes by the thousand, each with thousands of resources, are no billion of errors', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => [`hugepages-${index}`, '1']);
  const hard = Object.fromEntries(names) as object;
  const scopes = names.map(() => 'BestEffort');
  const matchExpressions = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' }));
  expect(errors('resourcequota', { hard, scopes })).toHaveLength(1_000);
  expect(errors('resourcequota', { hard, scopeSelector: { matchExpressions } })).toHaveLength(
    1_000,
  );
});

test.each<[string, string, string[]]>([
  ['Container', 'example.com/gpu', []],
  ['PersistentVolumeClaim', 'storage', []],
  ['Container', 'pods', ['must be a standard resource for containers']],
  ['Pod', 'foo', [known, 'must be a standard resource for containers']],
  ['example.com/thing', 'foo', [known]],
])('a limit of a %s on %s', (type, name, wanted) => {
  const found = errors('limitrange', { limits: [{ type, max: { [name]: '1' } }] });
  const own = found.filter((text) => text.startsWith(`spec.limits[0].max[${name}]: `));
  expect(own.map((text) => text.split(': ').at(-1))).toEqual(wanted);
});
