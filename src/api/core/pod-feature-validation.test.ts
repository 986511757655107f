import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { builtInRegistry } from '../kinds.js';
import { applyDefaults, decodeObject, validateCreate } from '../strategy.js';
import { labelValueErrors } from '../validation/names.js';

function errors(name: string, fields: object): string[] {
  const kind = builtInRegistry().byName(name);
  if (kind === undefined) throw new Error(name);
  const metadata = { name: 'a', ...(kind.namespaced ? { namespace: 'ns' } : {}) };
  const { object } = decodeObject(kind, { metadata, ...fields });
  applyDefaults(kind, object);
  return validateCreate(kind, object).map(formatFieldError);
}

const container = { name: 'c', image: 'i' };
const spread = {
  maxSkew: 1,
  topologyKey: 'k',
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { a: 'b' } },
};
const here = 'topologySpreadConstraints[0]';
const claim = 'volumes[0].ephemeral.volumeClaimTemplate';
const claimTemplate = {
  metadata: { name: 'x', labels: { a: '-' } },
  spec: {
    accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'],
    dataSource: { kind: 'Thing', name: 'x' },
  },
};
const resize = 'containers[0].resizePolicy';

test.each<[object, object, string[]]>([
  [{ schedulingGates: [{ name: 'a' }, { name: 'b' }] }, {}, []],
  [
    { schedulingGates: [{ name: 'a' }, { name: 'a' }] },
    {},
    ['schedulingGates[1]: Duplicate value: "a"'],
  ],
  [{ topologySpreadConstraints: [{ ...spread, minDomains: 2, matchLabelKeys: ['z'] }] }, {}, []],
  [
    {
      topologySpreadConstraints: [
        { ...spread, whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2, matchLabelKeys: ['a'] },
      ],
    },
    {},
    [
      `${here}.minDomains: Invalid value: 2: can only use minDomains if ` +
        'whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      `${here}.matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector`,
    ],
  ],
  [
    {
      topologySpreadConstraints: [{ ...spread, labelSelector: undefined, matchLabelKeys: ['a'] }],
    },
    {},
    [`${here}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`],
  ],
  [{}, { lifecycle: { preStop: { sleep: { seconds: 30 } } } }, []],
  [
    { terminationGracePeriodSeconds: 5 },
    { lifecycle: { preStop: { sleep: { seconds: 10 } } } },
    [
      'containers[0].lifecycle.preStop.sleep: Invalid value: 10: ' +
        'must be non-negative and less than terminationGracePeriodSeconds (5)',
    ],
  ],
  [{}, { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }, []],
  [
    { restartPolicy: 'Never' },
    {
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'cpu', restartPolicy: 'RestartContainer' },
        { resourceName: 'gpu', restartPolicy: 'x' },
      ],
    },
    [
      `${resize}[1]: Duplicate value: cpu`,
      `${resize}: Invalid value: "RestartContainer": must be 'NotRequired' when \`restartPolicy\` is 'Never'`,
      `${resize}: Unsupported value: gpu: supported values: "cpu", "memory"`,
      `${resize}: Unsupported value: "x": supported values: "NotRequired", "RestartContainer"`,
      `${resize}: Invalid value: "x": must be 'NotRequired' when \`restartPolicy\` is 'Never'`,
    ],
  ],
  [
    { volumes: [{ name: 'v', ephemeral: {} }] },
    {},
    ['volumes[0].ephemeral.volumeClaimTemplate: Required value'],
  ],
  [
    { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: claimTemplate } }] },
    {},
    [
      `${claim}.metadata.labels: Invalid value: "-": ${labelValueErrors('-').join()}`,
      `${claim}.metadata.name: Forbidden: cannot be set`,
      `${claim}.spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes`,
      `${claim}.spec.resources[storage]: Required value`,
      `${claim}.spec.dataSource: Invalid value: "Thing": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
    ],
  ],
  [
    {},
    { resources: { limits: { 'hugepages-2Mi': '3Mi', cpu: '1' } } },
    ['limits', 'requests'].map(
      (list) =>
        `containers[0].resources.${list}[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
    ),
  ],
  [
    { hostNetwork: true },
    { ports: [{ containerPort: 80, hostPort: 8080 }] },
    [
      'containers[0].ports[0].hostPort: Invalid value: 8080: must match `containerPort` when `hostNetwork` is true',
    ],
  ],
])('a pod with %j and %j', (spec, more, wanted) => {
  const found = errors('pod', { spec: { containers: [{ ...container, ...more }], ...spec } });
  expect(found).toEqual(wanted.map((text) => `spec.${text}`));
});

test('a pod that gates hold is made on no node; a template of one may name it', () => {
  const spec = { containers: [container], nodeName: 'n', schedulingGates: [{ name: 'a' }] };
  const text =
    'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared';
  expect(errors('pod', { spec })).toEqual([text]);
  const metadata = { labels: { a: 'b' } };
  const selector = { matchLabels: { a: 'b' } };
  const deployment = { spec: { selector, template: { metadata, spec } } };
  expect(errors('deployment', deployment)).toEqual([]);
});

const workload = {
  selector: { matchLabels: { a: 'b' } },
  template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } },
};
const zones = Array.from({ length: 9 }, (_, at) => ({ name: `z${at}` }));

test.each<[string, object, string[]]>([
  [
    'statefulset',
    {
      spec: {
        ...workload,
        serviceName: 's',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' },
      },
    },
    [
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": ' +
        'supported values: "Retain", "Delete"',
    ],
  ],
  [
    'daemonset',
    {
      spec: { ...workload, updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
    },
    [
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: ' +
        'intstr.IntOrString{Type:0, IntVal:1, StrVal:""}: may not be set when maxUnavailable is non-zero',
    ],
  ],
  [
    'service',
    { spec: { ports: [{ port: 80 }], loadBalancerClass: 'a/b' } },
    ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
  ],
  [
    'csidriver',
    { spec: { fsGroupPolicy: 'x' } },
    [
      'spec.fsGroupPolicy: Unsupported value: "x": ' +
        'supported values: "File", "None", "ReadWriteOnceWithFSType"',
    ],
  ],
  [
    'endpointslice',
    {
      addressType: 'FQDN',
      endpoints: [{ addresses: ['A_'], hints: { forZones: zones } }],
    },
    [
      expect.stringContaining(
        'endpoints[0].addresses[0]: Invalid value: "A_": ',
      ) as unknown as string,
      'endpoints[0].hints.forZones: Too many: 9: must have at most 8 items',
    ],
  ],
  [
    'endpointslice',
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'], hints: { forZones: [zones[0], zones[0]] } }],
    },
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "z0"'],
  ],
])('a %s with %j', (name, fields, wanted) => {
  expect(errors(name, fields)).toEqual(wanted);
});
