import type { Taint, Toleration } from '../types/core.js';

/** True when one of the tolerations covers the taint. */
export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some((toleration) => covers(toleration, taint));
}

/** The toleration tolerates the taint. */
export function covers(toleration: Toleration, taint: Taint): boolean {
  const { effect = '', key = '', operator = 'Equal', value = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  if (key === '' && operator !== 'Exists') return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}
