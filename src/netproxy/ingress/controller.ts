/** The ingress controller of one node: listeners, and the routes as the informers say. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createSecureServer, Http2ServerResponse } from 'node:http2';
import type { Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
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
import { superviseSession } from '../../lib/http2-sessions.js';
import type { Logger } from '../../lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import type { Cidr } from '../address.js';
import { parseCidr } from '../address.js';
import type { ServiceWatch } from '../model/service-watch.js';
import type { Ingress, IngressClass } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';
import type { IngressOptions, PortAddress } from '../types.js';
import { listening, whenFree } from '../when-free.js';
import { Backends } from './backends.js';
import { Certificates } from './certificates.js';
import { decide } from './decide.js';
import type { Decision } from './decide.js';
import type { Sender } from './fields.js';
import { isTrusted } from './fields.js';
import { forward } from './forward.js';
import { answerHalfOpen } from './half-open.js';
import { clientLimits } from './limits.js';
import type { IngressRequest, IngressResponse } from './messages.js';
import { sendError } from './messages.js';
import { isOurs, RouteTable } from './route-table.js';
import { openTunnel, refuse } from './tunnel.js';
import type { ResolveName } from './upstream-address.js';
import { Upstreams } from './upstreams.js';

/** The dependencies and settings of {@link IngressController}. */
export interface IngressControllerOptions extends IngressOptions {
  readonly watch: ServiceWatch;
  readonly informers: InformerFactory;
  /** Resolves names of the cluster, for Services that stand for one. @default the system resolves all */
  readonly resolveName?: ResolveName;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Informers change in bursts; the certificates to follow are looked up after one. */
const followMs = 50;
/** Statuses of redirects and refusals. */
const permanentRedirect = 308;

/** The ingress of one node: listeners, routes, certificates. */
export class IngressController {
  readonly #options: IngressControllerOptions;
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  readonly #backends: Backends;
  readonly #certificates: Certificates;
  readonly #sockets = new Set<Socket>();
  readonly #addresses = new Map<string, number>();
  readonly #upstreams: Upstreams;
  readonly #trusted: readonly Cidr[];
  #table: RouteTable | undefined;
  #ends: (() => void)[] = [];
  #http: Server | undefined;
  #https: Http2SecureServer | undefined;
  #fallback: SecureContext | undefined;
  #httpsPort = 443;
  #cancelFollow: (() => void) | undefined;

  constructor(options: IngressControllerOptions) {
    this.#options = options;
    this.#ingresses = options.informers.informer<Ingress>(resources.ingresses);
    this.#classes = options.informers.informer<IngressClass>(resources.ingressClasses);
    this.#backends = new Backends(options.watch);
    this.#upstreams = new Upstreams(options.resolveName);
    this.#certificates = new Certificates(options.informers, options.clock, options.log);
    this.#trusted = (options.trustedProxies ?? []).flatMap((block) => parseCidr(block) ?? []);
  }

  /** Resolves when it is known what is to be served. Secrets are waited for by the handshakes that need them. */
  async whenKnown(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#ingresses.whenSynced(signal), this.#classes.whenSynced(signal)]);
  }

