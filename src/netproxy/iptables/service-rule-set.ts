import type { RuleConfig } from '../kernel/rule-config.js';
import type { ServiceRules } from '../kernel/service-proxier.js';
import type { ServicePort } from '../model/service-model.js';
import { baseChains, hooks, ownedByServices, sharedChains } from './base-rules.js';
import { RuleSet } from './rule-set.js';
import { buildServiceRules } from './service-rules.js';

/** The rules of services in kube-proxy's chains. */
export class IptablesServiceRules extends RuleSet implements ServiceRules {
  readonly #config: RuleConfig;

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
    this.set(owner, port && buildServiceRules(port, this.#config));
  }
}
