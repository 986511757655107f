/** Policies: who may reach whom, how many may be missing, who is more important. */
import { formatSelector } from '../../api/facts/selectors.js';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../api/types/networking.js';
import type { PodDisruptionBudget, PriorityClass } from '../../api/types/policy.js';
import type { DescribeFacts } from './common.js';
import { pairsText, writeEvents, writeMetadata, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

/** One direction of a network policy, in kubectl's words. */
interface Direction {
  readonly traffic: string;
  readonly peers: string;
  readonly unrestricted: string;
}

const directions = {
  ingress: { traffic: 'ingress', peers: 'From', unrestricted: 'source' },
  egress: { traffic: 'egress', peers: 'To', unrestricted: 'destination' },
} as const satisfies Record<string, Direction>;

interface PolicyRule {
  readonly ports?: readonly NetworkPolicyPort[] | undefined;
  readonly peers?: readonly NetworkPolicyPeer[] | undefined;
}

/** A network policy. */
export function describeNetworkPolicy(writer: DescribeWriter, object: NetworkPolicy): void {
  const { metadata, spec } = object;
  writeMetadata(writer, object);
  const created = (metadata.creationTimestamp ?? '').replace('T', ' ').replace(/Z$/, ' +0000 UTC');
  writer.field(0, 'Created on', created);
  writePairs(writer, object);
  writer.line(0, 'Spec:');
  const selector = formatSelector(spec.podSelector);
  const all = '<none> (Allowing the specific traffic to all pods in this namespace)';
  writer.line(1, `PodSelector:     ${selector === '<none>' ? all : selector}`);
  const types = (spec.policyTypes ?? []) as readonly string[];
  const ingress = (spec.ingress ?? []).map(({ from, ports }) => ({ ports, peers: from }));
  const egress = (spec.egress ?? []).map(({ to, ports }) => ({ ports, peers: to }));
  writeRules(writer, directions.ingress, types.includes('Ingress') ? ingress : undefined);
  writeRules(writer, directions.egress, types.includes('Egress') ? egress : undefined);
  writer.line(1, `Policy Types: ${types.length === 0 ? '<none>' : types.join(', ')}`);
}

/** @param rules undefined: the policy does not speak of that direction */
function writeRules(
  writer: DescribeWriter,
  { traffic, peers: title, unrestricted }: Direction,
  rules: readonly PolicyRule[] | undefined,
): void {
  if (rules === undefined) {
    writer.line(1, `Not affecting ${traffic} traffic`);
    return;
  }
  writer.line(1, `Allowing ${traffic} traffic:`);
  if (rules.length === 0) {
    writer.line(2, `<none> (Selected pods are isolated for ${traffic} connectivity)`);
  }
  for (const [at, { ports = [], peers = [] }] of rules.entries()) {
    if (at > 0) writer.line(2, '----------');
    if (ports.length === 0) writer.line(2, 'To Port: <any> (traffic allowed to all ports)');
    for (const { port, endPort, protocol = 'TCP' } of ports) {
      const range = endPort === undefined ? '' : `-${endPort}`;
      const head = endPort === undefined ? 'To Port' : 'To Port Range';
      writer.line(2, `${head}: ${port ?? '<nil>'}${range}/${protocol}`);
    }
    if (peers.length === 0) {
      writer.line(2, `${title}: <any> (traffic not restricted by ${unrestricted})`);
    }
    for (const peer of peers) {
      writer.line(2, `${title}:`);
      writePeer(writer, peer);
    }
  }
}

function writePeer(
  writer: DescribeWriter,
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
): void {
  if (namespaceSelector !== undefined) {
    writer.line(3, `NamespaceSelector: ${formatSelector(namespaceSelector)}`);
  }
  if (podSelector !== undefined) writer.line(3, `PodSelector: ${formatSelector(podSelector)}`);
  if (ipBlock === undefined || podSelector !== undefined || namespaceSelector !== undefined) return;
  writer.line(3, 'IPBlock:');
  writer.line(4, `CIDR: ${ipBlock.cidr}`);
  writer.line(4, `Except: ${(ipBlock.except ?? []).join(', ')}`);
}

/** A bound for evictions. */
export function describeBudget(
  writer: DescribeWriter,
  object: PodDisruptionBudget,
  facts: DescribeFacts,
): void {
  const { spec, status } = object;
  writeMetadata(writer, object);
  if (spec.minAvailable !== undefined) writer.field(0, 'Min available', spec.minAvailable);
  else if (spec.maxUnavailable !== undefined) {
    writer.field(0, 'Max unavailable', spec.maxUnavailable);
  }
  const { selector } = spec;
  writer.field(0, 'Selector', selector === undefined ? '<unset>' : formatSelector(selector));
  writer.line(0, 'Status:');
  writer.field(2, 'Allowed disruptions', status?.disruptionsAllowed ?? 0);
  writer.field(2, 'Current', status?.currentHealthy ?? 0);
  writer.field(2, 'Desired', status?.desiredHealthy ?? 0);
  writer.field(2, 'Total', status?.expectedPods ?? 0);
  writeEvents(writer, facts);
}

/** A priority. */
export function describePriorityClass(
  writer: DescribeWriter,
  object: PriorityClass,
  facts: DescribeFacts,
): void {
  writer.field(0, 'Name', object.metadata.name);
  writer.field(0, 'Value', object.value);
  writer.field(0, 'GlobalDefault', object.globalDefault ?? false);
  writer.field(0, 'PreemptionPolicy', object.preemptionPolicy ?? '');
  writer.field(0, 'Description', object.description ?? '');
  writer.field(0, 'Annotations', pairsText(object.metadata.annotations));
  writeEvents(writer, facts);
}
