import type { IngressOptions, ProxyMode } from '../types.js';

/** What the address of the ingress depends on. */
export interface IngressPlace {
  readonly mode: ProxyMode;
  readonly nodeIp: string;
  readonly isRoot: boolean;
  readonly ingress: Pick<IngressOptions, 'bindAddress'>;
}

/**
 * Chooses the address that the ingress listens at: every one of the node, but where services are served by listeners of
 * our own on addresses of theirs. Whoever listens at every address has the ports 80 and 443 of those as well, and no
 * Service could be served on them.
 */
export function ingressAddress({ mode, nodeIp, isRoot, ingress }: IngressPlace): string {
  if (ingress.bindAddress !== undefined) return ingress.bindAddress;
  return mode === 'userspace' && isRoot ? nodeIp : '0.0.0.0';
}
