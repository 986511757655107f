/**
 * Makes the addresses of load balancers that this node answers for its own: on loopback, from where the kernel answers
 * ARP on every link. Neighbours that knew another node are told, where `arping` is there; else they ask again when
 * that one no longer answers.
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
import { addressesOfNode } from './plan.js';

/** Tells our addresses on loopback from others after a restart. */
const label = 'lo:lb';
/** Changes are gathered for so long. */
const batchMs = 50;
const retryMs = 1000;
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
  #present: ReadonlySet<string> | undefined;
  #isStopped = false;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#nodes = options.informers.informer<Node>(resources.nodes);
  }

  /** Call when services are known. */
  start(): void {
    const look = (): void => this.#request(batchMs);
    this.#ends.push(this.#options.watch.onChange(look), this.#nodes.onChange(look));
    look();
  }

  /** The addresses stay, so that a restart is seen by nobody. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const end of this.#ends.splice(0)) end();
    this.#cancel?.();
    await this.#running;
  }

  async cleanUp(): Promise<void> {
    for (const address of await this.#read()) await this.#remove(address);
  }

  #request(delayMs: number): void {
    if (this.#isStopped || this.#cancel !== undefined) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      const before = this.#running ?? Promise.resolve();
      this.#running = before.then(() => this.#update());
    });
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
    const wanted = new Set(addressesOfNode(services, this.#nodes.list(), nodeName));
    try {
      const present = this.#present ?? new Set(await this.#read());
      this.#present = undefined;
      for (const address of present) if (!wanted.has(address)) await this.#remove(address);
      const added = [...wanted].filter((address) => !present.has(address));
      for (const address of added) await this.#add(address);
      this.#present = wanted;
      for (let at = 0; at < added.length; at += tellMax) {
        await Promise.all(added.slice(at, at + tellMax).map((address) => this.#tell(address)));
      }
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'addresses of load balancers; will try again');
      this.#request(retryMs);
    }
  }

  async #read(): Promise<string[]> {
    const args = ['-o', '-4', 'addr', 'show', 'dev', 'lo', 'label', label];
    const text = await mustRun(this.#options.run, 'ip', args);
    return [...text.matchAll(/ inet ([\d.]+)\/32 /g)].map(([, address = '']) => address);
  }

  async #add(address: string): Promise<void> {
    const { run, log } = this.#options;
    const args = ['addr', 'replace', `${address}/32`, 'dev', 'lo', 'label', label];
    await mustRun(run, 'ip', args);
    log.info({ address }, 'this node answers for the address of a load balancer');
  }

  async #tell(address: string): Promise<void> {
    const { run } = this.#options;
    // By the link on which a neighbour of that address would be looked for.
    const route = await run('ip', ['-o', 'route', 'show', 'match', address, 'table', 'main']);
    const link = /(?:^|\n)(?!default)\S+.* dev (\S+)/.exec(route.stdout)?.[1];
    if (link === undefined) return;
    await run('arping', ['-U', '-c', '1', '-w', '1', '-I', link, address]);
  }

  async #remove(address: string): Promise<void> {
    const { run, log } = this.#options;
    await run('ip', ['addr', 'del', `${address}/32`, 'dev', 'lo']);
    log.info({ address }, 'this node no longer answers for the address of a load balancer');
  }
}
