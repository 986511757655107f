/**
 * What Kubernetes' documents say of network policies, written apart from the code that enforces them
 * (https://kubernetes.io/docs/concepts/services-networking/network-policies/ and the fields' own descriptions). It
 * judges one attempt to connect at a time and knows nothing of rules.
 *
 * In two places the documents leave room or we depart from them; both are said in src/netproxy/README.md:
 * - What a pod sends to a node is judged by the node's address. (The documents let it pass to the pod's own node.)
 * - A pod of the node's network is its node: selectors do not meet it, and no policy selects it.
 */
import type { Namespace, Pod } from '../../../src/api/types/core.js';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../src/api/types/networking.js';
import type { PolicyWorld } from './world.js';

/** An attempt of an address to connect to another. */
export interface Attempt {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

type Labels = Readonly<Record<string, string>> | undefined;
type Selector = NonNullable<NetworkPolicy['spec']>['podSelector'];

/** The pod with a network of its own that holds an address. */
export function podAt(world: PolicyWorld, address: string): Pod | undefined {
  return world.pods.find(
    ({ spec, status }) =>
      spec?.hostNetwork !== true &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed' &&
      status?.podIP === address,
  );
}

/** True when both ends' policies let the attempt pass. */
export function isAllowed(world: PolicyWorld, attempt: Attempt): boolean {
  const source = podAt(world, attempt.from);
  const target = podAt(world, attempt.to);
  // A pod cannot block access to itself.
  if (source !== undefined && source === target) return true;
  return leaves(world, source, target, attempt) && enters(world, source, target, attempt);
}

function leaves(
  world: PolicyWorld,
  source: Pod | undefined,
  target: Pod | undefined,
  attempt: Attempt,
): boolean {
  if (source === undefined) return true;
  const isolating = policiesOf(world, source, 'Egress');
  if (isolating.length === 0) return true;
  return isolating.some((policy) =>
    (policy.spec?.egress ?? []).some(
      ({ to, ports }) =>
        meetsPeers(world, policy, to, { address: attempt.to, pod: target }) &&
        meetsPorts(ports, target, attempt),
    ),
  );
}

function enters(
  world: PolicyWorld,
  source: Pod | undefined,
  target: Pod | undefined,
  attempt: Attempt,
): boolean {
  if (target === undefined) return true;
  // Traffic from the node on which a pod runs is always allowed.
  if (attempt.from === world.nodes[target.spec?.nodeName ?? '']) return true;
  const isolating = policiesOf(world, target, 'Ingress');
  if (isolating.length === 0) return true;
  return isolating.some((policy) =>
    (policy.spec?.ingress ?? []).some(
      ({ from, ports }) =>
        meetsPeers(world, policy, from, { address: attempt.from, pod: source }) &&
        meetsPorts(ports, target, attempt),
    ),
  );
}

/** The policies that isolate a pod in a direction. */
function policiesOf(
  { policies }: PolicyWorld,
  pod: Pod,
  direction: 'Ingress' | 'Egress',
): readonly NetworkPolicy[] {
  return policies.filter(({ metadata, spec }) => {
    if (metadata.namespace !== pod.metadata.namespace) return false;
    if (!selects(spec?.podSelector, pod.metadata.labels)) return false;
    const types = spec?.policyTypes ?? [];
    // Without types: Ingress always, Egress if there are rules for it.
    if (types.length === 0) return direction === 'Ingress' || (spec?.egress ?? []).length > 0;
    return types.includes(direction);
  });
}

interface Peer {
  readonly address: string;
  readonly pod: Pod | undefined;
}

/** No peers, or none listed, are everybody. */
function meetsPeers(
  world: PolicyWorld,
  policy: NetworkPolicy,
  peers: readonly NetworkPolicyPeer[] | undefined,
  other: Peer,
): boolean {
  if (peers === undefined || peers.length === 0) return true;
  return peers.some((peer) => meetsPeer(world, policy, peer, other));
}

function meetsPeer(
  { namespaces }: PolicyWorld,
  policy: NetworkPolicy,
  { ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer,
  { address, pod }: Peer,
): boolean {
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    return isIn(address, cidr) && !except.some((block) => isIn(address, block));
  }
  if (pod === undefined) return false;
  const space = namespaces.find((one: Namespace) => one.metadata.name === pod.metadata.namespace);
  const inSpace =
    namespaceSelector === undefined
      ? pod.metadata.namespace === policy.metadata.namespace
      : selects(namespaceSelector, space?.metadata.labels);
  return inSpace && (podSelector === undefined || selects(podSelector, pod.metadata.labels));
}

/** No ports, or none listed, are all ports. A name is one of the target's, whatever the direction. */
function meetsPorts(
  ports: readonly NetworkPolicyPort[] | undefined,
  target: Pod | undefined,
  attempt: Attempt,
): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== attempt.protocol) return false;
    if (port === undefined) return true;
    if (typeof port === 'number') return attempt.port >= port && attempt.port <= (endPort ?? port);
    const { containers = [], initContainers = [] } = target?.spec ?? {};
    // Sidecars are init containers that go on running.
    const running = [
      ...containers,
      ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'),
    ];
    return running.some((container) =>
      (container.ports ?? []).some(
        (named) =>
          named.name === port &&
          (named.protocol ?? 'TCP') === protocol &&
          named.containerPort === attempt.port,
      ),
    );
  });
}

function selects(selector: Selector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const value = (key: string): string | undefined => labels?.[key];
  if (Object.entries(matchLabels).some(([key, wanted]) => value(key) !== wanted)) return false;
  return matchExpressions.every(({ key, operator, values = [] }) => {
    const is = value(key);
    if (operator === 'In') return is !== undefined && values.includes(is);
    if (operator === 'NotIn') return is === undefined || !values.includes(is);
    if (operator === 'Exists') return is !== undefined;
    if (operator === 'DoesNotExist') return is === undefined;
    throw new Error(`unknown operator ${operator}`);
  });
}

const numbers = new Map<string, number>();

/** An address as a number; the few that there are get asked for again and again. */
function numberOf(address: string): number {
  const known = numbers.get(address);
  if (known !== undefined) return known;
  const number = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  numbers.set(address, number);
  return number;
}

function isIn(address: string, block: string): boolean {
  const [base = '', prefix = ''] = block.split('/');
  const size = 2 ** (32 - Number(prefix));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(base) / size);
}
