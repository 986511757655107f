/**
 * Services by connections of our own. Node ports are listened at on every address. ClusterIPs and external ones need
 * root: the address is given to the node's loopback, which pods of this node reach as well.
 */
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { addLocalAddress, removeLocalAddress } from '../local-address.js';
import { buildServicePorts } from '../model/service-model.js';
import type { ServicePort } from '../model/service-model.js';
import type { ServiceWatch } from '../model/service-watch.js';
import type { SyncObserver } from '../observation/proxy-metrics.js';
import { Balancer } from './balancer.js';
import type { Traffic } from './listeners.js';
import { endpointsFor, listenersOf } from './listeners.js';
import { TcpProxy } from './tcp-proxy.js';
import { UdpProxy } from './udp-proxy.js';

/** The dependencies of {@link UserspaceProxier}. */
export interface UserspaceOptions {
  readonly watch: ServiceWatch;
  readonly nodeName: string;
  readonly excludedIps: readonly string[];
  /** True when addresses may be added to this node. */
  readonly root: boolean;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  /** @default nobody is told of syncs */
  readonly observer?: SyncObserver;
}

interface Listener {
  readonly proxy: TcpProxy | UdpProxy;
  readonly address: string;
}

const batchMs = 10;

/** Serves all Services by connections of our own; see the head of this file. */
export class UserspaceProxier {
  readonly #options: UserspaceOptions;
  readonly #changed = new Set<string>();
  readonly #ports = new Map<string, Map<string, ServicePort>>();
  readonly #balancers = new Map<string, Readonly<Record<Traffic, Balancer>>>();
  /** By "protocol address:port", with the service port that uses it. */
  readonly #listeners = new Map<string, Listener & { readonly owner: string }>();
  readonly #addresses = new Set<string>();
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #end: (() => void) | undefined;

  constructor(options: UserspaceOptions) {
    this.#options = options;
  }

  /** Resolves when everything known now is listened at. */
  async start(): Promise<void> {
    this.#end = this.#options.watch.onChange((key) => {
      this.#changed.add(key);
      this.#options.observer?.queued();
      this.#cancel ??= this.#options.clock.schedule(batchMs, () => {
        this.#cancel = undefined;
        this.#running = this.#running.then(() => this.#update());
      });
    });
    this.#running = this.#running.then(() => this.#update());
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#end?.();
    this.#cancel?.();
    await this.#running;
    await Promise.all([...this.#listeners.values()].map(({ proxy }) => proxy.close()));
    this.#listeners.clear();
  }

  async cleanUp(): Promise<void> {
    for (const address of this.#addresses) await removeLocalAddress(this.#options.run, address);
    this.#addresses.clear();
  }

  async #update(): Promise<void> {
    const { watch, nodeName, excludedIps, log, clock, observer } = this.#options;
    const beganMs = clock.monotonicMs();
    observer?.began();
    const keys = [...this.#changed];
    this.#changed.clear();
    for (const key of keys) {
      const service = watch.service(key);
      const built =
        service === undefined
          ? []
          : buildServicePorts(service, watch.slicesOf(key), nodeName, watch.zone);
      const ports = built.filter(({ clusterIp }) => !excludedIps.includes(clusterIp));
      const wanted = new Map(ports.map((port) => [`${port.key}/${port.protocol}`, port]));
      for (const owner of this.#ports.get(key)?.keys() ?? []) {
        if (wanted.has(owner)) continue;
        await this.#drop(owner, new Set());
        this.#balancers.delete(owner);
      }
      for (const [owner, port] of wanted) {
        await this.#serve(owner, port).catch((error: unknown) =>
          log.warn({ error, service: owner }, 'a service port cannot be served'),
        );
      }
      if (wanted.size === 0) this.#ports.delete(key);
      else this.#ports.set(key, wanted);
    }
    observer?.synced(clock.monotonicMs() - beganMs);
  }

  async #serve(owner: string, port: ServicePort): Promise<void> {
    const { clock, root, run } = this.#options;
    const balancers = this.#balancers.get(owner) ?? {
      internal: new Balancer(),
      external: new Balancer(),
    };
    this.#balancers.set(owner, balancers);
    for (const traffic of ['internal', 'external'] as const) {
      balancers[traffic].update(endpointsFor(port, traffic), port.affinitySeconds);
    }
    const wanted = listenersOf(port, root);
    await this.#drop(owner, new Set(wanted.map(({ id }) => id)));
    for (const { id, host, port: number, isServiceAddress, traffic } of wanted) {
      if (this.#listeners.has(id)) continue;
      if (isServiceAddress) {
        await addLocalAddress(run, host);
        this.#addresses.add(host);
      }
      const balancer = balancers[traffic];
      const proxy =
        port.protocol === 'TCP' ? new TcpProxy(balancer, clock) : new UdpProxy(balancer, clock);
      await proxy.listen(host, number);
      this.#listeners.set(id, { proxy, address: host, owner });
    }
  }

  /** Ends what `owner` listens at, but for the ids to keep; an address that nobody uses any more is given back. */
  async #drop(owner: string, keep: ReadonlySet<string>): Promise<void> {
    for (const [id, listener] of this.#listeners) {
      if (listener.owner !== owner || keep.has(id)) continue;
      this.#listeners.delete(id);
      await listener.proxy.close();
      const used = [...this.#listeners.values()].some(
        ({ address }) => address === listener.address,
      );
      if (!used && this.#addresses.delete(listener.address)) {
        await removeLocalAddress(this.#options.run, listener.address);
      }
    }
  }
}
