/** Custom resources with the rules that well-known operators write, and what those rules let through and refuse. */

/** One definition and its trial. */
export interface RuledKind {
  readonly kind: string;
  readonly group: string;
  /** Schema of `spec`. */
  readonly spec: object;
  readonly good: object;
  readonly bad: object;
  /** Part of what kubectl prints for `bad`. */
  readonly refusal: string;
  /** A change of `good` that is refused, where a rule looks at the old object. */
  readonly change?: { readonly to: object; readonly refusal: string };
}

const string = { type: 'string', maxLength: 253 };
const integer = { type: 'integer', format: 'int32' };

function fields(properties: object, rules: readonly object[] = []): object {
  return { type: 'object', properties, 'x-kubernetes-validations': rules };
}

const listOf = (items: object, maxItems: number, rules: readonly object[] = []): object => ({
  type: 'array',
  maxItems,
  items,
  'x-kubernetes-validations': rules,
});

const gatewayKinds: readonly RuledKind[] = [
  {
    kind: 'GatewayClass',
    group: 'gateway.example.com',
    spec: fields({
      controllerName: {
        ...string,
        'x-kubernetes-validations': [{ message: 'Value is immutable', rule: 'self == oldSelf' }],
      },
    }),
    good: { controllerName: 'example.com/one' },
    bad: { controllerName: 7 },
    refusal: 'spec.controllerName: Invalid value: "integer"',
    change: {
      to: { controllerName: 'example.com/two' },
      refusal: 'spec.controllerName: Invalid value: "string": Value is immutable',
    },
  },
  {
    kind: 'Gateway',
    group: 'gateway.example.com',
    spec: fields({
      listeners: {
        ...listOf(
          {
            type: 'object',
            required: ['name', 'port', 'protocol'],
            properties: {
              name: string,
              port: integer,
              protocol: string,
              hostname: string,
              tls: { type: 'object', properties: { mode: string } },
            },
          },
          64,
          [
            {
              message: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
              rule: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
            },
            {
              message:
                'Combination of port, protocol and hostname must be unique for each listener',
              rule: 'self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))',
            },
          ],
        ),
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
    }),
    good: { listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }] },
    bad: {
      listeners: [
        { name: 'a', port: 80, protocol: 'HTTP' },
        { name: 'b', port: 80, protocol: 'HTTP' },
      ],
    },
    refusal: 'Combination of port, protocol and hostname must be unique for each listener',
  },
  {
    kind: 'HTTPRoute',
    group: 'gateway.example.com',
    spec: fields({
      path: fields({ type: { ...string, default: 'PathPrefix' }, value: string }, [
        {
          message:
            "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
          rule: "(self.type in ['Exact', 'PathPrefix']) ? self.value.startsWith('/') : true",
        },
        {
          message: 'must only contain valid characters',
          rule: '(self.type in [\'Exact\', \'PathPrefix\']) ? self.value.matches(r"""^(?:[-A-Za-z0-9/._~!$&\'()*+,;=:@]|[%][0-9a-fA-F]{2})+$""") : true',
        },
      ]),
    }),
    good: { path: { value: '/api' } },
    bad: { path: { value: 'api' } },
    refusal: "value must be an absolute path and start with '/'",
  },
];

const routingKinds: readonly RuledKind[] = [
  {
    kind: 'ServiceEntry',
    group: 'networking.example.com',
    spec: fields({ addresses: listOf(string, 256), resolution: string }, [
      {
        message: 'CIDR addresses are allowed only for NONE/STATIC resolution types',
        rule: '!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && !((has(self.resolution) ? self.resolution : "NONE") in ["NONE", "STATIC"]))',
      },
    ]),
    good: { addresses: ['10.0.0.0/8'], resolution: 'STATIC' },
    bad: { addresses: ['10.0.0.0/8'], resolution: 'DNS' },
    refusal: 'CIDR addresses are allowed only for NONE/STATIC resolution types',
  },
  {
    kind: 'RateLimit',
    group: 'envoy.example.com',
    spec: fields({ numerator: integer, denominator: { ...integer, default: 100 } }, [
      {
        message: 'numerator must be less than or equal to denominator',
        rule: 'self.numerator <= self.denominator',
        fieldPath: '.numerator',
      },
    ]),
    good: { numerator: 100 },
    bad: { numerator: 101 },
    refusal: 'spec.numerator: Invalid value: "object": numerator must be less than or equal',
  },
  {
    kind: 'AddressPool',
    group: 'net.example.com',
    spec: fields({ cidr: string, gateway: string }, [
      { rule: 'isCIDR(self.cidr)', messageExpression: "'not a CIDR: ' + self.cidr" },
      {
        rule: '!isCIDR(self.cidr) || cidr(self.cidr).containsIP(self.gateway)',
        message: 'gateway must be in cidr',
        reason: 'FieldValueForbidden',
      },
    ]),
    good: { cidr: '10.1.0.0/16', gateway: '10.1.0.1' },
    bad: { cidr: '10.1.0.0/16', gateway: '10.2.0.1' },
    refusal: 'spec: Forbidden: gateway must be in cidr',
  },
];

