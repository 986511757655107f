/** Schemas of the networking group. */
import {
  always,
  doc,
  int32,
  intOrString,
  list,
  num32,
  req,
  reqValue,
  str,
  strPtr,
  struct,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema, labelSelector } from '../schema/meta.js';
import { isDnsLabel, isDnsSubdomain, isPathSegment, isPort, oneOf } from '../validation/checks.js';
import { typedLocalObjectReference } from '../core/references.js';

const d = 'networking/v1.';
const resource = tuned(typedLocalObjectReference, {
  properties: {
    ...typedLocalObjectReference.properties,
    kind: req(str('Kind of the object.', { missing: 'kind is required' })),
    name: req(str('Name of the object.', { missing: 'name is required' })),
  },
});
const backend = struct(`${d}IngressBackend`, 'Where traffic goes.', {
  resource: doc('An object in the same namespace.', resource),
  service: struct(`${d}IngressServiceBackend`, 'A service.', {
    name: req(str('Name of the service.')),
    port: written(
      struct(
        `${d}ServiceBackendPort`,
        'A port of the service.',
        {
          name: str('Name of the port.'),
          number: num32('Number of the port.', { checks: [isPort] }),
        },
        { atomic: true },
      ),
    ),
  }),
});

/** Ingress. */
export const ingressSchema = kindSchema(`${d}Ingress`, 'Routes traffic from outside to services.', {
  spec: always(
    struct(`${d}IngressSpec`, 'What the ingress shall route.', {
      defaultBackend: doc('For what no rule matches.', backend),
      ingressClassName: strPtr('Name of the IngressClass.', { checks: [isDnsSubdomain] }),
      rules: list(
        'Rules by host.',
        struct(`${d}IngressRule`, 'A rule for a host.', {
          host: str('Host name, may start with *.; all hosts unless set.'),
          http: struct(`${d}HTTPIngressRuleValue`, 'Paths of the host.', {
            paths: req(
              list(
                'The paths.',
                struct(`${d}HTTPIngressPath`, 'A path and its backend.', {
                  backend: reqValue(backend),
                  path: str('The path.'),
                  pathType: tuned(
                    req(
                      str('Exact, Prefix or ImplementationSpecific.', {
                        checks: [oneOf(['Exact', 'ImplementationSpecific', 'Prefix'])],
                      }),
                    ),
                    { pointer: true },
                  ),
                }),
              ),
            ),
          }),
        }),
      ),
      tls: list(
        'Certificates.',
        struct(`${d}IngressTLS`, 'A certificate and its hosts.', {
          hosts: list('Host names in the certificate.', str('')),
          secretName: str('Secret with the certificate.', { checks: [isDnsSubdomain] }),
        }),
      ),
    }),
  ),
  status: written(
    struct(`${d}IngressStatus`, 'What is known of the ingress.', {
      loadBalancer: written(
        struct(`${d}IngressLoadBalancerStatus`, 'Where traffic enters.', {
          ingress: list(
            'Points where traffic enters.',
            struct(`${d}IngressLoadBalancerIngress`, 'A point where traffic enters.', {
              hostname: str('Host name.'),
              ip: str('Address.'),
              ports: list(
                'State of the ports.',
                struct(`${d}IngressPortStatus`, 'State of a port.', {
                  error: strPtr('What went wrong.'),
                  port: req(int32('The port.')),
                  protocol: req(str('The protocol.')),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** IngressClass. */
export const ingressClassSchema = kindSchema(`${d}IngressClass`, 'A kind of ingress controller.', {
  spec: always(
    struct(`${d}IngressClassSpec`, 'The controller.', {
      controller: str('Name of the controller, such as example.com/ingress.'),
      parameters: struct(`${d}IngressClassParametersReference`, 'Parameters of the controller.', {
        apiGroup: strPtr('Group of the object.', { checks: [isDnsSubdomain] }),
        kind: req(
          str('Kind of the object.', { checks: [isPathSegment], missing: 'kind is required' }),
        ),
        name: req(
          str('Name of the object.', { checks: [isPathSegment], missing: 'name is required' }),
        ),
        namespace: strPtr('Namespace of the object.', { checks: [isDnsLabel] }),
        scope: strPtr('Cluster or Namespace.', {
          default: 'Cluster',
          checks: [oneOf(['Cluster', 'Namespace'])],
        }),
      }),
    }),
  ),
});

const policyPorts = list(
  'Ports; all unless set.',
  struct(`${d}NetworkPolicyPort`, 'A port or range.', {
    endPort: int32('End of the range.'),
    port: intOrString('Number or name of the port.'),
    protocol: strPtr('TCP, UDP or SCTP.', {
      default: 'TCP',
      checks: [oneOf(['TCP', 'UDP', 'SCTP'])],
    }),
  }),
);
const peer = struct(`${d}NetworkPolicyPeer`, 'Who may talk.', {
  ipBlock: struct(`${d}IPBlock`, 'Addresses.', {
    cidr: req(str('The addresses.')),
    except: list('Addresses that are left out.', str('')),
  }),
  namespaceSelector: doc('Namespaces.', labelSelector),
  podSelector: doc('Pods.', labelSelector),
});

/** NetworkPolicy. */
export const networkPolicySchema = kindSchema(`${d}NetworkPolicy`, 'Who may talk to pods.', {
  spec: always(
    struct(`${d}NetworkPolicySpec`, 'The rules.', {
      egress: list(
        'Outgoing traffic that is allowed.',
        struct(`${d}NetworkPolicyEgressRule`, 'A rule.', {
          ports: policyPorts,
          to: list('To whom; everyone unless set.', peer),
        }),
      ),
      ingress: list(
        'Incoming traffic that is allowed.',
        struct(`${d}NetworkPolicyIngressRule`, 'A rule.', {
          from: list('From whom; everyone unless set.', peer),
          ports: policyPorts,
        }),
      ),
      podSelector: written(doc('Pods it is about.', labelSelector)),
      policyTypes: list('Ingress, Egress.', str('', { checks: [oneOf(['Ingress', 'Egress'])] })),
    }),
  ),
});
