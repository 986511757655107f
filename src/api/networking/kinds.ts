/** Ingress, IngressClass, NetworkPolicy. */
import { defineKind } from '../define.js';
import { at, child, invalid, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import type { Ingress, IngressClass, NetworkPolicy } from '../types/networking.js';
import { formatSelector } from '../label-selector.js';
import { cidrErrors, dnsSubdomain, wildcardSubdomain, isIPv4 } from '../validation/names.js';
import { ingressClassSchema, ingressSchema, networkPolicySchema } from './schemas.js';

const networking = { group: 'networking.k8s.io', version: 'v1' } as const;

type Backend = NonNullable<Ingress['spec']['defaultBackend']>;
type Rule = NonNullable<Ingress['spec']['rules']>[number];

function checkBackend(backend: Backend | undefined, path: FieldPath, errors: FieldError[]): void {
  if (backend === undefined) return;
  const { resource, service } = backend;
  if (resource !== undefined && service !== undefined) {
    errors.push(invalid(path, '', 'cannot set both resource and service backends'));
  } else if (resource === undefined && service === undefined) {
    errors.push(required(path, 'resource or service backend is required'));
  } else if (service !== undefined) {
    const { port } = service;
    const here = child(child(path, 'service'), 'port');
    if (port?.name === undefined && port?.number === undefined) {
      errors.push(required(here, 'port name or number is required'));
    } else if (port.name !== undefined && port.number !== undefined) {
      errors.push(invalid(here, '', 'cannot set both port name & port number'));
    }
  }
}

function checkRule(rule: Rule, path: FieldPath, errors: FieldError[]): void {
  const host = rule.host ?? '';
  if (host !== '') {
    const problems = isIPv4(host)
      ? ['must be a DNS name, not an IP address']
      : host.includes('*')
        ? wildcardSubdomain(host)
        : dnsSubdomain(host);
    for (const text of problems) errors.push(invalid(child(path, 'host'), host, text));
  }
  (rule.http?.paths ?? []).forEach((item, index) => {
    const here = at(child(path, 'http.paths'), index);
    const text = item.path ?? '';
    if (item.pathType === undefined) {
      errors.push(required(child(here, 'pathType'), 'pathType must be specified'));
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
    }
    checkBackend(item.backend, child(here, 'backend'), errors);
  });
}

function validateIngress({ spec }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.rules?.length && spec.defaultBackend === undefined) {
    errors.push(invalid('spec', [], 'either `defaultBackend` or `rules` must be specified'));
  }
  checkBackend(spec.defaultBackend, 'spec.defaultBackend', errors);
  (spec.rules ?? []).forEach((rule, index) => checkRule(rule, at('spec.rules', index), errors));
  return errors;
}

/** Ingress. */
export const ingressKind = defineKind<Ingress>({
  ...networking,
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  schema: ingressSchema,
  hasGeneration: true,
  validate: validateIngress,
  columns: [
    nameColumn,
    column<Ingress>('Class', ({ metadata, spec }) => {
      const old = metadata.annotations?.['kubernetes.io/ingress.class'];
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

/** IngressClass. */
export const ingressClassKind = defineKind<IngressClass>({
  ...networking,
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  schema: ingressClassSchema,
  hasGeneration: true,
  validateUpdate: (next, old) =>
    next.spec.controller === old.spec.controller
      ? []
      : [invalid('spec.controller', next.spec.controller, 'field is immutable')],
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
      peers.forEach((peer, position) => {
        const path = at(child(at(`spec.${name}`, index), peerName), position);
        if (peer.ipBlock !== undefined) {
          // Missing in a body that the schema's own check has refused already.
          const block: { readonly cidr?: string } = peer.ipBlock;
          for (const text of cidrErrors(block.cidr ?? '')) {
            errors.push(invalid(child(path, 'ipBlock.cidr'), peer.ipBlock.cidr, text));
          }
        } else if (peer.podSelector === undefined && peer.namespaceSelector === undefined) {
          errors.push(required(path, 'must specify a peer'));
        }
      });
    });
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
