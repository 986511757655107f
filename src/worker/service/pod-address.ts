import { nonSpecialIpErrors } from '../../api/validation/addresses.js';
import { ipErrors } from '../../api/validation/names.js';

/** The facts that decide at which address a node reaches one of its pods. */
export interface PodPlace {
  /** False: pods have no network of their own, and are at the node's address, which may be the loopback. */
  readonly isolatesNetwork: boolean;
  readonly hostNetwork: boolean;
  readonly hostIps: readonly string[];
  /** The addresses that this node gave the pod; not those of its status, which others can write. */
  readonly ips: readonly string[];
}

/** Returns the pod's address; undefined when clients of the API server may send nothing to it. */
export function podAddress(place: PodPlace): string | undefined {
  const [address = ''] = place.hostNetwork ? place.hostIps : place.ips;
  const problems = place.isolatesNetwork ? nonSpecialIpErrors(address) : ipErrors(address);
  return problems.length === 0 ? address : undefined;
}
