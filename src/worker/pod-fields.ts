/**
 * Renders the fields and resources of a pod and its node as text, as the downward API gives them to containers.
 * @see Kubernetes "Downward API"
 */
import { parseQuantity } from '../api/quantity.js';
import type { Container, Pod } from '../api/types/core.js';

/** The node's share of the fields: its name, addresses and resources. */
export interface NodeFacts {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
  /** Quantities that stand in for limits which the container does not set. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** A field that cannot be given: the container cannot be configured. */
export class PodFieldError extends Error {
  override readonly name = 'PodFieldError';
  readonly code = 'POD_FIELD';
}

/**
 * The value of a `fieldRef`.
 * @throws PodFieldError for a path that the downward API does not have
 */
export function podField(pod: Pod, path: string, facts: NodeFacts): string {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      throw new PodFieldError(`unsupported fieldPath: ${path}`);
  }
}

/** One `key="value"` a line, sorted, as in a downward API volume. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** The containers of a pod that a reference may name. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/**
 * The value of a `resourceFieldRef`: a whole number of divisors, rounded up. A limit that is not set is the node's.
 * @throws PodFieldError
 */
export function resourceField(
  container: Container,
  reference: { readonly resource: string; readonly divisor?: string | undefined },
  facts: NodeFacts,
): string {
  const match = /^(limits|requests)\.(.+)$/.exec(reference.resource);
  const [, list = '', name = ''] = match ?? [];
  const { limits, requests } = container.resources ?? {};
  const set = list === 'limits' ? limits?.[name] : (requests?.[name] ?? limits?.[name]);
  const text = set ?? (list === 'limits' ? facts.allocatable[name] : undefined) ?? '0';
  const value = parseQuantity(text);
  const divisor = parseQuantity(
    reference.divisor === undefined || reference.divisor === '0' ? '1' : reference.divisor,
  );
  if (match === null || value === undefined || divisor === undefined || divisor.sign() <= 0) {
    throw new PodFieldError(`unsupported container resource: ${reference.resource}`);
  }
  return String((value.nanos + divisor.nanos - 1n) / divisor.nanos);
}
