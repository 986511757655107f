/**
 * From a service port to what it wants in the table. Pure.
 *
 * Most services are elements of maps alone; see `layout.ts`. One with session affinity has chains of its own, a chain
 * and a set of clients per endpoint, for the set must go with its endpoint; one with source ranges has a chain for
 * them.
 */
import { cidrContains, parseCidr } from '../address.js';
import type { Endpoint, ServicePort } from '../model/service-model.js';
import type { Chain, EndpointMap, ProtocolName, TableConfig } from './layout.js';
import { externalRules, localRules, sharedChainName } from './layout.js';
import { objectName, quoted } from './names.js';

/** An element of a set or map of the layout's. */
export interface Element {
  readonly collection: string;
  readonly key: string;
  /** "" in a set. */
  readonly value: string;
  /** "" = none. */
  readonly comment: string;
}

/**
 * Elements that belong together, for one address and port: of all that claim the same, one gets all of it. An external
 * address may be claimed twice, or be the ClusterIP of another service, and the kernel takes no key twice.
 */
export interface Claim {
  readonly id: string;
  /** The lowest wins. */
  readonly rank: number;
  readonly elements: readonly Element[];
}

/** What one service port wants. */
export interface Contribution {
  readonly claims: readonly Claim[];
  /** Chains of its own; each comes after those that it names. */
  readonly chains: readonly Chain[];
  /** Sets of its own, by name, with their definition; the packets that pass fill them. */
  readonly sets: ReadonlyMap<string, string>;
}

const ranks = { clusterIp: 0, loadBalancer: 1, externalIp: 2 };

/** What the port wants in the table. */
export function buildServiceClaims(port: ServicePort, config: TableConfig): Contribution {
  return new ServiceClaims(port, config).build();
}

/** Where the packets for an address go: the chain of all endpoints, or of this node's. */
interface Target {
  readonly verdict: string;
  readonly elements: readonly Element[];
}

class ServiceClaims {
  readonly #port: ServicePort;
  readonly #config: TableConfig;
  readonly #protocol: ProtocolName;
  readonly #claims = new Map<string, Claim>();
  readonly #chains: Chain[] = [];
  readonly #sets = new Map<string, string>();

  constructor(port: ServicePort, config: TableConfig) {
    this.#port = port;
    this.#config = config;
    this.#protocol = port.protocol === 'TCP' ? 'tcp' : port.protocol === 'UDP' ? 'udp' : 'sctp';
  }

