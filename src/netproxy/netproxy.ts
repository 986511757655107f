/** Puts the parts together; see README.md for the order of start and stop. */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { Announcer } from './announce/announcer.js';
import { createRunner } from './command.js';
import type { RunCommand } from './command.js';
import { ClusterZone } from './dns/cluster-zone.js';
import { Forwarder } from './dns/forwarder.js';
import { Responder } from './dns/responder.js';
import { DnsServer } from './dns/server.js';
import { ingressAddress } from './ingress/bind-address.js';
import { IngressController } from './ingress/controller.js';
import { IngressStatus } from './ingress/status.js';
import { addLocalAddress, removeLocalAddress } from './local-address.js';
import { nameServerAddress } from './name-server-address.js';
import { PolicyController } from './policy/policy-controller.js';
import { ObservationPorts } from './observation/ports.js';
import { HealthChecks } from './model/health-check.js';
import { ServiceWatch } from './model/service-watch.js';
import { startServiceProxier } from './service-modes.js';
import type { NetproxyState } from '../api/facts/node-network.js';
import type { Node as NodeObject } from '../api/types/core.js';
import type { NetworkPolicy } from '../api/types/networking.js';
import { resources } from '../client/resources.js';
import { Prng } from '../lib/prng.js';
import { buildVersion } from '../lib/version.js';
import type {
  DnsOptions,
  HeldPod,
  IngressOptions,
  IsolatedPod,
  Netproxy,
  NetproxyOptions,
} from './types.js';

/** DNS waits this long for the names of the cluster before it listens (CoreDNS: 5 s). */
const dnsWaitMs = 5000;

/** A part that runs; `cleanUp` takes back what outlives `stop`. */
interface Part {
  stop(): Promise<void>;
  cleanUp?(): Promise<void>;
}

/** Starts at once; see `ready`. Needs root in the modes with rules in the kernel. */
export function startNetproxy(options: NetproxyOptions): Netproxy {
  return new Node(options);
}

class Node implements Netproxy {
  readonly ready: Promise<void>;
  readonly ports = { dns: 0, http: 0, https: 0 };
  readonly dnsAddress: string;
  readonly #options: NetproxyOptions;
  readonly #run: RunCommand;
  readonly #watch: ServiceWatch;
  readonly #parts: Part[] = [];
  readonly #stopping = new AbortController();
  readonly #observation: ObservationPorts;
  #policies: PolicyController | undefined;
  #responder: Responder | undefined;
  #dns: Part | undefined;
  #isUp = false;

