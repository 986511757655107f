/** Names of resources that can be asked for, limited or counted. @see kubernetes pkg/apis/core/helper */
import { GoSyntax } from '../go-text/syntax.js';
import { invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { qualifiedNameErrors } from './names.js';

const computed = ['cpu', 'ephemeral-storage', 'memory'];
const counted = [
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'services.loadbalancers',
  'services.nodeports',
];
const containerResources = new Set(computed);
const countedResources = new Set(counted);
const quotaResources = new Set([
  ...computed.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
  ...counted,
  'requests.storage',
]);

/** True for resources of the cluster's own vocabulary (`cpu`, `hugepages-2Mi`, `pods`, …). */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

/** True for resources that come in whole units: objects, and what nodes have beside the native ones. */
export function isIntegerResource(name: string): boolean {
  return countedResources.has(name) || isExtendedResource(name);
}

/** True for what nodes have beside the native ones, such as devices: `example.com/gpu`. */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return qualifiedNameErrors(`requests.${name}`).length === 0;
}

/** True for resources without a domain that quotas count. */
export function isQuotaResource(name: string): boolean {
  return quotaResources.has(name) || /^(?:requests\.)?hugepages-/.test(name);
}

function texts(name: string): string[] {
  const problems = qualifiedNameErrors(name);
  if (problems.length > 0 || name.includes('/')) return problems;
  const isKnown = name === 'storage' || isQuotaResource(name);
  return isKnown ? [] : ['must be a standard resource type or fully qualified'];
}

/** Errors of the name of any resource. */
export function resourceNameErrors(name: string, path: FieldPath): FieldError[] {
  return texts(name).map((text) => invalid(path, new GoSyntax(name), text));
}

/** Errors of the name of a resource that containers ask for. */
export function containerResourceErrors(name: string, path: FieldPath): FieldError[] {
  const errors = resourceNameErrors(name, path);
  if (!name.includes('/')) {
    if (containerResources.has(name) || name.startsWith('hugepages-')) return errors;
    return [
      ...errors,
      invalid(path, new GoSyntax(name), 'must be a standard resource for containers'),
    ];
  }
  if (isNativeResource(name) || isExtendedResource(name)) return errors;
  return [
    ...errors,
    invalid(path, new GoSyntax(name), "doesn't follow extended resource name standard"),
  ];
}

/** Errors of the name of a resource that a quota counts. */
export function quotaResourceErrors(name: string, path: FieldPath): FieldError[] {
  const errors = resourceNameErrors(name, path);
  if (name.includes('/') || isQuotaResource(name)) return errors;
  return [...errors, invalid(path, new GoSyntax(name), 'must be a standard resource for quota')];
}
