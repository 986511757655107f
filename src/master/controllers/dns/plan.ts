/**
 * The Service `kube-system/kube-dns` by which clients look for the cluster's DNS, and the slice of its endpoints. Pure.
 * Every worker has the Service's address on itself and answers there, so that address is the one endpoint: proxies make
 * no rules for it, and whoever asks an endpoint instead of the Service is answered by the same name server.
 */
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import { controllerReference } from '../../../api/facts/owners.js';
import { managedByLabel } from '../endpoints/plan.js';

/** The Service, and its slice by the same name. */
export const dnsKey = { namespace: 'kube-system', name: 'kube-dns' } as const;

const manager = 'cluster-dns-controller.trireme';
const appLabel = { 'k8s-app': 'kube-dns' };
const ports = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
] as const;

/** The Service as kubeadm makes it, without a selector: no pods are behind it. */
export function dnsService(address: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...dnsKey,
      labels: {
        ...appLabel,
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'KubeDNS',
      },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: address,
      ports: ports.map((port) => ({ ...port, targetPort: port.port })),
    },
  };
}

/** @returns undefined for a Service with pods of its own: somebody has put another name server there */
export function dnsSlice(service: Service, address: string): EndpointSlice | undefined {
  const { selector, clusterIP } = service.spec;
  if (Object.keys(selector ?? {}).length > 0 || clusterIP !== address) return undefined;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...dnsKey,
      labels: { ...appLabel, [serviceNameLabel]: dnsKey.name, [managedByLabel]: manager },
      ownerReferences: [
        controllerReference({ apiVersion: 'v1', kind: 'Service', metadata: service.metadata }),
      ],
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: ports.map((port) => ({ ...port })),
  };
}

/** The slice is one that this controller wrote. */
export function isDnsSlice({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[managedByLabel] === manager;
}