  constructor(options: NetproxyOptions) {
    this.#options = options;
    this.#run = createRunner(options.clock);
    this.#watch = new ServiceWatch(options.informers, options.nodeName);
    this.dnsAddress = nameServerAddress(options).address;
    this.#observation = this.#observe(options);
    this.ready = this.#start().then(() => {
      this.#isUp = true;
    });
    // A caller that does not wait for `ready` finds the failure in the log.
    this.ready.catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) options.log.error({ error }, 'netproxy did not start');
    });
  }

  get observed(): Netproxy['observed'] {
    return this.#observation.ports;
  }

  /** The ports that tell of the proxy, before anything else works: why it does not is asked there. */
  #observe({
    observation = {},
    informers,
    nodeName,
    mode,
    clock,
    log,
  }: NetproxyOptions): ObservationPorts {
    const options = { ...observation, mode, clock, log: log.child({ part: 'observation' }) };
    if (observation.healthzAddress === undefined) {
      return new ObservationPorts({ ...options, node: () => undefined });
    }
    const fieldSelector = `metadata.name=${nodeName}`;
    const nodes = informers.informer<NodeObject>(resources.nodes, { fieldSelector });
    return new ObservationPorts({ ...options, node: () => nodes.get({ name: nodeName }) });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.ready.catch(() => undefined);
    this.#watch.stop();
    // While the ingress drains, names are still answered: what it cuts off is asked for again at another node.
    await Promise.all(this.#parts.filter((part) => part !== this.#dns).map((part) => part.stop()));
    await this.#dns?.stop();
  }

  async state(): Promise<NetproxyState> {
    const { mode } = this.#options;
    const state = this.#isUp ? this.#observation.state : 'starting';
    return { state, mode, build: buildVersion };
  }

  async isolate(pod: IsolatedPod): Promise<void> {
    await this.#policies?.isolate(pod);
  }

  adopt(pods: readonly HeldPod[]): void {
    this.#policies?.adopt(pods);
  }

  forget(podUid: string): void {
    this.#policies?.forget(podUid);
  }

  async cleanUp(): Promise<void> {
    for (const part of this.#parts) await part.cleanUp?.();
  }

  /**
   * Each part waits for what it needs itself, so that a resource which cannot be read holds up nothing but what
   * depends on it: services and DNS for services, policies for policies, the ingress for ingresses, TLS of one host
   * for one Secret.
   */
  async #start(): Promise<void> {
    const { informers, ingress, dns } = this.#options;
    const zone = new ClusterZone(
      this.#watch,
      informers,
      this.#options.clusterDomain ?? 'cluster.local',
    );
    const controller =
      ingress === false
        ? undefined
        : new IngressController({
            ...this.#options,
            ...ingress,
            bindAddress: this.#ingressAddress(ingress ?? {}),
            watch: this.#watch,
            resolveName: async (host) => this.#responder?.addresses(host),
          });
    this.#startPolicies();
    this.#parts.push(this.#observation);
    await this.#observation.start();
    const server = dns === false ? undefined : this.#prepareDns(zone, dns ?? {});
    // Rules and names first: the ingress asks for both. A stranger at the port of DNS does not keep it waiting.
    const ready = Promise.all([this.#startServices(), server]);
    await Promise.all([
      ready.then(() => controller && this.#startIngress(controller)),
      server?.then((one) => this.#startDns(one)),
    ]);
  }

  #ingressAddress(ingress: IngressOptions): string {
    return ingressAddress({ ...this.#options, ingress, isRoot: process.getuid?.() === 0 });
  }

  async #startIngress(controller: IngressController): Promise<void> {
    const { client } = this.#options;
    await controller.whenKnown(this.#stopping.signal);
    this.#parts.push(controller);
    Object.assign(this.ports, await controller.start(this.#stopping.signal));
    this.#stopping.signal.throwIfAborted();
    if (client === undefined) return;
    const status = new IngressStatus({ ...this.#options, client });
    this.#parts.push(status);
    status.start();
  }

  async #startServices(): Promise<void> {
    const { mode, nodeName, clock, log } = this.#options;
    if (mode === 'none') return;
    const observer = this.#observation.metrics;
    const ends = [
      this.#watch.services.onChange(() => observer.changed('service')),
      this.#watch.slices.onChange(() => observer.changed('endpoint')),
    ];
    this.#parts.push({ stop: async () => ends.forEach((end) => end()) });
    // Rules of services not known yet would be removed.
    await this.#watch.whenSynced(this.#stopping.signal);
    const own = log.child({ part: 'services' });
    const isHealthy = (): boolean => this.#observation.state === 'running';
    const checks = new HealthChecks(this.#watch, nodeName, own, isHealthy);
    this.#parts.push(checks);
    checks.start();
    await startServiceProxier(
      this.#options,
      {
        watch: this.#watch,
        // Served on this node itself, without rules.
        excludedIps: this.#options.dns === false ? [] : [this.dnsAddress],
        run: this.#run,
        clock,
        log: own,
        observer,
        signal: this.#stopping.signal,
      },
      (proxier) => this.#parts.push(proxier),
    );
    // Rules first: an address that is answered for leads to its service.
    if (mode !== 'userspace') this.#startAnnouncer();
  }

  #startAnnouncer(): void {
    const log = this.#options.log.child({ part: 'load-balancers' });
    const announcer = new Announcer({ ...this.#options, watch: this.#watch, run: this.#run, log });
    this.#parts.push(announcer);
    announcer.start();
  }

  /** Policies need the rules of the kernel, in whatever way services are served. */
  #startPolicies(): void {
    const { mode, clusterDns, dns } = this.#options;
    if (mode === 'none' || process.getuid?.() !== 0) {
      this.#tellUnenforced();
      return;
    }
    const resolver = dns === false ? undefined : clusterDns;
    this.#policies = new PolicyController({ ...this.#options, resolver, run: this.#run });
    this.#parts.push(this.#policies);
    this.#policies.start();
  }

  /** Warns of policies that this node does not enforce: their authors must not believe that they hold here. */
  #tellUnenforced(): void {
    const { informers, log } = this.#options;
    const end = informers.informer<NetworkPolicy>(resources.networkPolicies).onChange((change) => {
      if (change.type !== 'add') return;
      const { namespace, name } = change.object.metadata;
      log.warn({ namespace, policy: name }, 'network policies are not enforced on this node');
    });
    this.#parts.push({ stop: async () => end() });
  }

  /** From here on names are answered inside of this process. */
  async #prepareDns(zone: ClusterZone, dns: DnsOptions): Promise<DnsServer> {
    const { clock } = this.#options;
    const log = this.#options.log.child({ part: 'dns' });
    const { address, port, own } = nameServerAddress(this.#options);
    if (own) await addLocalAddress(this.#run, address);
    const upstreams = dns.upstreams ?? (await systemNameServers(address));
    // As CoreDNS: names of the cluster are waited for a little, then answered with SERVFAIL until they are known.
    await this.#waitAWhile((signal) => zone.whenSynced(signal));
    const prng = new Prng(clock.nowMs() ^ (process.pid << 8));
    const turn = (count: number): number => prng.below(count);
    const responder = new Responder(zone, new Forwarder({ upstreams, clock }), turn);
    this.#responder = responder;
    log.info({ address, port, upstreams }, 'DNS begins');
    return new DnsServer({ responder, address, port, clock, log });
  }

  async #startDns(server: DnsServer): Promise<void> {
    const { address, own } = nameServerAddress(this.#options);
    this.#dns = {
      stop: () => server.close(),
      cleanUp: async () => {
        if (own) await removeLocalAddress(this.#run, address);
      },
    };
    this.#parts.push(this.#dns);
    this.ports.dns = await server.listen(this.#stopping.signal);
    const log = this.#options.log.child({ part: 'dns' });
    log.info({ address, port: this.ports.dns }, 'DNS is listening');
  }

  async #waitAWhile(wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const late = new AbortController();
    const cancel = this.#options.clock.schedule(dnsWaitMs, () => late.abort());
    await wait(AbortSignal.any([late.signal, this.#stopping.signal])).catch(() => undefined);
    cancel();
    this.#stopping.signal.throwIfAborted();
  }
}

/** IPv4 name servers of the host, except ourselves. */
async function systemNameServers(own: string): Promise<string[]> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => isIPv4(address) && address !== own)
    .slice(0, 3);
}
