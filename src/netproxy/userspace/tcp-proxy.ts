/** Serves one listening address: joins every connection with one to an endpoint, half-closing included. */
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { Endpoint } from '../model/service-model.js';
import type { Balancer } from './balancer.js';

/** Per listener; the time to connect to one endpoint; endpoints tried per connection. */
const limits = { connections: 4096, connectMs: 2000, attempts: 4 };

/** Serves one listening address: each connection goes to an endpoint, the next one if that cannot be reached. */
export class TcpProxy {
  readonly #balancer: Balancer;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(balancer: Balancer, clock: Clock) {
    this.#balancer = balancer;
    this.#clock = clock;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
      this.#serve(client),
    );
    this.#server.maxConnections = limits.connections;
  }

  /** @returns the port. @throws what listening throws */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  /** Open connections are cut. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    this.#track(client);
    const address = client.remoteAddress ?? '';
    const order = this.#balancer.order(address, this.#clock.monotonicMs());
    this.#attempt(client, order.slice(0, limits.attempts), address);
  }

  #attempt(client: Socket, order: readonly Endpoint[], address: string): void {
    const [endpoint, ...rest] = order;
    if (endpoint === undefined || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true });
    this.#track(upstream);
    const next = (): void => {
      cancel();
      upstream.destroy();
      this.#attempt(client, rest, address);
    };
    const cancel = this.#clock.schedule(limits.connectMs, next);
    upstream.once('error', next);
    upstream.once('connect', () => {
      cancel();
      upstream.off('error', next);
      this.#balancer.served(address, endpoint, this.#clock.monotonicMs());
      joinSockets(client, upstream);
      joinSockets(upstream, client);
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

/** `from`'s end closes only that direction; its failure resets the other side. */
function joinSockets(from: Socket, to: Socket): void {
  from.setNoDelay(true);
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
  from.pipe(to);
}
