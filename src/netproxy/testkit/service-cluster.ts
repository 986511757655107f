/** A cluster's services and endpoints from a few words of YAML, and the rules that a node makes of them. */
import type { Service } from '../../api/types/core.js';
import type { Endpoint, EndpointSlice } from '../../api/types/networking.js';
import { IptablesServiceRules } from '../iptables/service-rule-set.js';
import type { ServiceRules } from '../kernel/service-proxier.js';
import type { ServicePort } from '../model/service-model.js';
import { buildServicePorts } from '../model/service-model.js';
import type { TableConfig } from '../nftables/layout.js';

/** A change of the cluster, by "namespace/name"; null removes. */
export interface ClusterChange {
  readonly config?: Partial<TableConfig>;
  readonly services?: Readonly<Record<string, ServiceFields | null>>;
  readonly endpoints?: Readonly<Record<string, EndpointFields | null>>;
}

/** A Service's spec, and the addresses of its load balancer. */
export type ServiceFields = Service['spec'] & { readonly balancer?: readonly string[] };

/**
 * Endpoints as "ADDRESS NODE", and perhaps "ending" (terminating, serves on), "gone" (terminating, serves no more) or
 * "unready".
 */
export interface EndpointFields {
  readonly ports: EndpointSlice['ports'];
  readonly at: readonly string[];
}

const conditions: Readonly<Record<string, NonNullable<Endpoint['conditions']>>> = {
  ready: { ready: true, serving: true, terminating: false },
  unready: { ready: false, serving: false, terminating: false },
  ending: { ready: false, serving: true, terminating: true },
  gone: { ready: false, serving: false, terminating: true },
};

/** A Service with these fields. */
export function serviceOf(key: string, { balancer, ...spec }: ServiceFields): Service {
  const [namespace = '', name = ''] = key.split('/');
  const ingress = (balancer ?? []).map((ip) => ({ ip }));
  return { metadata: { namespace, name }, spec, status: { loadBalancer: { ingress } } };
}

/** The EndpointSlice of a Service. */
export function sliceOf(key: string, { ports, at }: EndpointFields): EndpointSlice {
  const [namespace = '', name = ''] = key.split('/');
  return {
    metadata: { namespace, name: `${name}-1` },
    addressType: 'IPv4',
    ports,
    endpoints: at.map((words) => {
      const [address = '', nodeName = '', state = 'ready'] = words.split(' ');
      return { addresses: [address], nodeName, conditions: conditions[state] ?? {} };
    }),
  };
}

/** Node n1's view of the services of a cluster that changes. */
export class ServiceCluster {
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();

  readonly #owners = new Map<string, readonly string[]>();
  readonly #create: (config: TableConfig) => ServiceRules;
  #config: TableConfig = {
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    nodeIp: '192.168.0.1',
    nodePortAddresses: [],
    excludedIps: [],
  };
  #rules: ServiceRules;

  /** @param create the rules in the language that is tried. @default iptables */
  constructor(create = (config: TableConfig): ServiceRules => new IptablesServiceRules(config)) {
    this.#create = create;
    this.#rules = create(this.#config);
  }

  /** Takes the change, and says what goes to the kernel. The settings can be given with the first change alone. */
  apply(change: ClusterChange): string {
    if (change.config !== undefined) {
      this.#config = { ...this.#config, ...change.config };
      this.#rules = this.#create(this.#config);
    }
    for (const [key, fields] of Object.entries(change.services ?? {})) {
      if (fields === null) this.#services.delete(key);
      else this.#services.set(key, serviceOf(key, fields));
    }
    for (const [key, fields] of Object.entries(change.endpoints ?? {})) {
      if (fields === null) this.#slices.delete(key);
      else this.#slices.set(key, sliceOf(key, fields));
    }
    const changed = { ...change.services, ...change.endpoints };
    for (const key of Object.keys(changed)) this.#setRules(key);
    const plan = this.#rules.plan();
    this.#rules.commit();
    return plan;
  }

  /** Returns what goes to a kernel of which nothing is known. */
  whole(): string {
    const rules = this.#create(this.#config);
    for (const key of this.#services.keys()) {
      for (const port of this.ports(key)) rules.setPort(`${port.key}/${port.protocol}`, port);
    }
    return rules.plan();
  }

  /** Returns the input that would still be sent to a kernel with these rules, as it prints them. */
  difference(saved: string): string {
    this.#rules.observe(saved);
    return this.#rules.plan();
  }

  /** Returns the served ports of a Service. */
  ports(key: string): ServicePort[] {
    const service = this.#services.get(key);
    const slice = this.#slices.get(key);
    if (service === undefined) return [];
    return buildServicePorts(service, slice === undefined ? [] : [slice], 'n1');
  }

  #setRules(key: string): void {
    const gone = new Set(this.#owners.get(key));
    const ports = this.ports(key);
    for (const port of ports) {
      const owner = `${port.key}/${port.protocol}`;
      this.#rules.setPort(owner, port);
      gone.delete(owner);
    }
    for (const owner of gone) this.#rules.setPort(owner, undefined);
    this.#owners.set(
      key,
      ports.map((port) => `${port.key}/${port.protocol}`),
    );
  }
}
