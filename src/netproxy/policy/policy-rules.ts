/**
 * NetworkPolicies as rules for this node's pods. Pure. Per pod and direction that a policy selects one chain: each
 * allowed peer RETURNs, the end drops. Only the first packet of a connection comes here, answers are not asked.
 */
import { keyOf } from '../../api/facts/keys.js';
import { longRunningContainers } from '../../api/facts/pods.js';
import { compileSelector } from '../../api/facts/selectors.js';
import type { Namespace, Pod } from '../../api/types/core.js';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../api/types/networking.js';
import type { Cidr } from '../address.js';
import { addressFamily, cidrContains, formatCidr, parseCidr } from '../address.js';
import type { ChainId, Rule } from '../iptables/rule.js';
import type { Hook } from '../iptables/base-rules.js';
import { chainName, comment, join } from '../iptables/rule.js';
import { RuleSet } from '../iptables/rule-set.js';
import type { Contribution } from '../iptables/service-rules.js';

/** All that the rules of a node's pods depend on. */
export interface PolicyState {
  readonly nodeName: string;
  readonly policies: readonly NetworkPolicy[];
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
}

type Direction = 'Ingress' | 'Egress';

const policyChain = 'mangle/TRIREME-POLICY' as const;
const ownedByPolicies = /^KUBE-NP[IO]-[A-Z2-7]{16}$/;

const jump = `-m conntrack --ctstate NEW ${comment('trireme network policies')} -j TRIREME-POLICY`;

/**
 * The hooks for forwarded traffic, and for traffic of pods to the node itself: its ingress listener, its name server,
 * services in userspace mode, the node's own ports. They are in the mangle table, which comes before filter: rules that
 * accept packets there (kube-proxy's chains those that are marked, Docker and firewalls those they know) cannot bypass
 * policies, in whatever order the rules were made.
 */
const policyHooks: readonly Hook[] = [
  { chain: 'mangle/FORWARD', rule: jump },
  { chain: 'mangle/INPUT', rule: jump },
];

/** The layout of the chains of policies, empty of pods. */
export function newPolicyRuleSet(): RuleSet {
  return new RuleSet({
    base: new Map(),
    shared: new Map([[policyChain, []]]),
    hooks: policyHooks,
    owns: (chain) => ownedByPolicies.test(chain),
  });
}

/**
 * By pod, "namespace/name": what is to be added for it. Pods that no policy selects are absent. One that was deleted by
 * force may still run when its successor of the same name comes: the second is "namespace/name uid".
 */