  build(): Contribution {
    const { port, clusterIp, externalIps, loadBalancerIps, nodePort, affinitySeconds } = this.#port;
    if (affinitySeconds > 0) this.#buildAffinity();
    this.#claim(this.#key(clusterIp, port), ranks.clusterIp, this.#internal());
    this.#claim(clusterIp, ranks.clusterIp, [element('cluster-ips', clusterIp)]);
    const firewall = this.#buildFirewall();
    for (const ip of loadBalancerIps) {
      const key = this.#key(ip, port);
      const guard =
        firewall === '' ? [] : [element('firewall-ips', key, `goto ${firewall}`, this.#port.key)];
      this.#claim(key, ranks.loadBalancer, [...guard, ...this.#external(key)]);
    }
    for (const ip of externalIps) {
      const key = this.#key(ip, port);
      this.#claim(key, ranks.externalIp, this.#external(key));
    }
    if (nodePort !== 0) {
      const key = `${this.#protocol} . ${nodePort}`;
      this.#claim(key, ranks.externalIp, this.#external(key, true));
    }
    for (const { ip, elsewhere } of this.#endpoints()) {
      // Packets of other nodes' pods are translated there.
      if (!elsewhere) this.#claim(`${ip} . ${ip}`, 0, [element('hairpin', `${ip} . ${ip}`)]);
    }
    return { claims: [...this.#claims.values()], chains: this.#chains, sets: this.#sets };
  }

  /** Packets for the ClusterIP. */
  #internal(): Element[] {
    const { key, port, clusterIp, internalLocal, cluster, local } = this.#port;
    const address = this.#key(clusterIp, port);
    const endpoints = internalLocal ? local : cluster;
    if (endpoints.length === 0) {
      return [element('no-endpoint-services', address, refusal(cluster), key)];
    }
    const own = internalLocal ? this.#own('local') : this.#own('service');
    const { verdict, elements } = this.#spread(address, endpoints, 'endpoints', 'spread', own);
    return [element('service-ips', address, verdict, key), ...elements];
  }

  /** Packets for an external address, a load balancer's or a node port. */
  #external(key: string, isNodePort = false): Element[] {
    const { cluster, local, externalLocal, key: comment } = this.#port;
    const elements: Element[] = [];
    const names = isNodePort ? portNames : addressNames;
    if (cluster.length > 0) {
      const own = this.#own('service');
      const all = this.#spread(key, cluster, names.all, names.spread, own);
      const kind = `${names.outside}${externalLocal ? '-local' : ''}`;
      const shared = sharedChainName(kind, this.#protocol, cluster.length);
      const chain = own === '' ? shared : this.#own('external');
      elements.push(element(names.services, key, `goto ${chain}`, comment), ...all.elements);
    }
    const served = externalLocal ? local : cluster;
    // Under the Local policy: dropped, so that the sender tries another node.
    if (served.length === 0) elements.push(element(names.refused, key, refusal(cluster), comment));
    if (externalLocal && local.length > 0 && this.#own('local') === '') {
      const here = this.#spread(key, local, names.local, names.spreadLocal, '');
      elements.push(element(names.localServices, key, here.verdict), ...here.elements);
    }
    return elements;
  }

  /** @param own the port's own chain for these endpoints; "" = none, they are elements of `collection` */
  #spread(
    key: string,
    endpoints: readonly Endpoint[],
    collection: EndpointMap,
    kind: string,
    own: string,
  ): Target {
    if (own !== '') return { verdict: `goto ${own}`, elements: [] };
    const protocol = this.#protocol;
    // The maps are those of one protocol already.
    const short = key.replace(`${protocol} . `, '');
    return {
      verdict: `goto ${sharedChainName(kind, protocol, endpoints.length)}`,
      elements: endpoints.map(({ ip, port }, index) =>
        element(`${protocol}-${collection}`, `${short} . ${index}`, `${ip} . ${port}`),
      ),
    };
  }

  #buildAffinity(): void {
    const { affinitySeconds, cluster, local, internalLocal, externalLocal } = this.#port;
    for (const endpoint of this.#endpoints()) {
      const clients = this.#clients(endpoint);
      const definition = `type ipv4_addr ; flags dynamic,timeout ; timeout ${affinitySeconds}s`;
      this.#sets.set(clients, definition);
      const target = `dnat to ${endpoint.ip}:${endpoint.port}`;
      this.#chains.push({
        name: this.#endpointChain(endpoint),
        rules: [`update @${clients} { ip saddr }`, `meta l4proto ${this.#protocol} ${target}`],
      });
    }
    const balance = (name: string, endpoints: readonly Endpoint[]): void => {
      if (endpoints.length > 0) this.#chains.push({ name, rules: this.#balance(endpoints) });
    };
    const [service, here] = [this.#own('service'), this.#own('local')];
    balance(service, cluster);
    if (internalLocal || externalLocal) balance(here, local);
    if (!this.#hasExternal() || cluster.length === 0) return;
    const rest = local.length > 0 ? `goto ${here}` : '';
    const rules = externalLocal
      ? localRules(service, rest, this.#config.clusterCidr)
      : externalRules(service);
    this.#chains.push({ name: this.#own('external'), rules });
  }

  /** Clients that are known go where they went; others anywhere. */
  #balance(endpoints: readonly Endpoint[]): string[] {
    const targets = endpoints.map((endpoint) => `goto ${this.#endpointChain(endpoint)}`);
    const known = endpoints.map(
      (endpoint, index) => `ip saddr @${this.#clients(endpoint)} ${targets[index] ?? ''}`,
    );
    const verdicts = targets.map((target, index) => `${index} : ${target}`).join(', ');
    return [...known, `numgen random mod ${targets.length} vmap { ${verdicts} }`];
  }

  /** @returns the name of the chain; "" = everybody may come */
  #buildFirewall(): string {
    const { loadBalancerIps, loadBalancerSourceRanges: ranges } = this.#port;
    if (loadBalancerIps.length === 0 || ranges.length === 0) return '';
    const blocks = ranges.flatMap((range) => parseCidr(range) ?? []);
    const rules = ranges.map((range) =>
      range === '0.0.0.0/0' ? 'return' : `ip saddr ${range} return`,
    );
    // The node comes from the balancer's own address where a local route has made that one of its own.
    if (blocks.some((block) => cidrContains(block, this.#config.nodeIp))) {
      rules.push(...loadBalancerIps.map((ip) => `ip saddr ${ip} return`));
    }
    const name = this.#name('firewall');
    this.#chains.push({ name, rules: [...new Set(rules), 'drop'] });
    return name;
  }

  /** All endpoints that packets may be sent to from here. */
  #endpoints(): Endpoint[] {
    const all = [...this.#port.cluster, ...this.#port.local];
    return [...new Map(all.map((endpoint) => [addressOf(endpoint), endpoint])).values()];
  }

  #claim(id: string, rank: number, elements: readonly Element[]): void {
    if (!this.#claims.has(id)) this.#claims.set(id, { id, rank, elements });
  }

  #key(ip: string, port: number): string {
    return `${ip} . ${this.#protocol} . ${port}`;
  }

  /** The port's own chain of a kind; "" where it shares those of others. */
  #own(kind: 'service' | 'local' | 'external'): string {
    return this.#port.affinitySeconds > 0 ? this.#name(kind) : '';
  }

