/** A whole number or a percentage of `total`, rounded up or down (apimachinery `intstr`). Anything else is 0. */
export function scaledValue(
  value: number | string | undefined,
  total: number,
  rounding: 'up' | 'down',
): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null) return /^\d+$/.test(value) ? Number(value) : 0;
  const share = (total * Number(match[1])) / 100;
  return rounding === 'up' ? Math.ceil(share) : Math.floor(share);
}
