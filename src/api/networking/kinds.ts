/** Ingress, IngressClass, NetworkPolicy. */
import { defineKind } from '../define.js';
import { at, child, forbidden, invalid, required, tooLong } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { GoSyntax } from '../go-text/syntax.js';
import { given } from '../schema/node.js';
import type { Ingress, IngressClass, NetworkPolicy } from '../types/networking.js';
import { formatSelector } from '../facts/selectors.js';
import { checkIpBlock } from '../validation/addresses.js';
import {
  isDnsSubdomain,
  isPathSegment,
  isPort,
  isPortName,
  isPortNumberOrName,
} from '../validation/checks.js';
import { isLooseIp } from '../validation/ip-text.js';
import { dns1035Label, dnsSubdomain, wildcardSubdomain } from '../validation/names.js';
import { ingressClassSchema, ingressSchema, networkPolicySchema } from './schemas.js';
import { checkDomainPath } from '../validation/domain-path.js';
import { ingressPointErrors } from '../validation/load-balancer.js';

const networking = { group: 'networking.k8s.io', version: 'v1' } as const;

type Backend = NonNullable<Ingress['spec']['defaultBackend']>;
type Rule = NonNullable<Ingress['spec']['rules']>[number];

function checkBackend(backend: Backend | undefined, path: FieldPath, errors: FieldError[]): void {
  if (backend === undefined) return;
  const { resource, service } = backend;
  if (resource !== undefined && service !== undefined) {
    errors.push(invalid(path, '', 'cannot set both resource and service backends'));
  } else if (resource === undefined && service === undefined) {
    errors.push(invalid(path, '', 'resource or service backend is required'));
  } else if (resource !== undefined) checkResource(resource, child(path, 'resource'), errors);
  else if (service !== undefined) {
    const { port } = service;
    const named: { readonly name?: string } = service;
    const { name = '' } = named;
    if (name !== '') {
      const place = child(child(path, 'service'), 'name');
      for (const text of dns1035Label(name)) errors.push(invalid(place, name, text));
    }
    const here = child(child(path, 'service'), 'port');
    if (port?.name === undefined && port?.number === undefined) {
      errors.push(required(path, 'port name or number is required'));
    } else if (port.name !== undefined && port.number !== undefined) {
      errors.push(invalid(path, '', 'cannot set both port name & port number'));
    } else if (port.name !== undefined) isPortName(port.name, child(here, 'name'), errors);
  }
}

type Resource = NonNullable<Backend['resource']>;

function checkResource(resource: Resource, path: FieldPath, errors: FieldError[]): void {
  const { apiGroup, kind = '', name = '' } = given(resource);
  if (apiGroup !== undefined) isDnsSubdomain(apiGroup, child(path, 'apiGroup'), errors);
  if (kind !== '') isPathSegment(kind, child(path, 'kind'), errors);
  if (name !== '') isPathSegment(name, child(path, 'name'), errors);
}

function checkRule(rule: Rule, path: FieldPath, errors: FieldError[]): void {
  const host = rule.host ?? '';
  if (host !== '') {
    const problems = host.includes('*') ? wildcardSubdomain(host) : dnsSubdomain(host);
    if (isLooseIp(host)) problems.unshift('must be a DNS name, not an IP address');
    for (const text of problems) errors.push(invalid(child(path, 'host'), host, text));
  }
  (rule.http?.paths ?? []).forEach((item, index) => {
    const here = at(child(path, 'http.paths'), index);
    const text = item.path ?? '';
    if (item.pathType === undefined) {
      errors.push(required(child(here, 'pathType'), 'pathType must be specified'));
      return;
    }
    if (item.pathType === 'Exact' || item.pathType === 'Prefix') {
      if (!text.startsWith('/')) {
        errors.push(invalid(child(here, 'path'), text, 'must be an absolute path'));
      }
      for (const bad of ['//', '/./', '/../', '%2f', '%2F']) {
        if (text.includes(bad)) {
          errors.push(invalid(child(here, 'path'), text, `must not contain '${bad}'`));
        }
      }
      for (const bad of ['/..', '/.']) {
        if (text.endsWith(bad)) {
          errors.push(invalid(child(here, 'path'), text, `cannot end with '${bad}'`));
        }
      }
    } else if (text !== '' && !text.startsWith('/')) {
      errors.push(invalid(child(here, 'path'), text, 'must be an absolute path'));
    }
    checkBackend(item.backend ?? {}, child(here, 'backend'), errors);
  });
}

function validateIngress({ spec }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.rules?.length && spec.defaultBackend === undefined) {
    errors.push(
      invalid(
        'spec',
        new GoSyntax('[]networking.IngressRule(nil)'),
        'either `defaultBackend` or `rules` must be specified',
      ),
    );
  }
  checkBackend(spec.defaultBackend, 'spec.defaultBackend', errors);
  (spec.rules ?? []).forEach((rule, index) => checkRule(rule, at('spec.rules', index), errors));
  (spec.tls ?? []).forEach(({ hosts = [] }, index) => {
    hosts.forEach((host, position) => {
      const here = at(child(at('spec.tls', index), 'hosts'), position);
      const problems = host.includes('*') ? wildcardSubdomain(host) : dnsSubdomain(host);
      for (const text of problems) errors.push(invalid(here, host, text));
    });
  });
  return errors;
}

const classAnnotation = 'kubernetes.io/ingress.class';

function hasClassAnnotation({ annotations = {} }: Ingress['metadata']): boolean {
  return Object.hasOwn(annotations, classAnnotation);
}

