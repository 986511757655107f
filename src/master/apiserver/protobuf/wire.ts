/** What reading and writing have in common. */

/** The first bytes of every body: `k8s` and zero. */
export const envelopeMagic = Buffer.from('k8s\0');

const numeric = new Set(['bool', 'double', 'float', 'int32', 'int64', 'uint32', 'uint64']);

/** True for scalars that a list may hold packed. */
export function isNumeric(type: string): boolean {
  return numeric.has(type);
}
