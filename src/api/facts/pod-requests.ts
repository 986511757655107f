/**
 * The resources that pods request and nodes offer, as plain numbers: CPU in thousandths, all else in whole units
 * (bytes, devices).
 */
import { parseQuantity } from '../quantity.js';
import type { Container, Pod, ResourceList } from '../types/core.js';
import type { Arithmetic } from './pod-total.js';
import { podTotal } from './pod-total.js';

/** Amounts of resources by name, in whole units but CPU, which is in thousandths. */
export type Amounts = Record<string, number>;

/** The requests that scoring assumes for a container without any (kube-scheduler util/pod_resources.go). */
const defaultMilliCpu = 100;
const defaultMemoryBytes = 200 * 1024 * 1024;

const parsed = new Map<string, number>();
const parsedLimit = 10_000;

/** A quantity as a number; 0 when unreadable. Remembers what it parsed. */
export function amountOf(resource: string, text: string): number {
  const key = resource === 'cpu' ? `m${text}` : text;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const quantity = parseQuantity(String(text));
  const amount =
    quantity === undefined ? 0 : resource === 'cpu' ? quantity.milliValue() : quantity.value();
  if (parsed.size > parsedLimit) parsed.clear();
  parsed.set(key, amount);
  return amount;
}

/** The amounts of a list of quantities. */
export function amountsOf(list: ResourceList | undefined): Amounts {
  const amounts: Amounts = {};
  for (const [resource, text] of Object.entries(list ?? {})) {
    amounts[resource] = amountOf(resource, text);
  }
  return amounts;
}

/** Adds amounts to others, or takes them away. */
export function addTo(target: Amounts, added: Amounts, sign: 1 | -1 = 1): void {
  for (const [resource, amount] of Object.entries(added)) {
    target[resource] = (target[resource] ?? 0) + sign * amount;
  }
}

const arithmetic: Arithmetic<Readonly<Amounts>> = {
  none: {},
  add: (a, b) => {
    const sum = { ...a };
    addTo(sum, b);
    return sum;
  },
  max: (a, b) => {
    const highest = { ...a };
    for (const [resource, amount] of Object.entries(b)) {
      highest[resource] = Math.max(highest[resource] ?? 0, amount);
    }
    return highest;
  },
};

/** The requests of a whole pod: {@link podTotal}, plus the overhead. */
export function podRequests(pod: Pod, of: (container: Container) => Amounts = requestsOf): Amounts {
  const total = podTotal(pod.spec, of, arithmetic);
  return { ...arithmetic.add(total, amountsOf(pod.spec.overhead)) };
}

/** Tells whether a pod that is resized in place leaves room behind: it requests less of something. */
export function requestsLess(old: Pod, next: Pod): boolean {
  const now = podRequests(next);
  return Object.entries(podRequests(old)).some(
    ([resource, amount]) => (now[resource] ?? 0) < amount,
  );
}

function requestsOf(container: Container): Amounts {
  return amountsOf(container.resources?.requests);
}

/** CPU and memory for scoring, where a container without requests counts for a little. */
export function scoringRequests(pod: Pod): { readonly cpu: number; readonly memory: number } {
  const total = podRequests(pod, (container) => {
    const { cpu = defaultMilliCpu, memory = defaultMemoryBytes } = requestsOf(container);
    return { cpu, memory };
  });
  return { cpu: total['cpu'] ?? 0, memory: total['memory'] ?? 0 };
}
