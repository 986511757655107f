/**
 * Answers load balancers on `healthCheckNodePort`: 200 while this node has ready endpoints of its own for the service
 * and its rules are kept, 503 otherwise, with kube-proxy's JSON body. Endpoints that end do not count, though they
 * serve where there are no others: a balancer is to send nobody new.
 */
import { objectKey } from '../../api/facts/keys.js';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { http1Options } from '../../lib/http1.js';
import type { Logger } from '../../lib/log.js';
import { buildServicePorts } from './service-model.js';
import type { ServiceWatch } from './service-watch.js';

/** Of load balancers to one health check. */
const connectionsMax = 256;

interface Check {
  readonly port: number;
  readonly server: Server;
}

/** The listeners for `healthCheckNodePort` of this node, one a Service. */
export class HealthChecks {
  readonly #watch: ServiceWatch;
  readonly #nodeName: string;
  readonly #log: Logger;
  readonly #isHealthy: () => boolean;
  readonly #checks = new Map<string, Check>();
  #end: (() => void) | undefined;

  /** @param isHealthy whether the rules of services follow what is known */
  constructor(watch: ServiceWatch, nodeName: string, log: Logger, isHealthy: () => boolean) {
    this.#watch = watch;
    this.#nodeName = nodeName;
    this.#log = log;
    this.#isHealthy = isHealthy;
  }

  start(): void {
    this.#end = this.#watch.services.onChange(({ object: { metadata } }) =>
      this.#update(objectKey(metadata)),
    );
  }

  async stop(): Promise<void> {
    this.#end?.();
    for (const key of this.#checks.keys()) this.#close(key);
  }

  #update(key: string): void {
    const spec = this.#watch.service(key)?.spec;
    const local = spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
    const port = local ? (spec.healthCheckNodePort ?? 0) : 0;
    if (this.#checks.get(key)?.port === port) return;
    this.#close(key);
    if (port === 0) return;
    const server = createServer(http1Options, (_, res) => {
      const count = this.#localEndpoints(key);
      const [namespace = '', name = ''] = key.split('/');
      const serviceProxyHealthy = this.#isHealthy();
      const facts = { service: { namespace, name }, localEndpoints: count, serviceProxyHealthy };
      const body = JSON.stringify(facts, undefined, '\t');
      const headers = {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(count),
      };
      res.writeHead(count > 0 && serviceProxyHealthy ? 200 : 503, headers).end(body);
    });
    server.on('error', (error) =>
      this.#log.warn({ error, service: key }, 'a health check port cannot be served'),
    );
    server.maxConnections = connectionsMax;
    server.listen(port);
    this.#checks.set(key, { port, server });
  }

  #localEndpoints(key: string): number {
    const service = this.#watch.service(key);
    if (service === undefined) return 0;
    const ports = buildServicePorts(service, this.#watch.slicesOf(key), this.#nodeName);
    const ready = ports.flatMap(({ local }) => local.filter((endpoint) => endpoint.ready));
    return new Set(ready.map(({ ip }) => ip)).size;
  }

  #close(key: string): void {
    const check = this.#checks.get(key);
    this.#checks.delete(key);
    check?.server.close();
    check?.server.closeAllConnections();
  }
}
