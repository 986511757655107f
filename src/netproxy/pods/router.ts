/** Keeps the kernel's routes to other nodes' pods as the Node objects want them. */
import type { Informer } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import type { Node } from '../../api/types/core.js';
import { PodNetworkError } from '../types.js';
import type { NodeRoute, RouteConfig } from './node-routes.js';
import {
  farEnd,
  planRoutes,
  routeProtocol,
  vxlanId,
  vxlanLink,
  vxlanPort,
  wantedRoutes,
} from './node-routes.js';

/** The dependencies of {@link Router}. */
export interface RouterOptions {
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly podCidr: string;
  readonly clusterCidr: string;
  readonly routing: 'auto' | 'direct' | 'vxlan';
  readonly mtu: number;
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
}

const batchMs = 20;
const retryMs = 2000;

/** Keeps routes to other nodes' pods in the kernel, as nodes come and go. */
export class Router {
  readonly #options: RouterOptions;
  #there = new Map<string, NodeRoute>();
  #config: RouteConfig | undefined;
  #vxlanUp = false;
  #unsubscribe: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** Applies the routes to the nodes known now, and from then on follows changes. */
  async start(): Promise<void> {
    const { nodes, nodeName, nodeIp, clusterCidr, routing, run } = this.#options;
    const nodeSubnet = await findSubnet(run, nodeIp);
    this.#config = { nodeName, routing, nodeSubnet, clusterCidr };
    await this.#dropStale();
    this.#unsubscribe = nodes.onChange(() => this.#request(batchMs));
    await this.#sync();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#cancel?.();
    await this.#running;
  }

  #request(delayMs: number): void {
    if (this.#cancel !== undefined || this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancel = undefined;
      this.#running = this.#running.then(() => this.#sync());
    });
  }

  async #sync(): Promise<void> {
    if (this.#config === undefined) return;
    const { nodes, run, log } = this.#options;
    const wanted = wantedRoutes(nodes.list(), this.#config);
    if (!this.#vxlanUp && [...wanted.values()].some(({ via }) => via === 'vxlan')) {
      await this.#makeVxlan();
    }
    const plan = planRoutes(this.#there, wanted);
    let failed = '';
    // -force goes on after a line that fails: entries may have gone with their link already.
    for (const [program, lines] of [
      ['bridge', plan.bridge],
      ['ip', plan.ip],
    ] as const) {
      if (lines.length === 0) continue;
      const result = await run(program, ['-force', '-batch', '-'], {
        stdin: `${lines.join('\n')}\n`,
      });
      if (result.code !== 0) failed += result.stderr;
    }
    this.#there = wanted;
    if (failed === '') return;
    log.warn({ reason: failed.slice(0, 500) }, 'not every route could be set; trying again');
    this.#there = new Map();
    this.#request(retryMs);
  }

  /** Routes that an earlier process made are forgotten, except those that are still wanted. */
  async #dropStale(): Promise<void> {
    const { nodes, run } = this.#options;
    if (this.#config === undefined) return;
    const wanted = wantedRoutes(nodes.list(), this.#config);
    const listed = await run('ip', ['-j', 'route', 'show', 'proto', routeProtocol]);
    const routes = parseJsonList<{ dst?: string }>(listed.stdout);
    const stale = routes.flatMap(({ dst }) =>
      dst === undefined || wanted.has(dst) ? [] : [`route del ${dst} proto ${routeProtocol}`],
    );
    if (stale.length === 0) return;
    await run('ip', ['-force', '-batch', '-'], { stdin: `${stale.join('\n')}\n` });
  }

  async #makeVxlan(): Promise<void> {
    const { podCidr, nodeIp, mtu, run } = this.#options;
    const own = farEnd(podCidr);
    await run('ip', ['link', 'del', vxlanLink]);
    const lines = [
      `link add ${vxlanLink} address ${own.mac} mtu ${mtu} type vxlan id ${vxlanId} local ${nodeIp} dstport ${vxlanPort} nolearning`,
      `addr replace ${own.address}/32 dev ${vxlanLink}`,
      `link set ${vxlanLink} up`,
    ];
    const made = await run('ip', ['-batch', '-'], { stdin: `${lines.join('\n')}\n` });
    if (made.code !== 0) throw new PodNetworkError('CommandFailed', `vxlan: ${made.stderr}`);
    this.#vxlanUp = true;
  }
}

/** The subnet in which `address` was given to an interface; the address alone when it is not found. */
export async function findSubnet(run: RunCommand, address: string): Promise<string> {
  const listed = await run('ip', ['-j', '-4', 'addr', 'show']);
  interface Link {
    readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
  }
  for (const link of parseJsonList<Link>(listed.stdout)) {
    for (const { local, prefixlen } of link.addr_info ?? []) {
      if (local === address && prefixlen !== undefined) return `${address}/${prefixlen}`;
    }
  }
  return `${address}/32`;
}

/** `ip -j` prints nothing at all for an empty list. */
export function parseJsonList<T>(text: string): T[] {
  try {
    return JSON.parse(text) as T[];
  } catch {
    return [];
  }
}
