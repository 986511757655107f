/** The pods that a quota with scopes counts (kubernetes `podMatchesScopeFunc`). */
import { qosClass } from '../core/qos.js';
import type { KubeObject } from '../object.js';
import { isJsonObject } from '../object.js';
import type { Pod, ResourceQuota } from '../types/core.js';
import type { CountedResource } from './quota-usage.js';

interface Requirement {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function requirementsOf({ spec }: Pick<ResourceQuota, 'spec'>): Requirement[] {
  const plain = (spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(spec.scopeSelector?.matchExpressions ?? [])];
}

/** True when the quota counts this object at all. */
export function isInScope(
  quota: Pick<ResourceQuota, 'spec'>,
  kind: CountedResource,
  object: KubeObject,
): boolean {
  const requirements = requirementsOf(quota);
  if (requirements.length === 0) return true;
  if (kind.group !== '' || kind.plural !== 'pods') return false;
  const pod = object as Pod;
  return requirements.every((requirement) => matches(requirement, pod));
}

function matches({ scopeName, operator, values = [] }: Requirement, pod: Pod): boolean {
  const { spec } = pod;
  switch (scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return qosClass(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClass(spec) !== 'BestEffort';
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(spec.affinity);
    case 'PriorityClass': {
      const name = spec.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return operator === 'In' ? values.includes(name) : !values.includes(name);
    }
    default:
      return false;
  }
}

/** True when some affinity term names namespaces or selects them. */
function reachesOtherNamespaces(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(reachesOtherNamespaces);
  if (!isJsonObject(value)) return false;
  const { namespaces, namespaceSelector } = value;
  if (Array.isArray(namespaces) && namespaces.length > 0) return true;
  if (namespaceSelector !== undefined && namespaceSelector !== null) return true;
  return Object.values(value).some(reachesOtherNamespaces);
}
