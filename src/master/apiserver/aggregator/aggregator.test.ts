import { describe, expect, test } from '@jest/globals';
import { builtInKinds } from '../../../api/kinds.js';
import { KindRegistry } from '../../../api/registry.js';
import { apiServiceKind } from '../../../api/apiregistration/api-service.js';
import { formatFieldError } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import { validateCreate } from '../../../api/strategy.js';
import type { APIService } from '../../../api/types/policy.js';
import { authenticationData } from './authentication-config.js';
import { identityHeaders, saysWhoAsks } from './identity.js';
import { localServices, managedLabel, planLocal } from './local-services.js';

const kinds = new KindRegistry(builtInKinds);
const podKind = kinds.byResource('', 'v1', 'pods')!;
const custom = { ...podKind, group: 'example.com', custom: true };

function service(name: string, spec: object = {}, labels: Record<string, string> = {}): APIService {
  const [version = '', ...group] = name.split('.');
  return {
    kind: 'APIService',
    apiVersion: 'apiregistration.k8s.io/v1',
    metadata: { name, labels },
    spec: {
      group: group.join('.'),
      version,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      ...spec,
    },
    status: {},
  };
}

describe('local APIServices', () => {
  const wanted = localServices(new KindRegistry([podKind, apiServiceKind, custom]));

  test('one for each group and version but their own', () => {
    expect(wanted.map(({ metadata, spec }) => [metadata.name, metadata.labels, spec])).toEqual([
      [
        'v1.',
        { [managedLabel]: 'onstart' },
        { group: '', version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 },
      ],
      [
        'v1.example.com',
        { [managedLabel]: 'true' },
        { group: 'example.com', version: 'v1', groupPriorityMinimum: 1_000, versionPriority: 100 },
      ],
    ]);
  });

  const steps = (present: readonly APIService[], atStart: boolean): string[] =>
    planLocal(new Map(present.map((one) => [one.metadata.name, one])), wanted, { atStart }).map(
      (step) => `${step.type} ${step.type === 'delete' ? step.name : step.wanted.metadata.name}`,
    );
  const kept = { [managedLabel]: 'true' };

  test.each<[string, APIService[], boolean, string[]]>([
    ['a new cluster has all', [], true, ['create v1.', 'create v1.example.com']],
    ['a built-in one that was deleted waits for a start', [], false, ['create v1.example.com']],
    [
      'what a user put in its place stays',
      [service('v1.', {}), service('v1.example.com', { service: { name: 's', namespace: 'n' } })],
      true,
      [],
    ],
    [
      'one of a definition is kept as it is',
      [service('v1.', {}), service('v1.example.com', {}, kept)],
      false,
      ['update v1.example.com'],
    ],
    [
      'one whose definition is gone goes',
      [...wanted, service('v2.example.com', {}, kept), service('v3.example.com', {})],
      false,
      ['delete v2.example.com'],
    ],
  ])('%s', (_, present, atStart, expected) => {
    expect(steps(present, atStart)).toEqual(expected);
  });
});

test.each<[string, APIService, string[]]>([
  ['a good one', service('v1.a.example.com', { service: { name: 's', namespace: 'n' } }), []],
  [
    'the name of another',
    service('v1.a', { group: 'b' }),
    ['metadata.name: Invalid value: "v1.a": must be `spec.version+"."+spec.group`: "v1.b"'],
  ],
  [
    'no group but the first',
    service('v2.'),
    ['spec.group: Required value: only v1 may have an empty group and it better be legacy kube'],
  ],
  [
    'priorities',
    service('v1.a', { groupPriorityMinimum: 20_001, versionPriority: 1_001 }),
    [
      'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
      'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
    ],
  ],
  [
    'a local one trusts nobody',
    service('v1.a', { caBundle: 'YWI=', insecureSkipTLSVerify: true }),
    [
      'spec.caBundle: Invalid value: "2 bytes": local APIServices may not have a caBundle',
      'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ],
  ],
  [
    'a remote one',
    service('v1.a', { caBundle: 'YWI=', insecureSkipTLSVerify: true, service: { port: 0 } }),
    [
      'spec.service.namespace: Required value',
      'spec.service.name: Required value',
      'spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
      'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present',
    ],
  ],
])('validation: %s', (_, object, expected) => {
  const errors = validateCreate(apiServiceKind, object as KubeObject).map(formatFieldError);
  expect(errors).toEqual(expected);
});

test('who asks is said in fields that HTTP can carry', () => {
  const extra = { 'example.com/Scope(x)': ['a', 'b'] };
  expect(identityHeaders({ name: 'jürgen', groups: ['g1', 'g2'], uid: '7', extra })).toEqual({
    'X-Remote-User': 'jÃ¼rgen',
    'X-Remote-Group': ['g1', 'g2'],
    'X-Remote-Uid': '7',
    'X-Remote-Extra-example.com%2FScope%28x%29': ['a', 'b'],
  });
  expect(['x-remote-user', 'x-remote-extra-a', 'authorization', 'accept'].map(saysWhoAsks)).toEqual(
    [true, true, true, false],
  );
});

describe('whom to trust', () => {
  const pem = (text: string): string =>
    `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
  const first = authenticationData({}, { clientCa: pem('c'), frontProxyCa: pem('one') });

  test('is what kube-apiserver writes', () => {
    expect(first).toEqual({
      'client-ca-file': pem('c'),
      'requestheader-client-ca-file': pem('one'),
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
    });
  });

  test('each master adds its authority, once', () => {
    const second = { clientCa: pem('c'), frontProxyCa: pem('two') };
    const both = authenticationData(first, second);
    expect(both['requestheader-client-ca-file']).toBe(pem('one') + pem('two'));
    expect(both['client-ca-file']).toBe(pem('c'));
    expect(authenticationData(both, second)).toEqual(both);
  });
});
