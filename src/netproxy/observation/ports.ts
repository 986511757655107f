/** The two plain ports of kube-proxy: metrics for the machine itself, health for load balancers. */
import type { Node } from '../../api/types/core.js';
import { answer, answerMetrics, leave, plainText, targetOf } from '../../client/door/answer.js';
import type { DoorRequest, DoorResponse } from '../../client/door/answer.js';
import type { Clock } from '../../lib/clock.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { Counter, Registry } from '../../lib/metrics.js';
import { observeEventLoop, observeProcess } from '../../lib/process-metrics.js';
import type { ObservationOptions, PortAddress, ProxyMode } from '../types.js';
import { isBehind, nodeHealth } from './node-health.js';
import { ProxyMetrics } from './proxy-metrics.js';

/** The dependencies of {@link ObservationPorts}. */
export interface ObservationPortsOptions extends ObservationOptions {
  readonly mode: ProxyMode;
  readonly clock: Clock;
  readonly log: Logger;
  /** The own node, as far as it is known. */
  readonly node: () => Node | undefined;
}

/** A port that is taken is tried again, as kube-proxy does. */
const tryAgainMs = 5_000;
const graceMs = 200;

type Handler = (request: DoorRequest, response: DoorResponse) => void;

/** Serves `/metrics` and `/healthz`, each on an address of its own. Nobody has to prove himself here. */
export class ObservationPorts {
  readonly #registry = new Registry();
  readonly metrics: ProxyMetrics;
  readonly #options: ObservationPortsOptions;
  readonly #answers: Readonly<Record<'/healthz' | '/livez', Counter>>;
  readonly #servers: GrpcServer[] = [];
  readonly #ports: Record<'metrics' | 'healthz', number> = { metrics: 0, healthz: 0 };
  readonly #cancels = new Set<() => void>();
  #isOver = false;

  constructor(options: ObservationPortsOptions) {
    this.#options = options;
    observeProcess(this.#registry);
    observeEventLoop(this.#registry);
    this.metrics = new ProxyMetrics(this.#registry, options.clock, options.mode);
    const answers = (name: string): Counter =>
      new Counter({
        name: `kubeproxy_proxy_${name}_total`,
        help: `Cumulative proxy ${name} HTTP status`,
        labelNames: ['code'] as string[],
        registers: [this.#registry],
      });
    this.#answers = { '/healthz': answers('healthz'), '/livez': answers('livez') };
  }

  /** The ports that are listened at; 0 while one is not. */
  get ports(): Readonly<Record<'metrics' | 'healthz', number>> {
    return this.#ports;
  }

  /** Whether the rules follow what is known. */
  get state(): 'running' | 'lagging' {
    return isBehind(this.metrics.behindMs) ? 'lagging' : 'running';
  }

  /** Tries both addresses once; one that is taken is tried again later. */
  async start(): Promise<void> {
    const { metricsAddress, healthzAddress } = this.#options;
    await Promise.all([
      this.#open('metrics', metricsAddress, (...exchange) => this.#serveMetrics(...exchange)),
      this.#open('healthz', healthzAddress, (...exchange) => this.#serveHealth(...exchange)),
    ]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const cancel of this.#cancels) cancel();
    await Promise.all(this.#servers.splice(0).map((server) => server.close({ graceMs })));
  }

  async #open(
    name: 'metrics' | 'healthz',
    address: PortAddress | undefined,
    serve: Handler,
  ): Promise<void> {
    if (address === undefined || this.#isOver) return;
    const { clock, log } = this.#options;
    const server = createGrpcServer({
      log,
      clock,
      fallback: (request, response) => {
        leave(request, response, clock);
        serve(request, response);
      },
    });
    try {
      const { port } = await server.listen(address);
      this.#servers.push(server);
      this.#ports[name] = port;
      if (this.#isOver) await this.stop();
    } catch (error) {
      log.warn({ error, ...address, name }, 'a port cannot be listened at; trying again');
      const cancel = clock.schedule(tryAgainMs, () => {
        this.#cancels.delete(cancel);
        void this.#open(name, address, serve);
      });
      this.#cancels.add(cancel);
    }
  }

  #serveMetrics(request: DoorRequest, response: DoorResponse): void {
    switch (targetOf(request).path) {
      case '/metrics':
        return answerMetrics(response, [this.#registry, ...(this.#options.registries ?? [])]);
      case '/healthz':
        return answer(response, 200, plainText, 'ok');
      case '/proxyMode':
        return answer(response, 200, plainText, this.#options.mode);
      default:
        answer(response, 404, plainText, '404 page not found\n');
    }
  }

  #serveHealth(request: DoorRequest, response: DoorResponse): void {
    const { path } = targetOf(request);
    if (path !== '/healthz' && path !== '/livez') {
      return answer(response, 404, plainText, '404 page not found\n');
    }
    const { behindMs, syncedAtMs } = this.metrics;
    const { clock, node } = this.#options;
    const facts = { nowMs: clock.nowMs(), behindMs, syncedAtMs, node: node() };
    const { status, body } = nodeHealth(path, facts);
    this.#answers[path].inc({ code: status });
    answer(response, status, 'application/json', body);
  }
}