export function buildPolicyRules(state: PolicyState): Map<string, Contribution> {
  const result = new Map<string, Contribution>();
  const policies = state.policies.map((policy) => ({
    policy,
    selects: compileSelector(policy.spec.podSelector ?? {}),
  }));
  const ofNode = state.pods
    .filter((pod) => pod.spec.nodeName === state.nodeName && podIps(pod).length > 0)
    .toSorted((a, b) => byText(keyOf(a), keyOf(b)) || byText(uidOf(a), uidOf(b)));
  for (const pod of ofNode) {
    const own = policies
      .filter(
        ({ policy: { metadata }, selects }) =>
          metadata.namespace === pod.metadata.namespace && selects(pod.metadata.labels),
      )
      .map(({ policy }) => policy);
    const key = keyOf(pod);
    const owner = result.has(key) ? `${key} ${uidOf(pod)}` : key;
    const chains = new Map<ChainId, Rule[]>();
    const jumps: Rule[] = [];
    for (const direction of ['Ingress', 'Egress'] as const) {
      const selecting = own.filter((policy) => typesOf(policy).includes(direction));
      if (selecting.length === 0) continue;
      const chain = chainName(direction === 'Ingress' ? 'NPI' : 'NPO', owner);
      const [side, other] = direction === 'Ingress' ? ['-d', '-s'] : ['-s', '-d'];
      // A pod cannot be kept from itself, as through a service of its own.
      const itself = podIps(pod).map(
        (ip) => `${other} ${ip}/32 ${comment(`${key} itself`)} -j RETURN`,
      );
      const rules = selecting.flatMap((policy) => allowed(policy, direction, pod, state));
      const last = `${comment(`${key} default`)} -j DROP`;
      // Any of them lets pass, so that their order is free: rules depend on the cluster, not on what was heard first.
      const sorted = [...new Set(rules)].toSorted(byText);
      chains.set(`mangle/${chain}`, [...itself, ...sorted, last]);
      for (const ip of podIps(pod)) jumps.push(`${side} ${ip}/32 -j ${chain}`);
    }
    if (jumps.length > 0) result.set(owner, { chains, shared: new Map([[policyChain, jumps]]) });
  }
  return result;
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? '';
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function allowed(
  policy: NetworkPolicy,
  direction: Direction,
  pod: Pod,
  state: PolicyState,
): Rule[] {
  const text = comment(`${policy.metadata.namespace ?? ''}/${policy.metadata.name} allows`);
  const entries =
    direction === 'Ingress'
      ? (policy.spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  const side = direction === 'Ingress' ? '-s' : '-d';
  const rule = (peer: PeerMatch, ports: readonly NetworkPolicyPort[] | undefined): Rule[] =>
    portMatches(ports, direction === 'Ingress' ? pod : peer.pod).map((port) =>
      join(peer.match, port.protocol, text, port.ports, '-j RETURN'),
    );
  return entries.flatMap(({ peers, ports }) => {
    const isAnywhere = peers === undefined || peers.length === 0;
    const named = direction === 'Egress' ? (ports ?? []).filter(isNamed) : [];
    const others = named.length === 0 ? ports : ports?.filter((port) => !isNamed(port));
    const found = isAnywhere ? [{ match: '' }] : peerMatches(peers, side, policy, state);
    return [
      ...(named.length > 0 && others?.length === 0
        ? []
        : found.flatMap((peer) => rule(peer, others))),
      // The name is that of a pod's port, wherever the pods are that traffic may go to.
      ...(named.length === 0 ? [] : podsOf(found, side, state)).flatMap((peer) =>
        rule(peer, named),
      ),
    ];
  });
}

function isNamed({ port }: NetworkPolicyPort): boolean {
  return typeof port === 'string';
}

interface PeerMatch {
  readonly match: string;
  /** The pod behind the address, whose named ports count on the way out. */
  readonly pod?: Pod;
  /** Of an address block; without it and without a pod the peer is anybody. */
  readonly block?: Cidr;
}

/** The pods among the peers: each that is one, and those in the address blocks. */
function podsOf(peers: readonly PeerMatch[], side: '-s' | '-d', state: PolicyState): PeerMatch[] {
  return peers.flatMap((peer): PeerMatch[] => {
    if (peer.pod !== undefined) return [peer];
    const { block } = peer;
    return state.pods.flatMap((pod) =>
      podIps(pod)
        .filter((ip) => block === undefined || cidrContains(block, ip))
        .map((ip) => ({ match: `${side} ${ip}/32`, pod })),
    );
  });
}

function peerMatches(
  peers: readonly NetworkPolicyPeer[],
  side: '-s' | '-d',
  policy: NetworkPolicy,
  state: PolicyState,
): PeerMatch[] {
  return peers.flatMap((peer): PeerMatch[] => {
    if (peer.ipBlock !== undefined) {
      return subtract(peer.ipBlock.cidr, peer.ipBlock.except ?? []).flatMap((text) => {
        const block = parseCidr(text);
        if (block === undefined) return [];
        return [{ match: text === '0.0.0.0/0' ? '' : `${side} ${text}`, block }];
      });
    }
    const spaces = namespacesOf(peer, policy, state.namespaces);
    const selects = compileSelector(peer.podSelector ?? {});
    return state.pods
      .filter(
        ({ metadata, spec }) =>
          spec?.hostNetwork !== true &&
          spaces.has(metadata.namespace ?? '') &&
          selects(metadata.labels),
      )
      .flatMap((pod) => podIps(pod).map((ip) => ({ match: `${side} ${ip}/32`, pod })));
  });
}

function namespacesOf(
  peer: NetworkPolicyPeer,
  policy: NetworkPolicy,
  namespaces: readonly Namespace[],
): Set<string> {
  const { namespaceSelector } = peer;
  if (namespaceSelector === undefined) return new Set([policy.metadata.namespace ?? '']);
  const selects = compileSelector(namespaceSelector);
  return new Set(
    namespaces
      .filter(({ metadata }) => selects(metadata.labels))
      .map(({ metadata }) => metadata.name),
  );
}

/** A named port is looked up in the pod that receives; where there is none, it allows nothing. */
function portMatches(
  ports: readonly NetworkPolicyPort[] | undefined,
  receiver: Pod | undefined,
): { protocol: string; ports: string }[] {
  if (ports === undefined || ports.length === 0) return [{ protocol: '', ports: '' }];
  return ports.flatMap(({ port, endPort, protocol }) => {
    const name = (protocol ?? 'TCP').toLowerCase();
    // The API takes no others; one that is not known allows nothing.
    if (!/^(?:tcp|udp|sctp)$/.test(name)) return [];
    if (port === undefined) return [{ protocol: `-p ${name}`, ports: '' }];
    const numbers = typeof port === 'number' ? [port] : namedPorts(receiver, port, protocol);
    // iptables-save prints a range of one port as that port.
    return numbers.filter(isPort).flatMap((number) => {
      const last = endPort ?? number;
      if (!isPort(last) || last < number) return [];
      const range = last === number ? `${number}` : `${number}:${last}`;
      return [{ protocol: `-p ${name}`, ports: `-m ${name} --dport ${range}` }];
    });
  });
}

function isPort(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= 65_535;
}

function namedPorts(pod: Pod | undefined, wanted: string, protocol = 'TCP'): number[] {
  return longRunningContainers(pod?.spec ?? { containers: [] }).flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ name, containerPort, protocol: own }) =>
      name === wanted && (own ?? 'TCP') === protocol ? [containerPort] : [],
    ),
  );
}

