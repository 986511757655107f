/**
 * A cluster's pods, namespaces and network policies from a few words of YAML, and the rules that a node makes of
 * them.
 */
import type { Namespace, Pod } from '../../api/types/core.js';
import type { NetworkPolicy } from '../../api/types/networking.js';
import { buildPolicyRules, newPolicyRuleSet } from '../policy/policy-rules.js';

/** A change of the cluster; null removes. Pods and policies by "namespace/name". */
export interface PolicyChange {
  /** By name: labels, besides the one of its name that every namespace has. */
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>> | null>>;
  readonly pods?: Readonly<Record<string, PodFields | null>>;
  readonly policies?: Readonly<Record<string, NetworkPolicy['spec'] | null>>;
}

interface PodFields {
  /** "ADDRESS NODE", and perhaps "hostNetwork". */
  readonly at: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Named container ports over TCP. */
  readonly ports?: Readonly<Record<string, number>>;
}

function metadataOf(key: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

function podOf(key: string, { at, labels = {}, ports = {} }: PodFields): Pod {
  const [podIP = '', nodeName = '', network] = at.split(' ');
  const containerPorts = Object.entries(ports).map(([name, containerPort]) => ({
    name,
    containerPort,
  }));
  return {
    metadata: { ...metadataOf(key), labels: { ...labels } },
    spec: {
      nodeName,
      hostNetwork: network === 'hostNetwork',
      containers: [{ name: 'app', ports: containerPorts }],
    },
    status: { podIP },
  };
}

/** Node n1's view of the policies of a cluster that changes. */
export class PolicyCluster {
  readonly #namespaces = new Map<string, Namespace>();
  readonly #pods = new Map<string, Pod>();
  readonly #policies = new Map<string, NetworkPolicy>();
  readonly #rules = newPolicyRuleSet();

  /** Takes the change, and says what goes to `iptables-restore --noflush`. */
  apply(change: PolicyChange): string {
    for (const [name, labels] of Object.entries(change.namespaces ?? {})) {
      if (labels === null) this.#namespaces.delete(name);
      else {
        const all = { ...labels, 'kubernetes.io/metadata.name': name };
        this.#namespaces.set(name, { metadata: { name, labels: all }, spec: {} });
      }
    }
    for (const [key, fields] of Object.entries(change.pods ?? {})) {
      if (fields === null) this.#pods.delete(key);
      else this.#pods.set(key, podOf(key, fields));
    }
    for (const [key, spec] of Object.entries(change.policies ?? {})) {
      if (spec === null) this.#policies.delete(key);
      else this.#policies.set(key, { metadata: metadataOf(key), spec });
    }
    const wanted = buildPolicyRules({
      nodeName: 'n1',
      policies: [...this.#policies.values()],
      pods: [...this.#pods.values()],
      namespaces: [...this.#namespaces.values()],
    });
    for (const owner of this.#rules.owners()) {
      if (!wanted.has(owner)) this.#rules.set(owner, undefined);
    }
    for (const [owner, rules] of wanted) this.#rules.set(owner, rules);
    const plan = this.#rules.plan();
    this.#rules.commit();
    return plan;
  }

  /** Returns the input that would still be sent to a kernel with these rules, as `iptables-save` prints them. */
  difference(saved: string): string {
    this.#rules.observe(saved);
    return this.#rules.plan();
  }
}
