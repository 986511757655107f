import { nonSpecialIpErrors } from '../../api/validation/addresses.js';
import { ipErrors } from '../../api/validation/names.js';

/** What decides on the address under which a node reaches one of its pods. */
export interface PodPlace {
  /** False: pods have no network of their own, and are at the node's address, which may be the loopback. */
  readonly isolatesNetwork: boolean;
  readonly hostNetwork: boolean;
  readonly hostIps: readonly string[];
  /** What this node gave the pod, whatever the pod's status says. */
  readonly ips: readonly string[];
}

/** @returns undefined when the address is none that anything may be sent to on behalf of the API server's clients */
export function podAddress(place: PodPlace): string | undefined {
  const [address = ''] = place.hostNetwork ? place.hostIps : place.ips;
  const problems = place.isolatesNetwork ? nonSpecialIpErrors(address) : ipErrors(address);
  return problems.length === 0 ? address : undefined;
}
