/** Types of the networking group's objects, inferred from their schemas. */
import type {
  ingressClassSchema,
  ingressSchema,
  networkPolicySchema,
} from '../networking/schemas.js';
import type { IPAddress, ServiceCIDR } from '../networking/address-kinds.js';
import type { EndpointSlice } from '../discovery/endpoint-slice.js';
import type { Infer } from '../schema/node.js';

export type { EndpointSlice, IPAddress, ServiceCIDR };
export type Endpoint = EndpointSlice['endpoints'][number];
export interface Ingress extends Infer<typeof ingressSchema> {}
export type IngressBackend = NonNullable<Ingress['spec']['defaultBackend']>;
export interface IngressClass extends Infer<typeof ingressClassSchema> {}
export interface NetworkPolicy extends Infer<typeof networkPolicySchema> {}
export type NetworkPolicyPeer = NonNullable<
  NonNullable<NetworkPolicy['spec']['ingress']>[number]['from']
>[number];
export type NetworkPolicyPort = NonNullable<
  NonNullable<NetworkPolicy['spec']['ingress']>[number]['ports']
>[number];