  #clients(endpoint: Endpoint): string {
    // A set's time-out cannot be changed: another one is another set.
    return this.#name('affinity', addressOf(endpoint), String(this.#port.affinitySeconds));
  }

  #endpointChain(endpoint: Endpoint): string {
    return this.#name('endpoint', addressOf(endpoint));
  }

  #name(kind: string, ...more: readonly string[]): string {
    const { namespace, name, portName } = this.#port;
    return objectName(kind, namespace, name, this.#protocol, portName, ...more);
  }

  #hasExternal(): boolean {
    const { nodePort, externalIps, loadBalancerIps } = this.#port;
    return nodePort !== 0 || externalIps.length > 0 || loadBalancerIps.length > 0;
  }
}

const addressNames = {
  services: 'service-ips',
  localServices: 'local-service-ips',
  refused: 'no-endpoint-services',
  outside: 'external',
  all: 'endpoints',
  local: 'local-endpoints',
  spread: 'spread',
  spreadLocal: 'spread-local',
} as const;

const portNames = {
  services: 'service-nodeports',
  localServices: 'local-service-nodeports',
  refused: 'no-endpoint-nodeports',
  outside: 'port',
  all: 'port-endpoints',
  local: 'port-local-endpoints',
  spread: 'spread-port',
  spreadLocal: 'spread-port-local',
} as const;

function element(collection: string, key: string, value = '', comment = ''): Element {
  return { collection, key, value, comment: comment === '' ? '' : quoted(comment) };
}

/** Nobody serves at all: said at once. Nobody on this node: dropped. */
function refusal(cluster: readonly Endpoint[]): string {
  return cluster.length > 0 ? 'drop' : 'goto reject-chain';
}

function addressOf({ ip, port }: Endpoint): string {
  return `${ip}.${port}`;
}
