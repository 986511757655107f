/**
 * The parts of the table that do not depend on any one service. Pure.
 *
 *   nat-prerouting, nat-output --> services --(address, protocol, port)--> external-tcp-3 --mark--> spread-tcp-3
 *                                           `-(protocol, node port)------> port-tcp-3 -----mark--> spread-port-tcp-3
 *
 * Services have no chains of their own: `spread-tcp-3` serves all that have three endpoints over TCP. It draws a
 * number below three, and finds the endpoint in a map by the packet's address, port and that number. So a service
 * among thousands is a few elements of maps, and `nft`, which reads the names of all chains and sets before each
 * change, has few to read. Exceptions are services with affinity and with source ranges; see `service-claims.ts`.
 */
import { isIPv4 } from 'node:net';
import { masqueradeMark } from '../iptables/rule.js';
import type { RuleConfig } from '../kernel/rule-config.js';
import { quoted } from './names.js';

/** The settings that shape the table. */
export interface TableConfig extends RuleConfig {
  /** Of all ClusterIPs; packets to those that no service has are dropped. "" = unknown. */
  readonly serviceCidr: string;
  /** ClusterIPs that the node serves itself. */
  readonly excludedIps: readonly string[];
}

/** A chain with its rules, in order. */
export interface Chain {
  readonly name: string;
  /** For chains that the kernel calls. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** A set or map. */
export interface Collection {
  readonly name: string;
  readonly kind: 'set' | 'map';
  readonly definition: string;
}

const protocols = ['tcp', 'udp', 'sctp'] as const;
/** "TCP" and its like in nft's words. */
export type ProtocolName = (typeof protocols)[number];

/** Maps of endpoints by what leads to them: an address or a node port, to all endpoints or those of this node. */
export type EndpointMap =
  'endpoints' | 'local-endpoints' | 'port-endpoints' | 'port-local-endpoints';

const byAddress = 'type ipv4_addr . inet_proto . inet_service : verdict';
const byNodePort = 'type inet_proto . inet_service : verdict';

/** The sets and maps that are always there. */
export const collections: readonly Collection[] = [
  set('cluster-ips', 'type ipv4_addr', 'ClusterIPs in use'),
  set('nodeport-ips', 'type ipv4_addr ; flags interval', 'addresses that node ports answer on'),
  set('hairpin', 'type ipv4_addr . ipv4_addr', 'endpoints that reach themselves'),
  map('service-ips', byAddress, 'ClusterIPs, external addresses, load balancers'),
  map('service-nodeports', byNodePort, 'node ports'),
  map('local-service-ips', byAddress, 'externalTrafficPolicy Local'),
  map('local-service-nodeports', byNodePort, 'externalTrafficPolicy Local'),
  map('no-endpoint-services', byAddress, 'services that nobody serves'),
  map('no-endpoint-nodeports', byNodePort, 'node ports that nobody serves'),
  map('firewall-ips', byAddress, 'load balancers with source ranges'),
  ...protocols.flatMap((protocol) => {
    // The type of a number that was drawn has no name of its own.
    const drawn = 'numgen inc mod 2';
    const target = `ip daddr . ${protocol} dport`;
    const address = `typeof ip daddr . ${protocol} dport . ${drawn} : ${target}`;
    const nodePort = `typeof ${protocol} dport . ${drawn} : ${target}`;
    return [
      map(`${protocol}-endpoints`, address, 'the n-th endpoint of an address'),
      map(`${protocol}-local-endpoints`, address, 'the same of those on this node'),
      map(`${protocol}-port-endpoints`, nodePort, 'the n-th endpoint of a node port'),
      map(`${protocol}-port-local-endpoints`, nodePort, 'the same of those on this node'),
    ];
  }),
];

const byDestination = 'ip daddr . meta l4proto . th dport';
const byPort = 'meta l4proto . th dport';
const isNew = 'ct state new';

/** The chains that are always there; each comes after those that it names. */
export function baseChains(config: TableConfig): readonly Chain[] {
  const { clusterCidr, serviceCidr, excludedIps } = config;
  const nodePorts = 'ip daddr != 127.0.0.0/8 ip daddr @nodeport-ips';
  return [
    chain('reject-chain', ['reject']),
    chain('mark-for-masquerade', [`meta mark set meta mark or ${masqueradeMark}`]),
    chain('masquerading', [
      // A pod that reaches itself through a service must see an answer from the service's address.
      'ip saddr . ip daddr @hairpin masquerade fully-random',
      `meta mark and ${masqueradeMark} == 0 return`,
      // The mark is cleared so that a packet that comes by again (VXLAN) is not masqueraded twice.
      `meta mark set meta mark xor ${masqueradeMark}`,
      'masquerade fully-random',
    ]),
    chain('services', [
      // Whoever routes the services' range to this node need not know the way back.
      ...(clusterCidr === ''
        ? []
        : [`ip daddr @cluster-ips ip saddr != ${clusterCidr} jump mark-for-masquerade`]),
      `${byDestination} vmap @service-ips`,
      `${nodePorts} fib daddr type local ${byPort} vmap @service-nodeports`,
    ]),
    chain('firewall-check', [`${byDestination} vmap @firewall-ips`]),
    chain('service-endpoints-check', [`${byDestination} vmap @no-endpoint-services`]),
    chain('nodeport-endpoints-check', [`${nodePorts} ${byPort} vmap @no-endpoint-nodeports`]),
    chain('cluster-ips-check', [
      ...(excludedIps.length === 0 ? [] : [`ip daddr { ${excludedIps.join(', ')} } return`]),
      `ip daddr @cluster-ips reject comment ${quoted('no such port of the service')}`,
      ...(serviceCidr === ''
        ? []
        : [`ip daddr ${serviceCidr} drop comment ${quoted('no service has the address')}`]),
    ]),
    hooked('filter', 'prerouting', -110, [`${isNew} jump firewall-check`], '-pre-dnat'),
    hooked('filter', 'output', -110, [`${isNew} jump firewall-check`], '-pre-dnat'),
    hooked('filter', 'input', 0, [
      `${isNew} jump nodeport-endpoints-check`,
      `${isNew} jump service-endpoints-check`,
    ]),
    hooked('filter', 'forward', 0, [
      // The kernel does not translate them back, and the client would reset its connection.
      'ct state invalid drop',
      `${isNew} jump service-endpoints-check`,
      `${isNew} jump cluster-ips-check`,
    ]),
    hooked('filter', 'output', 0, [
      `${isNew} jump service-endpoints-check`,
      `${isNew} jump cluster-ips-check`,
    ]),
    hooked('nat', 'prerouting', -100, ['jump services']),
    hooked('nat', 'output', -100, ['jump services']),
    hooked('nat', 'postrouting', 100, ['jump masquerading']),
  ];
}

/**
 * The addresses that node ports answer on, as elements of their set: those given, or the node's main one; all of a node
 * whose main one is none of IPv4.
 */
export function nodePortAddresses({ nodePortAddresses: given, nodeIp }: TableConfig): string[] {
  if (given.length > 0) return [...given];
  return [isIPv4(nodeIp) ? nodeIp : '0.0.0.0/0'];
}

const sharedName =
  /^(?<kind>spread|spread-local|spread-port|spread-port-local|external|external-local|port|port-local)-(?<protocol>tcp|udp|sctp)-(?<count>[1-9]\d*)$/;

/** A chain that all services share which have so many endpoints; see `sharedChains`. */
export function sharedChainName(kind: string, protocol: ProtocolName, count: number): string {
  return `${kind}-${protocol}-${count}`;
}

/** A shared chain and those that it leads to, these first; none when `name` is that of another chain. */
export function sharedChains(name: string, clusterCidr: string): readonly Chain[] {
  const { kind = '', protocol = 'tcp', count = '' } = sharedName.exec(name)?.groups ?? {};
  if (kind === '') return [];
  const spread = (words: string): string => `${words}-${protocol}-${count}`;
  const draw = (from: EndpointMap, key: string): Chain => {
    const rule = (mod: string): string =>
      `dnat ip to ${key} . numgen random mod ${mod} map @${protocol}-${from}`;
    // A packet may come between two sets of rules and draw a number that is no more: the first endpoint takes it.
    return chain(name, count === '1' ? [rule('1')] : [rule(count), rule('1')]);
  };
  const address = `ip daddr . ${protocol} dport`;
  const nodePort = `${protocol} dport`;
  const outside = (to: string, rules: readonly string[]): readonly Chain[] => [
    ...sharedChains(spread(to), clusterCidr),
    chain(name, rules),
  ];
  switch (kind) {
    case 'spread':
      return [draw('endpoints', address)];
    case 'spread-local':
      return [draw('local-endpoints', address)];
    case 'spread-port':
      return [draw('port-endpoints', nodePort)];
    case 'spread-port-local':
      return [draw('port-local-endpoints', nodePort)];
    case 'external':
      return outside('spread', externalRules(spread('spread')));
    case 'port':
      return outside('spread-port', externalRules(spread('spread-port')));
    case 'external-local': {
      const rest = `${byDestination} vmap @local-service-ips`;
      return outside('spread', localRules(spread('spread'), rest, clusterCidr));
    }
    default: {
      const rest = `${byPort} vmap @local-service-nodeports`;
      return outside('spread-port', localRules(spread('spread-port'), rest, clusterCidr));
    }
  }
}

/** What comes from outside may go to another node, and must come back by this one. */
export function externalRules(to: string): string[] {
  return ['jump mark-for-masquerade', `goto ${to}`];
}

/**
 * externalTrafficPolicy Local: pods and the node itself use all endpoints, as if they had gone out and come in again.
 * @param to the chain of all endpoints
 * @param rest what others are served by
 */
export function localRules(to: string, rest: string, clusterCidr: string): string[] {
  return [
    ...(clusterCidr === '' ? [] : [`ip saddr ${clusterCidr} goto ${to}`]),
    'fib saddr type local jump mark-for-masquerade',
    `fib saddr type local goto ${to}`,
    ...(rest === '' ? [] : [rest]),
  ];
}

function chain(name: string, rules: readonly string[]): Chain {
  return { name, rules };
}

function hooked(
  type: string,
  hook: string,
  priority: number,
  rules: readonly string[],
  suffix = '',
): Chain {
  const words = `{ type ${type} hook ${hook} priority ${priority} ; }`;
  return { name: `${type}-${hook}${suffix}`, hook: words, rules };
}

function set(name: string, definition: string, words: string): Collection {
  return { name, kind: 'set', definition: `${definition} ; comment ${quoted(words)}` };
}

function map(name: string, definition: string, words: string): Collection {
  return { name, kind: 'map', definition: `${definition} ; comment ${quoted(words)}` };
}
