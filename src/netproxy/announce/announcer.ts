/**
 * Makes the addresses of load balancers that this node answers for its own: on loopback, from where the kernel answers
 * ARP on every link. Neighbours that knew another node are told, where `arping` is there; else they ask again when
 * that one no longer answers.
 *
 * The kernel takes an address away that has not been renewed for a while. Without a netproxy nobody else would: it
 * was killed, serves in another mode, or its node has left the cluster, and another node has the address by now.
 */
import { keyOf } from '../../api/facts/keys.js';
import { announcedAddresses } from '../../api/facts/load-balancers.js';
import type { Node } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { mustRun } from '../command.js';
import type { ServiceWatch } from '../model/service-watch.js';
import { addressesOfNode, isOtherwise } from './plan.js';

/** Tells our addresses on loopback from others after a restart. */
const label = 'lo:lb';
/** Changes are gathered for so long. */
const batchMs = 50;
const retryMs = 1000;
/** Kept for so long without us: enough for a restart, and for an agent to say that its netproxy is silent. */
const lifetimeSeconds = 60;
const renewMs = 15_000;
/** Addresses that neighbours are told of at once. */
const tellMax = 16;

/** The dependencies of {@link Announcer}. */
export interface AnnouncerOptions {
  readonly watch: ServiceWatch;
  readonly informers: InformerFactory;
  readonly nodeName: string;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the addresses of the pool that fall to this node. */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #nodes: Informer<Node>;
  readonly #ends: (() => void)[] = [];
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #cancelRenewal: (() => void) | undefined;
  /** What is on the link; undefined: it is to be looked at. */
  #present: ReadonlySet<string> | undefined;
  /** The Services with addresses when it was looked last. */
  #announced: ReadonlySet<string> = new Set();
  #isStopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#nodes = options.informers.informer<Node>(resources.nodes);
  }

  /** Call when services are known. */
  start(): void {
    const look = (): void => this.#request(batchMs);
    this.#ends.push(
      // Endpoints of other services come and go all the time.
      this.#options.watch.onChange((key) => {
        if (this.#announced.has(key) || this.#isAnnounced(key)) look();
      }),
      this.#nodes.onChange((change) => {
        // Most changes of nodes are signs of life.
        if (change.type !== 'update' || isOtherwise(change.old, change.object)) look();
      }),
    );
    look();
    this.#renewLater();
  }

  /** The addresses stay for a while, so that a restart is seen by nobody. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const end of this.#ends.splice(0)) end();
    this.#cancel?.();
    this.#cancelRenewal?.();
    await this.#running;
  }

  async cleanUp(): Promise<void> {
    await this.#remove(await this.#read());
  }

  #isAnnounced(key: string): boolean {
    const service = this.#options.watch.service(key);
    return service !== undefined && announcedAddresses(service).length > 0;
  }

  #renewLater(): void {
    this.#cancelRenewal = this.#options.clock.schedule(renewMs, () => {
      // Whatever others made of them meanwhile is seen as well.
      this.#present = undefined;
      this.#request(0);
      this.#renewLater();
    });
  }

  #request(delayMs: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      const before = this.#running ?? Promise.resolve();
      this.#running = before.then(() => this.#attempt());
    });
  }

  async #attempt(): Promise<void> {
    try {
      await this.#update();
    } catch (error) {
      const { log } = this.#options;
      log.warn({ error: errorMessage(error) }, 'addresses of load balancers; will try again');
      this.#request(retryMs);
    }
  }

  async #update(): Promise<void> {
    const { watch, nodeName, log } = this.#options;
    // Before all nodes are known every address would be ours.
    if (this.#isStopped) return;
    if (!this.#nodes.synced) return this.#request(batchMs);
    const services = watch.services
      .list()
      .filter((service) => announcedAddresses(service).length > 0)
      .map((service) => ({ service, slices: watch.slicesOf(keyOf(service)) }));
    this.#announced = new Set(services.map(({ service }) => keyOf(service)));
    const wanted = addressesOfNode(services, this.#nodes.list(), nodeName);
    const known = this.#present;
    this.#present = undefined;
    const present = known ?? new Set(await this.#read());
    await this.#remove([...present].filter((address) => !wanted.includes(address)));
    const added = wanted.filter((address) => !present.has(address));
    await this.#hold(known === undefined ? wanted : added);
    this.#present = new Set(wanted);
    for (const address of added)
      log.info({ address }, 'this node answers for the address of a load balancer');
    for (let at = 0; at < added.length; at += tellMax) {
      await Promise.all(added.slice(at, at + tellMax).map((address) => this.#tell(address)));
    }
  }

  async #read(): Promise<string[]> {
    const args = ['-o', '-4', 'addr', 'show', 'dev', 'lo', 'label', label];
    const text = await mustRun(this.#options.run, 'ip', args);
    return [...text.matchAll(/ inet ([\d.]+)\/32 /g)].map(([, address = '']) => address);
  }

  /** Adds them, or renews what is there. */
  async #hold(addresses: readonly string[]): Promise<void> {
    const time = `valid_lft ${lifetimeSeconds} preferred_lft ${lifetimeSeconds}`;
    await this.#batch(
      addresses.map((address) => `addr replace ${address}/32 dev lo label ${label} ${time}`),
    );
  }

  async #tell(address: string): Promise<void> {
    const { run } = this.#options;
    // By the link on which a neighbour of that address would be looked for.
    const route = await run('ip', ['-o', 'route', 'show', 'match', address, 'table', 'main']);
    const link = /(?:^|\n)(?!default)\S+.* dev (\S+)/.exec(route.stdout)?.[1];
    if (link === undefined) return;
    await run('arping', ['-U', '-c', '1', '-w', '1', '-I', link, address]);
  }

  async #remove(addresses: readonly string[]): Promise<void> {
    await this.#batch(addresses.map((address) => `addr del ${address}/32 dev lo`));
    for (const address of addresses)
      this.#options.log.info({ address }, 'this node no longer answers for the address');
  }

  async #batch(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await mustRun(this.#options.run, 'ip', ['-batch', '-'], { stdin: `${lines.join('\n')}\n` });
  }
}
