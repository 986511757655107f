/** The ingress controller of one node: listeners, and the routes as the informers say. */
import { Agent, createServer } from 'node:http';
import type { Server } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import {
  boundHttp1,
  guardHttp1,
  http1Options,
  OwedResponse,
  refusedAtOnce,
} from '../../lib/http1.js';
import type { Logger } from '../../lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import type { ServiceWatch } from '../model/service-watch.js';
import type { Ingress, IngressClass } from '../objects.js';
import { resources } from '../objects.js';
import type { IngressOptions } from '../types.js';
import { Backends } from './backends.js';
import { Certificates } from './certificates.js';
import { forward, requestHost } from './forward.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { sendError } from './messages.js';
import { isOurs, RouteTable } from './route-table.js';
import { forwardUpgrade, refuse } from './upgrade.js';

export interface IngressControllerOptions extends IngressOptions {
  readonly watch: ServiceWatch;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Connections to one endpoint, kept idle ones included; requests beyond wait their turn. */
const upstreamLimits = { sockets: 256, idle: 64, idleMs: 30_000 };
/** Clients' connections; how long a drain takes at most. */
const clientLimits = { connections: 10_000, drainMs: 5000, http2Streams: 250 };

export class IngressController {
  readonly #options: IngressControllerOptions;
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  readonly #backends: Backends;
  readonly #certificates: Certificates;
  readonly #sockets = new Set<Socket>();
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: upstreamLimits.sockets,
    maxFreeSockets: upstreamLimits.idle,
    timeout: upstreamLimits.idleMs,
    scheduling: 'lifo',
  });
  #table: RouteTable | undefined;
  #ends: (() => void)[] = [];
  #http: Server | undefined;
  #https: Http2SecureServer | undefined;
  #fallback: SecureContext | undefined;

  constructor(options: IngressControllerOptions) {
    this.#options = options;
    this.#ingresses = options.informers.informer<Ingress>(resources.ingresses);
    this.#classes = options.informers.informer<IngressClass>(resources.ingressClasses);
    this.#backends = new Backends(options.watch);
    this.#certificates = new Certificates(options.informers, options.log);
  }

  /** Call when the informers are synced. @throws what listening throws */
  async start(): Promise<{ readonly http: number; readonly https: number }> {
    const { httpPort, httpsPort, bindAddress, clock } = this.#options;
    const host = bindAddress ?? '0.0.0.0';
    const stale = (): void => {
      this.#table = undefined;
      this.#followSecrets();
    };
    this.#ends = [this.#ingresses.onChange(stale), this.#classes.onChange(stale)];
    const fallback = await ownCertificate(clock);
    this.#fallback = createSecureContext(fallback);
    this.#http = createServer(http1Options);
    this.#https = createSecureServer({
      ...fallback,
      allowHTTP1: true,
      minVersion: 'TLSv1.2',
      SNICallback: (name, done) => done(null, this.#contextFor(name)),
      Http1ServerResponse: OwedResponse,
      settings: { maxConcurrentStreams: clientLimits.http2Streams },
    });
    boundHttp1(this.#https);
    const http = await this.#open(this.#http, host, httpPort ?? 80);
    const https = await this.#open(this.#https, host, httpsPort ?? 443);
    this.#serve(this.#http, 'http', http);
    this.#serve(this.#https, 'https', https);
    return { http, https };
  }

  /** No new connections; requests under way may end. */
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    this.#backends.stop();
    const closed = [this.#http, this.#https].map(
      (server) =>
        new Promise<void>((resolve) => {
          if (server?.listening === true) server.close(() => resolve());
          else resolve();
        }),
    );
    this.#http?.closeIdleConnections();
    const drained = new AbortController();
    await Promise.race([
      Promise.all(closed),
      delay(this.#options.clock, clientLimits.drainMs, drained.signal),
    ]);
    drained.abort();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
    this.#agent.destroy();
  }

  #serve(server: Server | Http2SecureServer, scheme: 'http' | 'https', port: number): void {
    const { clock, upstreamTimeoutMs, log } = this.#options;
    const options = {
      agent: this.#agent,
      clock,
      scheme,
      port,
      timeoutMs: upstreamTimeoutMs ?? 60_000,
    };
    server.on('request', (req: IngressRequest, res: IngressResponse) => {
      if (refusedAtOnce(req, res)) return;
      const targets = this.#targets(req);
      if (typeof targets === 'number') sendError(res, targets);
      else forward(req, res, targets, options);
    });
    guardHttp1(server, clock, (req, socket, head) => {
      const targets = this.#targets(req);
      if (typeof targets === 'number') {
        refuse(socket, targets === 404 ? '404 Not Found' : '503 Service Unavailable');
      } else forwardUpgrade(req, socket, head, targets, options);
    });
    server.on('sessionError', (error: Error) => log.debug({ error }, 'an HTTP/2 session broke'));
  }

  /** Endpoints for a request, or the status that says why there are none. */
  #targets(req: IngressRequest): readonly { host: string; port: number }[] | number {
    this.#table ??= this.#buildTable();
    const path = (req.url ?? '/').split('?', 1)[0] ?? '/';
    const backend = this.#table.match(requestHost(req), path);
    if (backend === undefined) return 404;
    const found = this.#backends.next(backend);
    if (found.kind === 'targets') return found.targets;
    this.#options.log.debug({ reason: found.reason }, 'no endpoint for a request');
    return 503;
  }

  #buildTable(): RouteTable {
    const classes = this.#classes.list();
    return new RouteTable(this.#ingresses.list().filter((ingress) => isOurs(ingress, classes)));
  }

  #followSecrets(): void {
    this.#table ??= this.#buildTable();
    for (const key of this.#table.secrets()) {
      const slash = key.indexOf('/');
      this.#certificates.follow(key.slice(0, slash), key.slice(slash + 1));
    }
  }

  #contextFor(serverName: string): SecureContext | undefined {
    this.#table ??= this.#buildTable();
    const entry = this.#table.certificate(serverName);
    const own =
      entry === undefined
        ? undefined
        : this.#certificates.context(entry.namespace, entry.secretName);
    return own ?? this.#fallback;
  }

  async #open(server: Server | Http2SecureServer, host: string, port: number): Promise<number> {
    server.maxConnections = clientLimits.connections;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error: Error) => this.#options.log.warn({ error }, 'listener'));
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }
}

/** Shown to clients that ask for a host without a certificate, as other controllers do. */
async function ownCertificate(clock: Clock): Promise<{ cert: string; key: string }> {
  const ca = await createCertificateAuthority({ commonName: 'trireme ingress', clock });
  return issueCertificate({
    ca,
    clock,
    subject: { commonName: 'ingress.local', hosts: ['ingress.local'], usages: ['server'] },
  });
}
