/** Splits and compares DNS names; all lower case, without the final dot. */
import { canonicalAddress } from '../address.js';

/** "Web.Default.SVC.cluster.local." → "web.default.svc.cluster.local" */
export function normalName(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

/** The labels of `name` in front of `zone`, [] for the zone itself; undefined when it lies outside. */
export function labelsUnder(name: string, zone: string): string[] | undefined {
  if (name === zone) return [];
  if (!name.endsWith(`.${zone}`)) return undefined;
  return name.slice(0, -zone.length - 1).split('.');
}

/** "4.3.2.1.in-addr.arpa" → "1.2.3.4"; also of ip6.arpa, in canonical form. undefined for anything else. */
export function reverseAddress(name: string): string | undefined {
  const v4 = labelsUnder(name, 'in-addr.arpa');
  if (v4?.length === 4 && v4.every((label) => /^\d{1,3}$/.test(label) && Number(label) <= 255)) {
    return v4.reverse().map(Number).join('.');
  }
  const v6 = labelsUnder(name, 'ip6.arpa');
  if (v6?.length === 32 && v6.every((label) => /^[0-9a-f]$/.test(label))) {
    const digits = v6.reverse().join('');
    return canonicalAddress(digits.replace(/(.{4})(?!$)/g, '$1:'));
  }
  return undefined;
}
