/** The ports of a member: for other members, for clients, for plain HTTP. */
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { ChannelTls, GrpcServer, GrpcServerOptions, ServerTls } from '../../lib/grpc/index.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import type { JwtTokens } from '../auth/tokens.js';
import type { ServerConfig } from '../config.js';
import { withAccessRules } from '../gateway/access.js';
import type { AccessRules } from '../gateway/access.js';
import { webSocketDoor } from '../gateway/web-socket.js';
import { withStatus } from '../grpc-status.js';
import { grpcOverheadBytes } from '../guards/limits.js';
import type { Quota } from '../guards/quota.js';
import { ServerPeerHost } from '../member/peer-host.js';
import type { EtcdServer } from '../member/server.js';
import { peerDefinition } from '../peer/peer-definition.js';
import { PeerService } from '../peer/peer-service.js';
import type { WatchService } from '../rpc/watch.js';
import { newClientServices } from './client-services.js';
import { bindings, rejectedAt } from './ports.js';

/** The addresses and the certificates with which a member listens. */
export interface ListenOptions {
  readonly clientUrls: readonly string[];
  readonly peerUrls: readonly string[];
  /** Further ports for health and metrics alone. */
  readonly metricsUrls: readonly string[];
  /** Ports for HTTP; when there are any, the client ports serve gRPC alone. */
  readonly httpUrls: readonly string[];
  readonly clientTls: TlsSource<ServerTls> | undefined;
  readonly peerTls: TlsSource<ServerTls> | undefined;
  /** For connections to other members. */
  readonly peerClientTls: TlsSource<ChannelTls> | undefined;
  /** Signed tokens in place of remembered ones. */
  readonly jwt: JwtTokens | undefined;
  /** Callers without a token are who their certificate says. */
  readonly clientCertAuth: boolean;
  /** For plain HTTP on the client ports. */
  readonly access: AccessRules;
}

/** Snapshots and batches of entries between members are larger than a client's request. */
const peerReceiveBytes = 80 * 1024 * 1024;

/** Opens them one by one, and closes those that are open: also after one that could not be had. */
export class MemberPorts {
  readonly #server: EtcdServer;
  readonly #config: ServerConfig;
  readonly #listen: ListenOptions;
  readonly #peers: GrpcServer[] = [];
  readonly #clients: GrpcServer[] = [];

  constructor(server: EtcdServer, config: ServerConfig, listen: ListenOptions) {
    this.#server = server;
    this.#config = config;
    this.#listen = listen;
  }

  /** @throws the system's error, such as EADDRINUSE */
  async openPeers(): Promise<void> {
    const { peerUrls, peerTls } = this.#listen;
    const log = this.#config.log.child({ part: 'rpc' });
    for (const { address, ...speaks } of bindings(peerUrls, peerTls)) {
      const listener = createGrpcServer({
        log,
        clock: this.#config.clock,
        maxReceiveBytes: peerReceiveBytes,
        onRejected: rejectedAt('peer', log),
        ...speaks,
      });
      const host = new ServerPeerHost(this.#server);
      const service = new PeerService(host, this.#config.telemetry.network);
      listener.addService(peerDefinition, withStatus(peerDefinition, service));
      this.#peers.push(listener);
      await listener.listen(address);
    }
  }

  /**
   * @returns the service that watches are made by, at all of the ports
   * @throws the system's error, such as EADDRINUSE
   */
  async openClients(quota: Quota): Promise<WatchService> {
    const { clientUrls, httpUrls, metricsUrls, access, clientTls } = this.#listen;
    const { clock, maxRequestBytes, maxConcurrentStreams, keepAlive } = this.#config;
    const log = this.#config.log.child({ part: 'rpc' });
    const services = newClientServices(this.#server, this.#listen, quota);
    const open = async (
      urls: readonly string[],
      options: Partial<GrpcServerOptions>,
      prepare?: (listener: GrpcServer) => void,
    ): Promise<void> => {
      for (const { address, ...speaks } of bindings(urls, clientTls)) {
        const listener = createGrpcServer({ log, clock, ...options, ...speaks });
        prepare?.(listener);
        this.#clients.push(listener);
        await listener.listen(address);
      }
    };
    const maxReceiveBytes = maxRequestBytes + grpcOverheadBytes;
    const http = {
      fallback: withAccessRules(access, services.http),
      onUpgrade: webSocketDoor(services.http, access, {
        messageBytes: maxReceiveBytes,
        unsentBytes: 2 * maxReceiveBytes,
      }),
    };
    const forClients = {
      maxReceiveBytes,
      ...(httpUrls.length === 0 ? http : {}),
      keepAlive,
      onRejected: rejectedAt('client', log),
      ...(maxConcurrentStreams > 0 ? { maxConcurrentStreams } : {}),
    };
    await open(clientUrls, forClients, (listener) => services.addTo(listener));
    await open(metricsUrls, { fallback: services.metrics });
    await open(httpUrls, { ...http, fallback: services.http });
    return services.watches;
  }

  /** The bytes that went over all client ports so far. */
  clientTraffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    const all = this.#clients.map((listener) => listener.traffic());
    return {
      receivedBytes: all.reduce((sum, one) => sum + one.receivedBytes, 0),
      sentBytes: all.reduce((sum, one) => sum + one.sentBytes, 0),
    };
  }

  /** @param options.graceMs for calls under way */
  async closeClients(options: { readonly graceMs: number }): Promise<void> {
    await Promise.all(this.#clients.map((listener) => listener.close(options)));
  }

  async closePeers(): Promise<void> {
    await Promise.all(this.#peers.map((listener) => listener.close({ graceMs: 0 })));
  }
}