const workloadKinds: readonly RuledKind[] = [
  {
    kind: 'NodePool',
    group: 'karpenter.example.com',
    spec: fields({
      requirements: listOf(
        {
          type: 'object',
          required: ['key', 'operator'],
          properties: {
            key: {
              ...string,
              'x-kubernetes-validations': [
                {
                  message: 'label "kubernetes.io/hostname" is restricted',
                  rule: 'self != "kubernetes.io/hostname"',
                },
              ],
            },
            operator: string,
            values: listOf(string, 50),
          },
        },
        100,
        [
          {
            message: "requirements with operator 'In' must have a value defined",
            rule: "self.all(x, x.operator == 'In' ? x.values.size() != 0 : true)",
          },
        ],
      ),
    }),
    good: { requirements: [{ key: 'arch', operator: 'In', values: ['amd64'] }] },
    bad: { requirements: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] },
    refusal: 'spec.requirements[0].key: Invalid value: "string": label "kubernetes.io/hostname"',
  },
  {
    kind: 'Workload',
    group: 'kueue.example.com',
    spec: fields(
      {
        podSets: {
          ...listOf(
            {
              ...fields({ name: string, count: integer, minCount: integer }, [
                {
                  message: 'minCount should be positive and less or equal to count',
                  rule: 'has(self.minCount) ? self.minCount <= self.count : true',
                },
              ]),
              required: ['name', 'count'],
            },
            8,
          ),
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
        queueName: string,
        active: { type: 'boolean' },
      },
      [
        {
          message: 'podSets is immutable while active',
          rule: '!(has(oldSelf.active) && oldSelf.active) || self.podSets == oldSelf.podSets',
        },
      ],
    ),
    good: { active: true, podSets: [{ name: 'a', count: 3, minCount: 3 }] },
    bad: { podSets: [{ name: 'a', count: 3, minCount: 4 }] },
    refusal: 'spec.podSets[0]: Invalid value: "object": minCount should be positive',
    change: {
      to: { active: true, podSets: [{ name: 'a', count: 4, minCount: 3 }] },
      refusal: 'podSets is immutable while active',
    },
  },
  {
    kind: 'ImageCatalog',
    group: 'postgresql.example.com',
    spec: fields({
      images: listOf(fields({ image: string, major: integer }), 8, [
        {
          message: 'Images must have unique major versions',
          rule: 'self.all(e, self.filter(f, f.major==e.major).size() == 1)',
        },
      ]),
    }),
    good: {
      images: [
        { image: 'a', major: 16 },
        { image: 'b', major: 17 },
      ],
    },
    bad: {
      images: [
        { image: 'a', major: 16 },
        { image: 'b', major: 16 },
      ],
    },
    refusal: 'spec.images: Invalid value: "array": Images must have unique major versions',
  },
];

const platformKinds: readonly RuledKind[] = [
  {
    kind: 'SecretStore',
    group: 'secrets.example.com',
    spec: fields({ value: string, secretRef: fields({ name: string }) }, [
      {
        message: 'exactly one of value and secretRef must be set',
        rule: 'has(self.value) != has(self.secretRef)',
      },
    ]),
    good: { value: 'a' },
    bad: { value: 'a', secretRef: { name: 'b' } },
    refusal: 'exactly one of value and secretRef must be set',
  },
  {
    kind: 'CapacityBuffer',
    group: 'autoscaling.example.com',
    spec: fields(
      {
        podTemplateRef: fields({ name: string }),
        replicas: integer,
        limits: {
          type: 'object',
          additionalProperties: {
            anyOf: [{ type: 'integer' }, { type: 'string' }],
            'x-kubernetes-int-or-string': true,
            maxLength: 20,
          },
          maxProperties: 10,
        },
      },
      [
        {
          rule: '!has(self.podTemplateRef) || has(self.replicas) || has(self.limits)',
        },
        {
          rule: "!has(self.limits) || !('cpu' in self.limits) || quantity(string(self.limits['cpu'])).isGreaterThan(quantity('0'))",
          message: 'cpu must be positive',
        },
      ],
    ),
    good: { podTemplateRef: { name: 'a' }, limits: { cpu: '500m' } },
    bad: { podTemplateRef: { name: 'a' } },
    refusal: 'failed rule: !has(self.podTemplateRef) || has(self.replicas) || has(self.limits)',
  },
  {
    kind: 'Database',
    group: 'mariadb.example.com',
    spec: fields({ storage: fields({ size: string }), replicas: integer }, [
      {
        message: 'storage must not shrink',
        rule: '!has(oldSelf.storage) || (has(self.storage) && quantity(self.storage.size).compareTo(quantity(oldSelf.storage.size)) >= 0)',
      },
      { message: 'an odd number of replicas', rule: 'self.replicas % 2 == 1' },
    ]),
    good: { storage: { size: '1Gi' }, replicas: 3 },
    bad: { storage: { size: '1Gi' }, replicas: 2 },
    refusal: 'spec: Invalid value: "object": an odd number of replicas',
    change: {
      to: { storage: { size: '900Mi' }, replicas: 3 },
      refusal: 'storage must not shrink',
    },
  },
];

/** All kinds that are tried. */
export const ruledKinds: readonly RuledKind[] = [
  ...gatewayKinds,
  ...routingKinds,
  ...workloadKinds,
  ...platformKinds,
];

/** @returns the CustomResourceDefinition, for kubectl */
export function definitionOf({
  kind,
  group,
  spec,
}: Pick<RuledKind, 'kind' | 'group' | 'spec'>): string {
  const plural = `${kind.toLowerCase()}s`;
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
        },
      ],
    },
  });
}
