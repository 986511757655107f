/**
 * Tells in `status.loadBalancer` of our ingresses where they are reached: the addresses of all ready nodes. Every node
 * computes the same; the first in the order of names writes at once, each further one waits longer and writes only what
 * is still missing then, so that no election is needed and a dead node does not matter.
 */
import type { ApiClient, Informer, InformerFactory } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Node } from '../../api/types/core.js';
import type { Ingress, IngressClass } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';
import { nodeAddress } from '../pods/node-routes.js';
import { isOurs } from './route-table.js';

/** The dependencies of {@link IngressStatus}. */
export interface IngressStatusOptions {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const firstMs = 100;
const rankMs = 1000;

/** Writes the nodes' addresses into the status of ingresses; see the head of this file. */
export class IngressStatus {
  readonly #options: IngressStatusOptions;
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  readonly #nodes: Informer<Node>;
  readonly #stopping = new AbortController();
  #ends: (() => void)[] = [];
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: IngressStatusOptions) {
    this.#options = options;
    this.#ingresses = options.informers.informer<Ingress>(resources.ingresses);
    this.#classes = options.informers.informer<IngressClass>(resources.ingressClasses);
    this.#nodes = options.informers.informer<Node>(resources.nodes);
  }

  /** Writes once all is known: without classes every Ingress would look like ours, without nodes out of reach. */
  start(): void {
    const { signal } = this.#stopping;
    const informers = [this.#ingresses, this.#classes, this.#nodes];
    const follow = (): void => {
      this.#ends = informers.map((informer) => informer.onChange(() => this.#request()));
    };
    void Promise.all(informers.map((informer) => informer.whenSynced(signal))).then(
      follow,
      () => undefined,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const end of this.#ends.splice(0)) end();
    this.#cancel?.();
    await this.#running;
  }

  #request(): void {
    if (this.#cancel !== undefined) return;
    const names = readyNodes(this.#nodes.list()).map(({ metadata }) => metadata.name);
    const rank = names.indexOf(this.#options.nodeName);
    const delayMs = firstMs + (rank === -1 ? names.length : rank) * rankMs;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      this.#running = this.#running.then(() => this.#write());
    });
  }

  async #write(): Promise<void> {
    const { client, log } = this.#options;
    const classes = this.#classes.list();
    const addresses = readyNodes(this.#nodes.list()).flatMap((node) => nodeAddress(node) ?? []);
    const wanted = [...new Set(addresses)].map((ip) => ({ ip }));
    for (const ingress of this.#ingresses.list()) {
      if (!isOurs(ingress, classes)) continue;
      const there = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '');
      if (there.join() === wanted.map(({ ip }) => ip).join()) continue;
      try {
        await client.patch(
          resources.ingresses,
          ingress.metadata,
          'application/merge-patch+json',
          { status: { loadBalancer: { ingress: wanted } } },
          { subresource: 'status' },
        );
      } catch (error) {
        if (isApiError(error, 'NotFound')) continue;
        log.warn(
          { ingress: ingress.metadata.name, error },
          'the status of an Ingress could not be written',
        );
        this.#request();
        return;
      }
    }
  }
}

/** By name. A node whose conditions do not say otherwise counts as ready. */
function readyNodes(nodes: readonly Node[]): Node[] {
  return nodes
    .filter(({ status }) => status?.conditions?.some(isNotReady) !== true)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

function isNotReady(condition: { readonly type: string; readonly status: string }): boolean {
  return condition.type === 'Ready' && condition.status !== 'True';
}
