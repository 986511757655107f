/** Amounts by resource name (`cpu`, `requests.memory`, `count/pods`), as quotas and limit ranges compare them. */
import { parseQuantity } from '../quantity.js';
import type { Quantity } from '../quantity.js';
import type { PodSpec } from '../types/core.js';

/** Amounts of resources by name. */
export type Amounts = ReadonlyMap<string, Quantity>;
type Container = NonNullable<PodSpec['containers']>[number];

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

/**
 * The requests or limits of a whole pod: containers and sidecars together, or an init container with the sidecars
 * started before it where that is more; plus the overhead (KEP-753).
 */
export function podAmounts(spec: PodSpec, part: 'requests' | 'limits'): Amounts {
  const of = (container: Container): Amounts => amountsOf(container.resources?.[part]);
  let total: Amounts = new Map();
  for (const container of spec.containers ?? []) total = addAmounts(total, of(container));
  let sidecars: Amounts = new Map();
  let init: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = of(container);
    if (container.restartPolicy === 'Always') {
      total = addAmounts(total, own);
      sidecars = addAmounts(sidecars, own);
      init = maxAmounts(init, sidecars);
    } else init = maxAmounts(init, addAmounts(own, sidecars));
  }
  total = maxAmounts(total, init);
  const overhead = amountsOf(spec.overhead);
  const counted = part === 'requests' ? overhead : maskAmounts(overhead, total);
  return addAmounts(total, counted);
}
