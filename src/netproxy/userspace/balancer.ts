/** Chooses endpoints in turn, with ClientIP affinity. Pure but for the time that is handed in. */
import type { Endpoint } from '../model/service-model.js';

/** Clients remembered per service port; the one that was quiet longest is forgotten first. */
const clientsMax = 10_000;

interface Sticky {
  readonly address: string;
  readonly untilMs: number;
}

/** The endpoints of one service port, and which client was served by which. */
export class Balancer {
  #endpoints: readonly Endpoint[] = [];
  #affinityMs = 0;
  #turn = 0;
  readonly #clients = new Map<string, Sticky>();

  /** @param affinitySeconds how long a client stays with its endpoint after it was served; 0: it does not */
  update(endpoints: readonly Endpoint[], affinitySeconds: number): void {
    this.#endpoints = endpoints;
    this.#affinityMs = affinitySeconds * 1000;
    const there = new Set(this.#endpoints.map(addressOf));
    for (const [client, { address }] of this.#clients) {
      if (!there.has(address)) this.#clients.delete(client);
    }
  }

  /** Endpoints in the order in which to try them; [] when there are none. */
  order(client: string, nowMs: number): readonly Endpoint[] {
    const count = this.#endpoints.length;
    if (count === 0) return [];
    const sticky = this.#clients.get(client);
    const held =
      sticky !== undefined && sticky.untilMs > nowMs
        ? this.#endpoints.findIndex((endpoint) => addressOf(endpoint) === sticky.address)
        : -1;
    const first = held === -1 ? this.#turn++ % count : held;
    return [...this.#endpoints.slice(first), ...this.#endpoints.slice(0, first)];
  }

  /** The client was served by this endpoint. */
  served(client: string, endpoint: Endpoint, nowMs: number): void {
    if (this.#affinityMs === 0) return;
    this.#clients.delete(client);
    if (this.#clients.size >= clientsMax) {
      const [oldest] = this.#clients.keys();
      if (oldest !== undefined) this.#clients.delete(oldest);
    }
    const untilMs = nowMs + this.#affinityMs;
    this.#clients.set(client, { address: addressOf(endpoint), untilMs });
  }
}

/** "address:port" */
function addressOf(endpoint: Endpoint): string {
  return `${endpoint.ip}:${endpoint.port}`;
}
