/**
 * Connections to endpoints, and how much each may be asked at once.
 *
 * By `node:http`, not undici (weighed, 7.x): both read answers by the same strict parser, but undici breaks an
 * upgrade off that is answered by anything but 101, where a client must see the 401 or 404, and does not tell whether
 * anything of a request was sent, on which the choice to try another endpoint depends.
 */
import { Agent } from 'node:http';
import type { Target } from './backends.js';
import { Http2Sessions } from './http2-sessions.js';
import { upstreamLimits } from './limits.js';
import type { ResolveName } from './upstream-address.js';
import { connectOptions } from './upstream-address.js';

/** The connections to backends, kept and used again, within bounds. */
export class Upstreams {
  readonly agent = new Agent({
    keepAlive: true,
    maxSockets: upstreamLimits.sockets,
    maxFreeSockets: upstreamLimits.idle,
    timeout: upstreamLimits.idleMs,
    scheduling: 'lifo',
  });
  readonly http2: Http2Sessions;
  readonly #resolveName: ResolveName;
  readonly #requests = new Map<string, number>();
  #total = 0;

  /** @param resolveName for names of the cluster. @default the system resolves all */
  constructor(resolveName: ResolveName = async () => undefined) {
    this.#resolveName = resolveName;
    this.http2 = new Http2Sessions((target) => this.connectOptions(target));
  }

  /** Returns the options of a connection to a target; undefined for one that must not be connected to. */
  connectOptions(target: Target): ReturnType<typeof connectOptions> {
    return connectOptions(target, this.#resolveName);
  }

  /** A place for one request. @returns a function that gives it back; undefined: too much is under way there */
  take(target: Target): (() => void) | undefined {
    const key = `${target.host}:${target.port}`;
    const count = this.#requests.get(key) ?? 0;
    if (count >= upstreamLimits.requestsPerTarget || this.#total >= upstreamLimits.requests) {
      return undefined;
    }
    this.#requests.set(key, count + 1);
    this.#total++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total--;
      const left = (this.#requests.get(key) ?? 1) - 1;
      if (left === 0) this.#requests.delete(key);
      else this.#requests.set(key, left);
    };
  }

  close(): void {
    this.agent.destroy();
    this.http2.close();
  }
}