function typesOf(policy: NetworkPolicy): readonly string[] {
  const given = policy.spec?.policyTypes ?? [];
  if (given.length > 0) return given;
  return (policy.spec?.egress ?? []).length === 0 ? ['Ingress'] : ['Ingress', 'Egress'];
}

function podIps(pod: Pod): string[] {
  if (pod.spec?.hostNetwork === true) return [];
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return [];
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? [pod.status?.podIP ?? ''];
  return all.filter((ip) => addressFamily(ip) === 'IPv4');
}

/**
 * The block without the exceptions, as blocks: halves are split off until they lie inside or outside of each. Nothing
 * of the block is left where an exception cannot be read.
 */
export function subtract(cidr: string, except: readonly string[]): string[] {
  const whole = parseCidr(cidr);
  if (whole === undefined) return [];
  const holes = except
    .filter((text) => !text.includes(':'))
    .flatMap((text) => parseCidr(text) ?? whole);
  const split = (block: Cidr): Cidr[] => {
    const overlapping = holes.filter((hole) => overlaps(block, hole));
    if (overlapping.length === 0) return [block];
    if (overlapping.some((hole) => hole.prefix <= block.prefix)) return [];
    const prefix = block.prefix + 1;
    const upper = block.base + 2 ** (32 - prefix);
    return [...split({ base: block.base, prefix }), ...split({ base: upper, prefix })];
  };
  return split(whole).map(formatCidr);
}

function overlaps(a: Cidr, b: Cidr): boolean {
  const [wide, narrow] = a.prefix <= b.prefix ? [a, b] : [b, a];
  return narrow.base >= wide.base && narrow.base < wide.base + 2 ** (32 - wide.prefix);
}
