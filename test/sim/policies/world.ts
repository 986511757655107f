/** A small cluster at random: nodes, namespaces, pods, network policies; all drawn from a seed. */
import type { Namespace, Pod } from '../../../src/api/types/core.js';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../src/api/types/networking.js';
import { Prng } from '../../../src/lib/prng.js';

/** A cluster that policies are judged in. */
export interface PolicyWorld {
  /** Addresses by name. */
  readonly nodes: Readonly<Record<string, string>>;
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  readonly policies: readonly NetworkPolicy[];
}

/** Addresses that are nobody's here. */
export const strangers: readonly string[] = ['203.0.113.5', '10.9.0.1'];

/** The ports that pods are spoken to at. */
export const ports: readonly number[] = [80, 81, 8080, 9000];

/** The protocols that they are spoken to in. */
export const protocols: readonly ('TCP' | 'UDP')[] = ['TCP', 'UDP'];

const nodes = { n1: '192.168.50.1', n2: '192.168.50.2' };
const spaces = ['red', 'green', 'blue'];
const portNames = ['http', 'metrics', 'dns'];
const blocks = [
  '0.0.0.0/0',
  '10.244.0.0/16',
  '10.244.1.0/24',
  '10.244.2.0/24',
  '10.244.1.0/29',
  '192.168.50.0/24',
  '192.168.50.1/32',
  '203.0.113.0/24',
  '10.0.0.0/8',
  '10.244.2.5/32',
];

const half = { numerator: 1, denominator: 2 };
const third = { numerator: 1, denominator: 3 };
const fifth = { numerator: 1, denominator: 5 };
const tenth = { numerator: 1, denominator: 10 };

/** @param podCount pods with a network of their own; others come on top */
export function randomWorld(seed: number, podCount = 12): PolicyWorld {
  return new WorldMaker(new Prng(seed)).make(podCount);
}

