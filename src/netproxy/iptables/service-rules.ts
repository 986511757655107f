/**
 * Builds the iptables rules of one service port, in kube-proxy's chains:
 *
 *   KUBE-SERVICES --ClusterIP--> KUBE-SVC-x | KUBE-SVL-x --share--> KUBE-SEP-x (DNAT)
 *                 --external --> KUBE-EXT-x --------------^
 *   KUBE-NODEPORTS --NodePort--> KUBE-EXT-x
 *
 * SVC: all endpoints; SVL: those of this node; FW: source ranges of a load balancer. Pure.
 */
import { cidrContains, parseCidr } from '../address.js';
import type { RuleConfig } from '../kernel/rule-config.js';
import type { Endpoint, ServicePort } from '../model/service-model.js';
import type { ChainId, Rule } from './rule.js';
import { chainName, comment, destinationPort, join, probability } from './rule.js';

/** The rules that one owner adds to the set. */
export interface Contribution {
  /** Chains that belong to the owner alone; order of rules counts. */
  readonly chains: ReadonlyMap<ChainId, readonly Rule[]>;
  /** Rules in chains that many share; order does not matter there. */
  readonly shared: ReadonlyMap<ChainId, readonly Rule[]>;
}

/**
 * The rules of one service port.
 * @param hasComments whether rules of the chains of endpoints, and those that lead there, say whose they are
 */
export function buildServiceRules(
  port: ServicePort,
  config: RuleConfig,
  hasComments = true,
): Contribution {
  return new ServiceRules(port, config, hasComments).build();
}

class ServiceRules {
  readonly #port: ServicePort;
  readonly #config: RuleConfig;
  readonly #hasComments: boolean;
  readonly #chains = new Map<ChainId, Rule[]>();
  readonly #shared = new Map<ChainId, Rule[]>();
  readonly #svc: string;
  readonly #svl: string;
  readonly #ext: string;
  readonly #firewall: string;

  constructor(port: ServicePort, config: RuleConfig, hasComments: boolean) {
    this.#port = port;
    this.#config = config;
    this.#hasComments = hasComments;
    const id = [port.key, port.protocol.toLowerCase()] as const;
    this.#svc = chainName('SVC', ...id);
    this.#svl = chainName('SVL', ...id);
    this.#ext = chainName('EXT', ...id);
    this.#firewall = chainName('FW', ...id);
  }