/** Ingress. */
export const ingressKind = defineKind<Ingress>({
  ...networking,
  kind: 'Ingress',
  validateStatus: ({ status }) => ingressPointErrors(status?.loadBalancer?.ingress),
  plural: 'ingresses',
  shortNames: ['ing'],
  schema: ingressSchema,
  hasGeneration: true,
  validate: validateIngress,
  warnings: ({ metadata, spec }, old) =>
    old === undefined && hasClassAnnotation(metadata) && spec.ingressClassName === undefined
      ? [
          `annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`,
        ]
      : [],
  columns: [
    nameColumn,
    column<Ingress>('Class', ({ metadata, spec }) => {
      const old = metadata.annotations?.[classAnnotation];
      return spec.ingressClassName ?? old ?? '<none>';
    }),
    column<Ingress>('Hosts', ({ spec }) => {
      const hosts = [...new Set((spec.rules ?? []).map((rule) => rule.host ?? ''))];
      const named = hosts.filter((host) => host !== '');
      if (named.length === 0) return '*';
      return named.length > 3
        ? `${named.slice(0, 3).join(',')} + ${named.length - 3} more...`
        : named.join(',');
    }),
    column<Ingress>('Address', ({ status }) =>
      (status?.loadBalancer?.ingress ?? [])
        .map((point) => point.ip ?? point.hostname ?? '')
        .join(','),
    ),
    column<Ingress>('Ports', ({ spec }) => ((spec.tls?.length ?? 0) > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
});

const maxControllerLength = 250;

/** A controller is named like a key with a domain; parameters in a namespace name it. */
function validateClass({ spec }: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  const { controller = '', parameters } = spec;
  const path = 'spec.controller';
  if (controller.length > maxControllerLength) errors.push(tooLong(path, maxControllerLength));
  if (controller === '') errors.push(required(path));
  else checkDomainPath(controller, path, errors);
  if (parameters === undefined) return errors;
  const here = 'spec.parameters.namespace';
  if (parameters.scope === 'Namespace' && parameters.namespace === undefined) {
    errors.push(required(here, "`parameters.scope` is set to 'Namespace'"));
  }
  if (parameters.scope === 'Cluster' && parameters.namespace !== undefined) {
    errors.push(forbidden(here, "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}

/** IngressClass. */
export const ingressClassKind = defineKind<IngressClass>({
  ...networking,
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  schema: ingressClassSchema,
  hasGeneration: true,
  validate: validateClass,
  validateUpdate: (next, old) =>
    next.spec.controller === old.spec.controller
      ? []
      : [invalid('spec.controller', next.spec.controller ?? '', 'field is immutable')],
  columns: [
    nameColumn,
    column<IngressClass>('Controller', ({ spec }) => spec.controller ?? ''),
    column<IngressClass>('Parameters', ({ spec }) => {
      const { parameters } = spec;
      if (parameters === undefined) return '<none>';
      const group = (parameters.apiGroup ?? '') === '' ? '' : `.${parameters.apiGroup}`;
      return `${parameters.kind}${group}/${parameters.name}`;
    }),
    ageColumn,
  ],
});

type PolicyPort = NonNullable<
  NonNullable<NetworkPolicy['spec']['ingress']>[number]['ports']
>[number];

function checkPolicyPort(
  { port, endPort }: PolicyPort,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (port !== undefined) isPortNumberOrName(port, child(path, 'port'), errors);
  if (endPort === undefined) return;
  const here = child(path, 'endPort');
  if (port === undefined) {
    errors.push(invalid(here, endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port === 'string') {
    errors.push(invalid(here, endPort, 'may not be specified when `port` is non-numeric'));
  } else {
    if (endPort < port) errors.push(invalid(here, port, 'must be greater than or equal to `port`'));
    isPort(endPort, here, errors);
  }
}

function validatePolicy({ spec }: NetworkPolicy): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, rules] of [
    ['ingress', spec.ingress],
    ['egress', spec.egress],
  ] as const) {
    (rules ?? []).forEach((rule, index) => {
      const peers =
        ('from' in rule ? rule.from : undefined) ?? ('to' in rule ? rule.to : undefined) ?? [];
      const peerName = name === 'ingress' ? 'from' : 'to';
      (rule.ports ?? []).forEach((port, position) => {
        checkPolicyPort(port, at(child(at(`spec.${name}`, index), 'ports'), position), errors);
      });
      peers.forEach((peer, position) => {
        const path = at(child(at(`spec.${name}`, index), peerName), position);
        if (peer.ipBlock !== undefined) {
          checkIpBlock(peer.ipBlock, child(path, 'ipBlock'), errors);
          if (peer.podSelector !== undefined || peer.namespaceSelector !== undefined) {
            errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
          }
        } else if (peer.podSelector === undefined && peer.namespaceSelector === undefined) {
          errors.push(required(path, 'must specify a peer'));
        }
      });
    });
  }
  if ((spec.policyTypes?.length ?? 0) > 2) {
    const text = 'may not specify more than two policyTypes';
    errors.push(invalid('spec.policyTypes', spec.policyTypes, text));
  }
  return errors;
}

/** NetworkPolicy. */
export const networkPolicyKind = defineKind<NetworkPolicy>({
  ...networking,
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  schema: networkPolicySchema,
  hasGeneration: true,
  setDefaults: ({ spec }) => {
    spec.policyTypes ??= (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: validatePolicy,
  columns: [
    nameColumn,
    column<NetworkPolicy>('Pod-Selector', ({ spec }) => formatSelector(spec.podSelector)),
    ageColumn,
  ],
});
