import type { RuleConfig } from '../kernel/rule-config.js';
import type { ServiceRules } from '../kernel/service-proxier.js';
import type { ServicePort } from '../model/service-model.js';
import { baseChains, hooks, ownedByServices, sharedChains } from './base-rules.js';
import { RuleSet } from './rule-set.js';
import { buildServiceRules } from './service-rules.js';

/** With more endpoints than this, chains of services have no comments; kube-proxy's bound. */
const commentedEndpointsMax = 1000;

/** The rules of services in kube-proxy's chains. */
export class IptablesServiceRules extends RuleSet implements ServiceRules {
  readonly #config: RuleConfig;
  readonly #ports = new Map<string, ServicePort>();
  #endpoints = 0;
  /** Comments are a third of the time that a load takes. */
  #isLarge = false;

  constructor(config: RuleConfig) {
    super({
      base: baseChains,
      shared: sharedChains,
      hooks,
      owns: (chain) => ownedByServices.test(chain),
    });
    this.#config = config;
  }

  setPort(owner: string, port: ServicePort | undefined): void {
    this.#endpoints += (port?.cluster.length ?? 0) - (this.#ports.get(owner)?.cluster.length ?? 0);
    if (port === undefined) this.#ports.delete(owner);
    else this.#ports.set(owner, port);
    // Back only at the half, so that one endpoint that comes and goes does not rewrite everything each time.
    const isLarge = this.#endpoints > commentedEndpointsMax / (this.#isLarge ? 2 : 1);
    if (isLarge !== this.#isLarge) {
      this.#isLarge = isLarge;
      for (const [name, other] of this.#ports) this.#build(name, other);
    }
    this.#build(owner, port);
  }

  #build(owner: string, port: ServicePort | undefined): void {
    const hasComments = !this.#isLarge;
    this.set(owner, port && buildServiceRules(port, this.#config, hasComments));
  }
}
