/** Keeps this node's policy rules. All pods are watched only from the first NetworkPolicy on: most clusters have none. */
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { IptablesApplier } from '../iptables/applier.js';
import { comment } from '../iptables/rule.js';
import { RuleSet } from '../iptables/rule-set.js';
import type { Namespace, NetworkPolicy, Pod } from '../objects.js';
import { resources } from '../objects.js';
import { buildPolicyRules, ownedByPolicies, policyChain } from './policy-rules.js';

export interface PolicyControllerOptions {
  readonly informers: InformerFactory;
  readonly nodeName: string;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Sources {
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
}

export class PolicyController {
  readonly #options: PolicyControllerOptions;
  readonly #policies: Informer<NetworkPolicy>;
  readonly #rules = new RuleSet({
    base: new Map(),
    shared: new Map([[policyChain, []]]),
    hooks: [
      {
        chain: 'filter/FORWARD',
        rule: `-m conntrack --ctstate NEW ${comment('trireme network policies')} -j TRIREME-POLICY`,
      },
    ],
    owns: (chain) => ownedByPolicies.test(chain),
  });
  readonly #applier: IptablesApplier;
  readonly #ends: (() => void)[] = [];
  #sources: Sources | undefined;
  #synced = false;

  constructor(options: PolicyControllerOptions) {
    this.#options = options;
    this.#policies = options.informers.informer<NetworkPolicy>(resources.networkPolicies);
    this.#applier = new IptablesApplier({ ...options, rules: this.#rules });
    this.#applier.onBatch(() => this.#update());
  }

  /** Does not wait: until the first policy is known there is nothing to enforce. */
  start(): void {
    this.#ends.push(this.#policies.onChange(() => this.#begin()));
  }

  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await this.#applier.stop();
  }

  cleanUp(): Promise<void> {
    return this.#applier.cleanUp();
  }

  #begin(): void {
    if (this.#sources === undefined) {
      const { informers } = this.#options;
      const pods = informers.informer<Pod>(resources.pods);
      const namespaces = informers.informer<Namespace>(resources.namespaces);
      this.#sources = { pods, namespaces };
      const request = (): void => {
        if (this.#synced) this.#applier.request();
      };
      this.#ends.push(pods.onChange(request), namespaces.onChange(request));
      // A half-known cluster would close what policies allow, and open what an earlier process closed.
      informers.waitForSync().then(
        () => {
          this.#synced = true;
          request();
        },
        () => this.#options.log.warn({}, 'stopped before network policies were known'),
      );
    }
    if (this.#synced) this.#applier.request();
  }

  #update(): void {
    const { pods, namespaces } = this.#sources ?? {};
    if (pods === undefined || namespaces === undefined) return;
    const wanted = buildPolicyRules({
      nodeName: this.#options.nodeName,
      policies: this.#policies.list(),
      pods: pods.list(),
      namespaces: namespaces.list(),
    });
    for (const owner of this.#rules.owners()) {
      if (!wanted.has(owner)) this.#rules.set(owner, undefined);
    }
    for (const [owner, rules] of wanted) this.#rules.set(owner, rules);
  }
}
