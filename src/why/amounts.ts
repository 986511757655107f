/** Amounts of resources for people. Pure. */

const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] as const;
const inBytes = /^(memory|storage|ephemeral-storage|hugepages-.*|requests\.(memory|storage))$/;

/** An amount as `facts/pod-requests` counts it, as people write it: `500m`, `1.5Gi`, `2`. */
export function formatAmount(resource: string, amount: number): string {
  if (resource === 'cpu') {
    return amount % 1000 === 0 ? String(amount / 1000) : `${Math.round(amount)}m`;
  }
  if (!inBytes.test(resource)) return String(amount);
  let value = amount;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))}${units[unit] ?? ''}`;
}

/** Rounded down to what one would ask for: whole tens of milli-CPU, whole Mi of bytes. */
export function askable(resource: string, amount: number): string {
  if (resource === 'cpu') return `${Math.floor(amount / 10) * 10}m`;
  if (inBytes.test(resource)) return `${Math.floor(amount / 1024 ** 2)}Mi`;
  return String(Math.floor(amount));
}
