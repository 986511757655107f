/** Services by rules of the kernel: informers → changed services → rules, applied in batches. */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { buildServicePorts } from '../model/service-model.js';
import type { ServicePort } from '../model/service-model.js';
import type { ServiceWatch } from '../model/service-watch.js';
import type { SyncObserver } from '../observation/proxy-metrics.js';
import { forgetFlows, staleFlows } from './conntrack.js';
import { RuleApplier } from './rule-applier.js';
import type { Kernel, KernelRules } from './rule-applier.js';

/** Rules of services in one language of the kernel's. */
export interface ServiceRules extends KernelRules {
  /** What the port wants; undefined: nothing any more. @param owner unique among ports */
  setPort(owner: string, port: ServicePort | undefined): void;
}

/** The dependencies of {@link ServiceProxier}. */
export interface ServiceProxierOptions {
  readonly watch: ServiceWatch;
  readonly nodeName: string;
  readonly rules: ServiceRules;
  readonly kernel: Kernel;
  /** ClusterIPs that the node serves itself: their services get no rules. */
  readonly excludedIps: readonly string[];
  /** For `conntrack`. */
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  /** @default nobody is told of syncs */
  readonly observer?: SyncObserver;
}

/** Keeps the rules of all Services in the kernel. */
export class ServiceProxier {
  readonly #options: ServiceProxierOptions;
  readonly #applier: RuleApplier;
  readonly #changed = new Set<string>();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  #flows: string[][] = [];
  #end: (() => void) | undefined;

  constructor(options: ServiceProxierOptions) {
    this.#options = options;
    this.#applier = new RuleApplier(options);
    this.#applier.onBatch(() => this.#update());
  }

  /** Call when the informers are synced: rules of services not known yet would be removed. */
  async start(): Promise<void> {
    this.#end = this.#options.watch.onChange((key) => {
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
    const { watch, nodeName, rules, excludedIps } = this.#options;
    for (const key of this.#changed) {
      const service = watch.service(key);
      const ports =
        service === undefined
          ? []
          : buildServicePorts(service, watch.slicesOf(key), nodeName, watch.zone).filter(
              ({ clusterIp }) => !excludedIps.includes(clusterIp),
            );
      const before = new Map(this.#ports.get(key)?.map((port) => [ownerOf(port), port]));
      for (const port of ports) {
        const owner = ownerOf(port);
        this.#flows.push(...staleFlows(before.get(owner), port));
        before.delete(owner);
        rules.setPort(owner, port);
      }
      for (const [owner, port] of before) {
        this.#flows.push(...staleFlows(port, undefined));
        rules.setPort(owner, undefined);
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

/** The name of a port, which is unique among all services. */
function ownerOf(port: ServicePort): string {
  return `${port.key}/${port.protocol}`;
}
