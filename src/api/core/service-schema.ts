/** Schemas of Service and Endpoints. */
import {
  always,
  doc,
  flag,
  bool,
  int32,
  intOrString,
  labels,
  list,
  listMap,
  num32,
  req,
  str,
  strPtr,
  struct,
  written,
} from '../schema/dsl.js';
import { condition, conditions, kindSchema } from '../schema/meta.js';
import {
  areLabels,
  isBetween,
  isPort,
  isPortNumberOrName,
  oneOf,
  isDnsLabel,
  isDnsSubdomain,
  isQualifiedName,
} from '../validation/checks.js';
import { objectReference } from './references.js';

const protocols = ['SCTP', 'TCP', 'UDP'];

const servicePort = struct('core/v1.ServicePort', 'A port of a service.', {
  appProtocol: strPtr('Protocol of the application, such as http or kubernetes.io/h2c.', {
    checks: [isQualifiedName],
  }),
  name: str('Name; needed when there are several ports.', { checks: [isDnsLabel] }),
  nodePort: num32('Port on each node, for NodePort and LoadBalancer.'),
  port: req(num32('Port of the service.', { checks: [isPort] })),
  protocol: str('TCP, UDP or SCTP.', { default: 'TCP', checks: [oneOf(protocols)] }),
  targetPort: intOrString("Number or name of the pods' port.", { checks: [isPortNumberOrName] }),
});

const sessionAffinityConfig = struct('core/v1.SessionAffinityConfig', 'Details of affinity.', {
  clientIP: struct('core/v1.ClientIPConfig', 'Details of ClientIP affinity.', {
    timeoutSeconds: int32('Seconds a client stays, 1 to 86400.', {
      checks: [isBetween(1, 86400, 'must be greater than 0 and less than 86400')],
    }),
  }),
});

/** The spec of a service. */
export const serviceSpec = struct('core/v1.ServiceSpec', 'What the service shall be.', {
  allocateLoadBalancerNodePorts: bool('Whether a load balancer needs node ports.'),
  clusterIP: str('Address of the service; None for a headless one.'),
  clusterIPs: list('Addresses by IP family.', str('')),
  externalIPs: list('Addresses of nodes that take traffic for the service too.', str('')),
  externalName: str('DNS name that stands for the service; for ExternalName.'),
  externalTrafficPolicy: str('Cluster or Local.', { checks: [oneOf(['Cluster', 'Local'])] }),
  healthCheckNodePort: num32('Port for health checks of the load balancer.'),
  internalTrafficPolicy: strPtr('Cluster or Local.', { checks: [oneOf(['Cluster', 'Local'])] }),
  ipFamilies: list('IPv4, IPv6.', str('', { checks: [oneOf(['IPv4', 'IPv6'])] })),
  ipFamilyPolicy: strPtr('SingleStack, PreferDualStack or RequireDualStack.', {
    checks: [oneOf(['PreferDualStack', 'RequireDualStack', 'SingleStack'])],
  }),
  loadBalancerClass: strPtr('Class of the load balancer.'),
  loadBalancerIP: str('Deprecated: address to ask the load balancer for.'),
  loadBalancerSourceRanges: list('CIDRs that may use the load balancer.', str('')),
  ports: listMap('Ports of the service.', ['port', 'protocol'], servicePort, { merge: 'port' }),
  publishNotReadyAddresses: flag('Publishes pods that are not ready.'),
  selector: {
    ...labels('Labels of the pods behind the service.', { checks: [areLabels] }),
    mapType: 'atomic' as const,
  },
  sessionAffinity: str('ClientIP or None.', {
    default: 'None',
    checks: [oneOf(['ClientIP', 'None'])],
  }),
  sessionAffinityConfig,
  trafficDistribution: strPtr('Preference for endpoints, such as PreferClose.', {
    checks: [oneOf(['PreferClose'])],
  }),
  type: str('ClusterIP, NodePort, LoadBalancer or ExternalName.', {
    default: 'ClusterIP',
    checks: [oneOf(['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'])],
  }),
});

/** State of a load balancer, for services. */
export const loadBalancerStatus = struct('core/v1.LoadBalancerStatus', 'The load balancer.', {
  ingress: list(
    'Points where traffic enters.',
    struct('core/v1.LoadBalancerIngress', 'A point where traffic enters.', {
      hostname: str('Host name.'),
      ip: str('Address.'),
      ipMode: strPtr('VIP or Proxy.'),
      ports: list(
        'State of the ports.',
        struct('core/v1.PortStatus', 'State of a port.', {
          error: strPtr('What went wrong.'),
          port: req(num32('The port.')),
          protocol: req(str('The protocol.')),
        }),
      ),
    }),
  ),
});

/** Service. */
export const serviceSchema = kindSchema(
  'core/v1.Service',
  'A stable address and name for a set of pods.',
  {
    spec: always(serviceSpec),
    status: written(
      struct('core/v1.ServiceStatus', 'What is known of the service.', {
        conditions: conditions(condition),
        loadBalancer: written(loadBalancerStatus),
      }),
    ),
  },
);

const endpointAddress = struct(
  'core/v1.EndpointAddress',
  'An address behind a service.',
  {
    hostname: str('Host name of the endpoint.', { checks: [isDnsLabel] }),
    ip: req(str('The address.', { checksEmpty: true })),
    nodeName: strPtr('Node of the endpoint.', { checks: [isDnsSubdomain] }),
    targetRef: doc('Object behind the address.', objectReference),
  },
  { atomic: true },
);

const endpointPort = struct(
  'core/v1.EndpointPort',
  'A port behind a service.',
  {
    appProtocol: strPtr('Protocol of the application.', { checks: [isQualifiedName] }),
    name: str('Name of the service port.', { checks: [isDnsLabel] }),
    port: req(num32('The port.', { checks: [isPort] })),
    protocol: str('TCP, UDP or SCTP.', { default: 'TCP', checks: [oneOf(protocols)] }),
  },
  { atomic: true },
);

/** Endpoints. */
export const endpointsSchema = kindSchema(
  'core/v1.Endpoints',
  'Addresses behind a service. Deprecated: EndpointSlices hold the same.',
  {
    subsets: list(
      'Groups of addresses with the same ports.',
      struct('core/v1.EndpointSubset', 'Addresses with common ports.', {
        addresses: list('Ready addresses.', endpointAddress),
        notReadyAddresses: list('Addresses that are not ready.', endpointAddress),
        ports: list('The ports.', endpointPort),
      }),
    ),
  },
);