  /**
   * Call when it is known what is to be served, else clients are told of nothing. Waits for ports that are taken.
   * @throws what listening throws; when the signal aborts
   */
  async start(signal?: AbortSignal): Promise<{ readonly http: number; readonly https: number }> {
    const { httpPort, httpsPort, bindAddress, clock, log } = this.#options;
    const host = bindAddress ?? '0.0.0.0';
    const stale = (): void => {
      this.#table = undefined;
      this.#cancelFollow ??= clock.schedule(followMs, () => {
        this.#cancelFollow = undefined;
        this.#follow();
      });
    };
    this.#ends = [this.#ingresses.onChange(stale), this.#classes.onChange(stale)];
    this.#follow();
    const fallback = await ownCertificate(clock);
    this.#fallback = createSecureContext(fallback);
    this.#http = createServer(http1Options);
    answerHalfOpen(this.#http, clock);
    this.#https = createSecureServer({
      ...fallback,
      allowHTTP1: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: clientLimits.handshakeMs,
      SNICallback: (name, done) => {
        this.#contextFor(name).then(
          (context) => done(null, context),
          (error: unknown) => {
            log.warn({ error, name }, 'a certificate could not be chosen');
            done(null, this.#fallback);
          },
        );
      },
      Http1ServerResponse: OwedResponse,
      settings: { maxConcurrentStreams: clientLimits.http2Streams },
    });
    boundHttp1(this.#https);
    this.#https.on('session', (session) => superviseSession(session, this.#options.clock));
    this.#httpsPort = httpsPort ?? 443;
    const [http, https] = await Promise.all([
      this.#open(this.#http, 'http', { host, port: httpPort ?? 80 }, signal),
      this.#open(this.#https, 'https', { host, port: httpsPort ?? 443 }, signal),
    ]);
    this.#httpsPort = https;
    return { http, https };
  }

  /** No new connections; requests under way may end. */
  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    this.#cancelFollow?.();
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
    this.#upstreams.close();
    this.#certificates.retain(new Set());
  }

  #serve(server: Server | Http2SecureServer, scheme: 'http' | 'https', port: number): void {
    const { clock, upstreamTimeoutMs, log } = this.#options;
    const { upstreams, trusted } = { upstreams: this.#upstreams, trusted: this.#trusted };
    const timeoutMs = upstreamTimeoutMs ?? 60_000;
    const senderOf = (req: IngressRequest): Sender => ({
      address: plainAddress(req.socket.remoteAddress),
      scheme,
      port,
      trusted,
    });
    server.on('request', (req: IngressRequest, res: IngressResponse) => {
      try {
        if (refusedAtOnce(req, res)) return;
        const sender = senderOf(req);
        const decision = this.#decide(req, sender);
        if (decision.kind === 'forward') {
          forward(req, res, decision.request, { upstreams, clock, timeoutMs, sender });
        } else if (decision.kind === 'redirect') {
          sendError(res, permanentRedirect, { location: decision.location });
        } else sendError(res, decision.status);
      } catch (error) {
        log.error({ error }, 'a request could not be handled');
        res.destroy();
      }
    });
    guardHttp1(server, clock, (req, socket, head) => {
      try {
        const sender = senderOf(req);
        const decision = this.#decide(req, sender);
        if (decision.kind === 'forward') {
          const options = { upstreams, clock, timeoutMs, sender };
          openTunnel(req, socket, head, decision.request, options);
        } else if (decision.kind === 'redirect') {
          refuse(socket, clock, permanentRedirect, { location: decision.location });
        } else refuse(socket, clock, decision.status);
      } catch (error) {
        log.error({ error }, 'an upgrade could not be handled');
        socket.destroy();
      }
    });
    server.on('connect', (first: unknown, socket: unknown) => {
      // HTTP/2 asks by a request and a response, HTTP/1.1 by a request and its connection.
      if (socket instanceof Duplex) refuse(socket, clock, 405);
      else if (socket instanceof Http2ServerResponse) sendError(socket, 405);
      else log.debug({ first: typeof first }, 'refused an unknown kind of CONNECT');
    });
    server.on('sessionError', (error: Error) => log.debug({ error }, 'an HTTP/2 session broke'));
  }

  #decide(req: IngressRequest, sender: Sender): Decision {
    this.#table ??= this.#buildTable();
    const parts = { table: this.#table, backends: this.#backends, httpsPort: this.#httpsPort };
    return decide(req, { ...parts, sender });
  }

  #buildTable(): RouteTable {
    const classes = this.#classes.list();
    return new RouteTable(this.#ingresses.list().filter((ingress) => isOurs(ingress, classes)));
  }

  #follow(): void {
    this.#table ??= this.#buildTable();
    this.#certificates.retain(this.#table.secrets());
  }

  /** A certificate that is absent or unusable is ours instead, for its hosts alone. */
  async #contextFor(serverName: string): Promise<SecureContext | undefined> {
    this.#table ??= this.#buildTable();
    const entry = this.#table.certificate(serverName);
    const own =
      entry === undefined
        ? undefined
        : await this.#certificates.context(entry.namespace, entry.secretName);
    return own ?? this.#fallback;
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const count = (this.#addresses.get(address) ?? 0) + 1;
    socket.on('error', () => undefined);
    if (count > clientLimits.connectionsPerAddress && !isTrusted(address, this.#trusted)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#addresses.set(address, count);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#addresses.get(address) ?? 1) - 1;
      if (left === 0) this.#addresses.delete(address);
      else this.#addresses.set(address, left);
    });
  }

  async #open(
    server: Server | Http2SecureServer,
    scheme: 'http' | 'https',
    address: PortAddress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { clock, log } = this.#options;
    server.maxConnections = clientLimits.connections;
    server.on('connection', (socket: Socket) => this.#accept(socket));
    await whenFree(() => listening(server, { ...address, backlog: 1024 }), { clock, log, signal });
    server.on('error', (error: Error) =>
      this.#options.log.warn({ error }, 'the listener of the ingress failed'),
    );
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
    this.#serve(server, scheme, port);
    return port;
  }
}

/** IPv4 in its own form, also where the listener is of both families. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
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
