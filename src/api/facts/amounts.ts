/** Amounts by resource name (`cpu`, `requests.memory`, `count/pods`), as quotas and limit ranges compare them. */
import { parseQuantity } from '../quantity.js';
import type { Quantity } from '../quantity.js';
import type { Container, PodSpec } from '../types/core.js';
import { podTotal } from './pod-total.js';

/** Amounts of resources by name. */
export type Amounts = ReadonlyMap<string, Quantity>;

/** Reads a resource list; what cannot be read counts as absent. */
export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  const out = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) out.set(name, quantity);
  }
  return out;
}

/** A resource list, names sorted. */
export function listOf(amounts: Amounts): Record<string, string> {
  const names = [...amounts.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, amounts.get(name)?.toString() ?? '0']));
}

/** `a=1,b=2`, names sorted. */
export function formatAmounts(amounts: Amounts): string {
  return Object.entries(listOf(amounts))
    .map(([name, text]) => `${name}=${text}`)
    .join(',');
}

/** Both together, by name. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  const out = new Map(a);
  for (const [name, quantity] of b) out.set(name, out.get(name)?.add(quantity) ?? quantity);
  return out;
}

/** Subtracts `b` from `a`, by name; names of `b` alone become negative. */
export function subtractAmounts(a: Amounts, b: Amounts): Amounts {
  const out = new Map(a);
  for (const [name, quantity] of b) {
    const zero = quantity.subtract(quantity);
    out.set(name, (out.get(name) ?? zero).subtract(quantity));
  }
  return out;
}

/** Only these names. */
export function maskAmounts(amounts: Amounts, names: { has(name: string): boolean }): Amounts {
  return new Map([...amounts].filter(([name]) => names.has(name)));
}

function maxAmounts(a: Amounts, b: Amounts): Amounts {
  const out = new Map(a);
  for (const [name, quantity] of b) {
    const present = out.get(name);
    if (present === undefined || present.compare(quantity) < 0) out.set(name, quantity);
  }
  return out;
}

const arithmetic = { none: new Map<string, Quantity>(), add: addAmounts, max: maxAmounts };

/** The requests or limits of a whole pod: {@link podTotal}, plus the overhead. */
export function podAmounts(spec: PodSpec, part: 'requests' | 'limits'): Amounts {
  const of = (container: Container): Amounts => amountsOf(container.resources?.[part]);
  const total = podTotal<Amounts>(spec, of, arithmetic);
  const overhead = amountsOf(spec.overhead);
  const counted = part === 'requests' ? overhead : maskAmounts(overhead, total);
  return addAmounts(total, counted);
}
