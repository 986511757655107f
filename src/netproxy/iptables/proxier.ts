/** Services by iptables: informers → changed services → rules, applied in batches. */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { buildServicePorts } from '../model/service-model.js';
import type { ServicePort } from '../model/service-model.js';
import type { ServiceWatch } from '../model/service-watch.js';
import type { SyncObserver } from '../observation/proxy-metrics.js';
import { setSysctls } from '../sysctl.js';
import { IptablesApplier } from './applier.js';
import { baseChains, hooks, ownedByServices, sharedChains } from './base-rules.js';
import { forgetFlows, staleFlows } from './conntrack.js';
import { RuleSet } from './rule-set.js';
import type { RuleConfig } from './service-rules.js';
import { buildServiceRules } from './service-rules.js';

/** The dependencies of {@link IptablesProxier}. */
export interface ProxierOptions {
  readonly watch: ServiceWatch;
  readonly nodeName: string;
  readonly config: RuleConfig;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  /** @default nobody is told of syncs */
  readonly observer?: SyncObserver;
}

/** Keeps the rules of all Services in the kernel. */
export class IptablesProxier {
  readonly #options: ProxierOptions;
  readonly #rules: RuleSet;
  readonly #applier: IptablesApplier;
  readonly #changed = new Set<string>();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  #flows: string[][] = [];
  #end: (() => void) | undefined;

  constructor(options: ProxierOptions) {
    this.#options = options;
    this.#rules = newServiceRuleSet();
    this.#applier = new IptablesApplier({ ...options, rules: this.#rules });
    this.#applier.onBatch(() => this.#update());
  }

  /** Call when the informers are synced: rules of services not known yet would be removed. */
  async start(): Promise<void> {
    const { log, watch } = this.#options;
    await setSysctls({ 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/all/route_localnet': '1' }, log);
    this.#end = watch.onChange((key) => {
      this.#changed.add(key);
      this.#applier.request();
    });
    await this.#applier.applied();
    await this.#forget();
  }

  async stop(): Promise<void> {
    this.#end?.();
    await this.#applier.stop();
  }

  cleanUp(): Promise<void> {
    return this.#applier.cleanUp();
  }

  #update(): void {
    const { watch, nodeName, config } = this.#options;
    for (const key of this.#changed) {
      const service = watch.service(key);
      const ports =
        service === undefined
          ? []
          : buildServicePorts(service, watch.slicesOf(key), nodeName, watch.zone).filter(
              ({ clusterIp }) => !config.excludedIps.includes(clusterIp),
            );
      const before = new Map(this.#ports.get(key)?.map((port) => [ownerOf(port), port]));
      for (const port of ports) {
        const owner = ownerOf(port);
        this.#flows.push(...staleFlows(before.get(owner), port));
        before.delete(owner);
        this.#rules.set(owner, buildServiceRules(port, config));
      }
      for (const [owner, port] of before) {
        this.#flows.push(...staleFlows(port, undefined));
        this.#rules.set(owner, undefined);
      }
      if (ports.length === 0) this.#ports.delete(key);
      else this.#ports.set(key, ports);
    }
    this.#changed.clear();
    if (this.#flows.length > 0) {
      // Only after the rules are in the kernel: a flow that is forgotten earlier would be learnt anew.
      this.#applier.applied().then(
        () => this.#forget(),
        () => undefined,
      );
    }
  }

  async #forget(): Promise<void> {
    const flows = this.#flows;
    this.#flows = [];
    await forgetFlows(this.#options.run, flows);
  }
}

/** The layout of kube-proxy's chains, empty of services. */
export function newServiceRuleSet(): RuleSet {
  return new RuleSet({
    base: baseChains,
    shared: sharedChains,
    hooks,
    owns: (chain) => ownedByServices.test(chain),
  });
}

function ownerOf(port: ServicePort): string {
  return `${port.key}/${port.protocol}`;
}
