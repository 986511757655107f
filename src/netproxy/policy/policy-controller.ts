/**
 * Keeps this node's policy rules. All pods are watched only from the first NetworkPolicy on: most clusters have none.
 *
 * Fails closed. Rules of an earlier process stay until all is known that makes new ones; a pod that is to start waits
 * for the rules of the policies that select it, and does not start while they are not known or cannot be written
 * (Kubernetes: a new pod is isolated before it runs; Calico drops what comes from a pod without rules).
 */
import { compileSelector } from '../../api/facts/selectors.js';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { iptablesKernel } from '../iptables/kernel.js';
import { comment } from '../iptables/rule.js';
import { RuleSet } from '../iptables/rule-set.js';
import { RuleApplier } from '../kernel/rule-applier.js';
import type { Namespace, Pod } from '../../api/types/core.js';
import type { NetworkPolicy } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';
import type { HeldPod, IsolatedPod, PodIsolation } from '../types.js';
import { resolverPod, withHeld } from './local-pods.js';
import { buildPolicyRules, newPolicyRuleSet } from './policy-rules.js';

/** The dependencies and settings of {@link PolicyController}. */
export interface PolicyControllerOptions {
  readonly informers: InformerFactory;
  readonly nodeName: string;
  /** Of the node's name server. */
  readonly resolver?: string | undefined;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Sources {
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
}

/** A pod's start fails, and is tried again, when its policies are not in force within this time. */
const isolateMs = 10_000;

/** Keeps the rules of this node's network policies in the kernel; see the head of this file. */
export class PolicyController implements PodIsolation {
  readonly #options: PolicyControllerOptions;
  readonly #policies: Informer<NetworkPolicy>;
  readonly #rules = newPolicyRuleSet();
  readonly #applier: RuleApplier;
  readonly #ends: (() => void)[] = [];
  readonly #held = new Map<string, HeldPod>();
  readonly #stopping = new AbortController();
  #sources: Sources | undefined;
  /** Everything is known that rules are made of. */
  #known = false;

  constructor(options: PolicyControllerOptions) {
    this.#options = options;
    this.#policies = options.informers.informer<NetworkPolicy>(resources.networkPolicies);
    this.#applier = new RuleApplier({
      ...options,
      rules: this.#rules,
      kernel: iptablesKernel(options.run),
    });
    this.#applier.onBatch(() => this.#update());
  }

  /** Does not wait; see `isolate`. */
  start(): void {
    this.#run().catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      this.#options.log.error({ error }, 'network policies could not be applied');
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const end of this.#ends.splice(0)) end();
    await this.#applier.stop();
  }

  cleanUp(): Promise<void> {
    return this.#applier.cleanUp();
  }

  async isolate(pod: IsolatedPod): Promise<void> {
    this.#held.set(pod.podUid, pod);
    const { clock } = this.#options;
    const late = new AbortController();
    const cancel = clock.schedule(isolateMs, () => late.abort());
    try {
      await this.#policies.whenSynced(late.signal);
      const selected = this.#policies
        .list(pod.namespace)
        .some(({ spec }) => compileSelector(spec.podSelector ?? {})(pod.labels));
      if (!selected) {
        if (this.#known && this.#sources !== undefined) this.#applier.request();
        return;
      }
      await this.#whenKnown(this.#follow(), late.signal);
      await Promise.race([this.#applier.applied(), this.#whenLate(late.signal)]);
    } finally {
      cancel();
      late.abort();
    }
  }

  adopt(pods: readonly HeldPod[]): void {
    for (const pod of pods) this.#held.set(pod.podUid, pod);
    if (pods.length > 0 && this.#known && this.#sources !== undefined) this.#applier.request();
  }

  forget(podUid: string): void {
    if (this.#held.delete(podUid) && this.#known) this.#applier.request();
  }

  async #whenLate(signal: AbortSignal): Promise<never> {
    await delay(this.#options.clock, 2 * isolateMs, signal);
    throw new Error('their rules could not be written in time');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    await this.#policies.whenSynced(signal);
    if (this.#policies.list().length === 0) this.#known = true;
    this.#ends.push(this.#policies.onChange(() => this.#begin()));
    if (this.#sources !== undefined) await this.#whenKnown(this.#sources, signal);
    // With nothing to enforce too: what an earlier process left is taken back.
    await this.#applier.applied();
    await this.#retire();
  }

  #begin(): void {
    if (this.#sources === undefined) this.#follow();
    else if (this.#known) this.#applier.request();
  }

  #follow(): Sources {
    if (this.#sources !== undefined) return this.#sources;
    const { informers } = this.#options;
    const pods = informers.informer<Pod>(resources.pods);
    const namespaces = informers.informer<Namespace>(resources.namespaces);
    const sources = { pods, namespaces };
    this.#sources = sources;
    this.#known = false;
    const request = (): void => {
      if (this.#known) this.#applier.request();
    };
    this.#ends.push(pods.onChange(request), namespaces.onChange(request));
    this.#whenKnown(sources, this.#stopping.signal).then(request, () => undefined);
    return sources;
  }

  /** A half-known cluster would close what policies allow, and open what an earlier process closed. */
  async #whenKnown({ pods, namespaces }: Sources, signal: AbortSignal): Promise<void> {
    await Promise.all([pods.whenSynced(signal), namespaces.whenSynced(signal)]);
    this.#known = true;
  }

  #update(): void {
    // An application that was under way when the first policy came: it knows of no pods.
    if (!this.#known) return;
    const { nodeName, resolver } = this.#options;
    const pods = withHeld(this.#sources?.pods.list() ?? [], this.#held.values(), nodeName);
    const wanted = buildPolicyRules({
      nodeName,
      policies: this.#policies.list(),
      pods: resolver === undefined ? pods : [...pods, resolverPod(resolver)],
      namespaces: this.#sources?.namespaces.list() ?? [],
    });
    for (const owner of this.#rules.owners()) {
      if (!wanted.has(owner)) this.#rules.set(owner, undefined);
    }
    for (const [owner, rules] of wanted) this.#rules.set(owner, rules);
  }

  /** Takes back the rules of versions that kept them in the filter table, once there are others. */
  async #retire(): Promise<void> {
    const { run, clock, log } = this.#options;
    const hook = `-m conntrack --ctstate NEW ${comment('trireme network policies')} -j TRIREME-POLICY`;
    const rules = new RuleSet({
      base: new Map(),
      shared: new Map([['filter/TRIREME-POLICY', []]]),
      hooks: [{ chain: 'filter/FORWARD', rule: hook }],
      owns: (chain) => /^KUBE-(?:PIN|POUT)-[A-Z2-7]{16}$/.test(chain),
    });
    const old = new RuleApplier({ rules, kernel: iptablesKernel(run), clock, log });
    await old.cleanUp().catch((error: unknown) => {
      log.warn({ error }, 'policy rules of an earlier version could not be removed');
    });
    await old.stop();
  }
}