  build(): Contribution {
    const { key, protocol, port, clusterIp, internalLocal, cluster } = this.#port;
    const internal = internalLocal ? this.#port.local : cluster;
    const text = `${key} cluster IP`;
    if (internal.length > 0) {
      const target = internalLocal ? this.#svl : this.#svc;
      const match = `-d ${clusterIp}/32 ${destinationPort(protocol, port, text)}`;
      this.#share('nat/KUBE-SERVICES', `${match} -j ${target}`);
    } else {
      const { reason, verdict } = refusal(cluster);
      const match = destinationPort(protocol, port, `${key} ${reason}`);
      this.#share('filter/KUBE-SERVICES', `-d ${clusterIp}/32 ${match} ${verdict}`);
    }
    this.#buildExternal();
    const external = this.#hasExternal();
    // Local traffic takes all endpoints even under the Local policy, so SVC is needed for that as well.
    if (cluster.length > 0 && (!internalLocal || external)) this.#balance(this.#svc, cluster);
    const useLocal = internalLocal || (external && this.#port.externalLocal);
    if (useLocal && this.#port.local.length > 0) this.#balance(this.#svl, this.#port.local);
    return { chains: this.#chains, shared: this.#shared };
  }

  #buildExternal(): void {
    const { cluster, nodePort, externalLocal, local, healthCheckNodePort } = this.#port;
    const { key, protocol } = this.#port;
    if (!this.#hasExternal()) return;
    if (cluster.length > 0) {
      this.#chain('nat', this.#ext, this.#externalChain());
      this.#buildDispatch();
    }
    const refused = externalLocal ? local : cluster;
    if (refused.length === 0) this.#buildRefusals();
    if (nodePort !== 0 && cluster.length > 0) {
      for (const block of this.#nodePortMatches()) {
        const match = destinationPort(protocol, nodePort, key);
        this.#share('nat/KUBE-NODEPORTS', join(block, match, `-j ${this.#ext}`));
      }
    }
    if (healthCheckNodePort !== 0) {
      const match = destinationPort('TCP', healthCheckNodePort, `${key} health check node port`);
      this.#share('filter/KUBE-NODEPORTS', `${match} -j ACCEPT`);
    }
  }

  /** External IPs and load balancer IPs: from outside and from pods alike. */
  #buildDispatch(): void {
    const { key, protocol, port, externalIps, loadBalancerIps } = this.#port;
    const ranges = this.#port.loadBalancerSourceRanges;
    for (const ip of externalIps) {
      const match = destinationPort(protocol, port, `${key} external IP`);
      this.#share('nat/KUBE-SERVICES', `-d ${ip}/32 ${match} -j ${this.#ext}`);
    }
    for (const ip of loadBalancerIps) {
      const match = destinationPort(protocol, port, `${key} loadbalancer IP`);
      const target = ranges.length > 0 ? this.#firewall : this.#ext;
      this.#share('nat/KUBE-SERVICES', `-d ${ip}/32 ${match} -j ${target}`);
      if (ranges.length > 0) {
        // Packets that the firewall chain lets through are no longer addressed to the load balancer here.
        const refused = destinationPort(protocol, port, `${key} traffic not accepted by ranges`);
        this.#share('filter/KUBE-PROXY-FIREWALL', `-d ${ip}/32 ${refused} -j DROP`);
      }
    }
    if (loadBalancerIps.length > 0 && ranges.length > 0) {
      const text = comment(`${key} loadbalancer IP`);
      const rules = ranges.map((range) =>
        join(range === '0.0.0.0/0' ? '' : `-s ${range}`, text, `-j ${this.#ext}`),
      );
      // The node comes from the balancer's own address where a local route has made that one of its own.
      if (ranges.some((range) => holds(range, this.#config.nodeIp))) {
        rules.push(...loadBalancerIps.map((ip) => `-s ${ip}/32 ${text} -j ${this.#ext}`));
      }
      this.#chain('nat', this.#firewall, rules);
    }
  }

  #externalChain(): Rule[] {
    const { key, externalLocal, local } = this.#port;
    const { clusterCidr } = this.#config;
    if (!externalLocal) {
      const text = comment(`masquerade traffic for ${key} external destinations`);
      return [`${text} -j KUBE-MARK-MASQ`, `-j ${this.#svc}`];
    }
    const rules: Rule[] = [];
    if (clusterCidr !== '') {
      const text = comment(`pod traffic for ${key} external destinations`);
      rules.push(`-s ${clusterCidr} ${text} -j ${this.#svc}`);
    }
    const masquerade = comment(`masquerade LOCAL traffic for ${key} external destinations`);
    const route = comment(`route LOCAL traffic for ${key} external destinations`);
    rules.push(
      `${masquerade} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
      `${route} -m addrtype --src-type LOCAL -j ${this.#svc}`,
    );
    if (local.length > 0) rules.push(`-j ${this.#svl}`);
    return rules;
  }

  /**
   * Nobody (here) takes traffic from outside: say so at once, or under the Local policy let the sender try elsewhere.
   */
  #buildRefusals(): void {
    const { key, protocol, port, nodePort, cluster } = this.#port;
    const { reason, verdict } = refusal(cluster);
    const chain = 'filter/KUBE-EXTERNAL-SERVICES';
    for (const ip of [...this.#port.externalIps, ...this.#port.loadBalancerIps]) {
      const match = destinationPort(protocol, port, `${key} ${reason}`);
      this.#share(chain, `-d ${ip}/32 ${match} ${verdict}`);
    }
    if (nodePort === 0) return;
    const local = '-m addrtype --dst-type LOCAL';
    const match = destinationPort(protocol, nodePort, `${key} ${reason}`, local);
    this.#share(chain, `${match} ${verdict}`);
  }

  /** Spreads a chain's traffic over the endpoints' chains, evenly and at random, clients with affinity first. */
  #balance(chain: string, endpoints: readonly Endpoint[]): void {
    const { key, protocol, port, clusterIp, affinitySeconds, internalLocal } = this.#port;
    const { clusterCidr } = this.#config;
    const rules: Rule[] = [];
    // The chain of the ClusterIP: whoever routes the services' range to this node need not know the way back.
    if (clusterCidr !== '' && chain === (internalLocal ? this.#svl : this.#svc)) {
      const match = destinationPort(protocol, port, `${key} cluster IP`);
      rules.push(`! -s ${clusterCidr} -d ${clusterIp}/32 ${match} -j KUBE-MARK-MASQ`);
    }
    const targets = endpoints.map((endpoint) => ({
      name: this.#endpointChain(endpoint),
      text: this.#hasComments ? comment(`${key} -> ${endpoint.ip}:${endpoint.port}`) : '',
    }));
    if (affinitySeconds > 0) {
      for (const { name, text } of targets) {
        const recent = `-m recent --rcheck --seconds ${affinitySeconds} --reap --name ${name}`;
        rules.push(join(text, `${recent} --mask 255.255.255.255 --rsource -j ${name}`));
      }
    }
    targets.forEach(({ name, text }, index) => {
      const left = targets.length - index;
      const share = left > 1 ? `-m statistic --mode random --probability ${probability(left)}` : '';
      rules.push(join(text, share, `-j ${name}`));
    });
    this.#chain('nat', chain, rules);
  }

  #endpointChain(endpoint: Endpoint): string {
    const { key, protocol, affinitySeconds } = this.#port;
    const name = protocol.toLowerCase();
    const address = `${endpoint.ip}:${endpoint.port}`;
    const chain = chainName('SEP', key, name, address);
    const text = this.#hasComments ? comment(key) : '';
    const recent =
      affinitySeconds > 0 ? `-m recent --set --name ${chain} --mask 255.255.255.255 --rsource` : '';
    this.#chain('nat', chain, [
      // A pod that reaches itself through the service must see an answer from the service's address.
      join(`-s ${endpoint.ip}/32`, text, '-j KUBE-MARK-MASQ'),
      join(`-p ${name}`, text, recent, `-m ${name} -j DNAT --to-destination ${address}`),
    ]);
    return chain;
  }

  #hasExternal(): boolean {
    const { nodePort, externalIps, loadBalancerIps } = this.#port;
    return nodePort !== 0 || externalIps.length > 0 || loadBalancerIps.length > 0;
  }

  #nodePortMatches(): readonly string[] {
    const { nodePortAddresses } = this.#config;
    return nodePortAddresses.length === 0 ? [''] : nodePortAddresses.map((block) => `-d ${block}`);
  }

  #chain(table: 'nat' | 'filter', name: string, rules: Rule[]): void {
    this.#chains.set(`${table}/${name}`, rules);
  }

  #share(chain: ChainId, rule: Rule): void {
    const rules = this.#shared.get(chain);
    if (rules === undefined) this.#shared.set(chain, [rule]);
    else if (!rules.includes(rule)) rules.push(rule);
  }
}

function refusal(cluster: readonly Endpoint[]): { reason: string; verdict: string } {
  return cluster.length > 0
    ? { reason: 'has no local endpoints', verdict: '-j DROP' }
    : { reason: 'has no endpoints', verdict: '-j REJECT --reject-with icmp-port-unreachable' };
}

function holds(range: string, address: string): boolean {
  const block = parseCidr(range);
  return block !== undefined && cidrContains(block, address);
}