class WorldMaker {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  make(podCount: number): PolicyWorld {
    const namespaces = spaces.map((name) => ({
      metadata: { name, labels: { ...this.#labels(), 'kubernetes.io/metadata.name': name } },
      spec: {},
    }));
    const own = Array.from({ length: podCount }, (_, n) => this.#pod(n));
    const pods = this.#prng.shuffle([...own, ...this.#others(own)]);
    const policies = Array.from({ length: this.#prng.between(0, 6) }, (_, n) => this.#policy(n));
    return { nodes, namespaces, pods, policies };
  }

  /** Few labels, so that selectors meet them. */
  #labels(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const key of ['app', 'tier']) {
      if (!this.#prng.chance(third)) found[key] = this.#prng.pick(['a', 'b', 'c']);
    }
    return found;
  }

  #pod(n: number): Pod {
    const onFirst = this.#prng.chance(half);
    const [nodeName, address] = onFirst ? ['n1', `10.244.1.${n + 2}`] : ['n2', `10.244.2.${n + 2}`];
    const port = (name: string): object => ({
      name,
      containerPort: this.#prng.pick(ports),
      ...(this.#prng.chance(third) ? { protocol: this.#prng.pick(protocols) } : {}),
    });
    const named = portNames.filter(() => this.#prng.chance(half)).map(port);
    const isSidecar = this.#prng.chance(fifth);
    const container = { name: 'app', ports: isSidecar ? [] : named };
    const sidecar = { name: 'side', restartPolicy: 'Always', ports: named };
    const init = { name: 'init', ports: [port('http')] };
    return {
      metadata: {
        uid: `u${n}`,
        namespace: this.#prng.pick(spaces),
        name: `p${n}`,
        labels: this.#labels(),
      },
      spec: {
        nodeName,
        containers: [container],
        ...(isSidecar ? { initContainers: [init, sidecar] } : {}),
      },
      status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
    } as Pod;
  }

  /** A pod of the node's network on each node, one that has no address yet, one that had an address before. */
  #others(own: readonly Pod[]): Pod[] {
    const likeOne = (name: string, spec: object, status: object): Pod => ({
      metadata: { uid: name, namespace: this.#prng.pick(spaces), name, labels: this.#labels() },
      spec: { containers: [], ...spec },
      status,
    });
    const former = this.#prng.pick(own);
    const { podIP = '' } = former.status ?? {};
    return [
      ...Object.entries(nodes).map(([nodeName, ip]) =>
        likeOne(
          `host-${nodeName}`,
          { nodeName, hostNetwork: true },
          { podIP: ip, phase: 'Running' },
        ),
      ),
      likeOne('pending', { nodeName: 'n1' }, { phase: 'Pending' }),
      likeOne(
        'former',
        { nodeName: former.spec?.nodeName ?? '' },
        { podIP, podIPs: [{ ip: podIP }], phase: this.#prng.pick(['Succeeded', 'Failed']) },
      ),
    ];
  }

  #policy(n: number): NetworkPolicy {
    const withIngress = this.#prng.chance(half);
    const withEgress = this.#prng.chance(half);
    const types = ['Ingress', 'Egress'].filter(() => this.#prng.chance(half));
    const rules = (way: 'from' | 'to'): object[] => this.#some(0, 2, () => this.#rule(way));
    return {
      metadata: { namespace: this.#prng.pick(spaces), name: `np${n}` },
      spec: {
        podSelector: this.#selector(),
        ...(types.length === 0 ? {} : { policyTypes: types }),
        ...(withIngress ? { ingress: rules('from') } : {}),
        ...(withEgress ? { egress: rules('to') } : {}),
      },
    };
  }

  #some<T>(low: number, high: number, one: () => T): T[] {
    return Array.from({ length: this.#prng.between(low, high) }, one);
  }

  #rule(way: 'from' | 'to'): object {
    return {
      ...(this.#prng.chance(fifth) ? {} : { [way]: this.#some(0, 2, () => this.#peer()) }),
      ...(this.#prng.chance(half) ? {} : { ports: this.#some(0, 2, () => this.#port()) }),
    };
  }

  #peer(): NetworkPolicyPeer {
    if (this.#prng.chance(third)) {
      const cidr = this.#prng.pick(blocks);
      const within = blocks.filter((block) => isWithin(block, cidr));
      const except = within.filter(() => this.#prng.chance(third));
      return { ipBlock: { cidr, ...(except.length === 0 ? {} : { except }) } };
    }
    const which = this.#prng.below(3);
    return {
      ...(which === 1 ? {} : { podSelector: this.#selector() }),
      ...(which === 0 ? {} : { namespaceSelector: this.#selector() }),
    };
  }

  #selector(): object {
    if (this.#prng.chance(third)) return {};
    const key = this.#prng.pick(['app', 'tier']);
    const values = ['a', 'b', 'c'].filter(() => this.#prng.chance(half));
    const expressions = [
      { key, operator: 'In', values: ['a', ...values] },
      { key, operator: 'NotIn', values: ['b', ...values] },
      { key, operator: 'Exists' },
      { key, operator: 'DoesNotExist' },
    ];
    const matchLabels = this.#prng.chance(half) ? { [key]: this.#prng.pick(['a', 'b', 'c']) } : {};
    if (this.#prng.chance(half)) return { matchLabels };
    return { matchLabels, matchExpressions: [this.#prng.pick(expressions)] };
  }

  #port(): NetworkPolicyPort {
    const protocol = this.#prng.chance(third) ? { protocol: this.#prng.pick(protocols) } : {};
    if (this.#prng.chance(tenth)) return protocol;
    if (this.#prng.chance(third)) return { ...protocol, port: this.#prng.pick(portNames) };
    const port = this.#prng.pick(ports);
    const isRange = this.#prng.chance(fifth);
    return { ...protocol, port, ...(isRange ? { endPort: port + this.#prng.below(2000) } : {}) };
  }
}

/** True for a block that lies in the other and is smaller, as an exception must be. */
function isWithin(block: string, outer: string): boolean {
  const [address = '', length = ''] = block.split('/');
  const [base = '', prefix = ''] = outer.split('/');
  const bits = (text: string): string =>
    text
      .split('.')
      .map((byte) => Number(byte).toString(2).padStart(8, '0'))
      .join('');
  const common = Number(prefix);
  return Number(length) > common && bits(address).slice(0, common) === bits(base).slice(0, common);
}
