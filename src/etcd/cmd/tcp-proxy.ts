import * as net from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';

/** A member's client port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The address of a gateway, and the endpoints to which it passes connections. */
export interface TcpProxyOptions {
  /** At least one. */
  readonly endpoints: readonly Endpoint[];
  /** The interval at which endpoints that refused are tried; they get no clients until they answer. */
  readonly retryMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The next endpoint is tried when one has not accepted within this time. */
const connectTimeoutMs = 5000;
/** Clients beyond are turned away: each takes two descriptors. */
const connectionsMax = 20_000;

interface Remote extends Endpoint {
  readonly address: string;
  isActive: boolean;
}

/**
 * Passes connections on to endpoints in turn, byte for byte: `etcd gateway`. It knows nothing of what goes over them,
 * so TLS is between the client and the member. A half-closed connection stays open the other way.
 */
export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #remotes: readonly Remote[];
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;
  #next = 0;
  #stopped = false;
  #cancelLook: () => void = () => undefined;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#remotes = options.endpoints.map(({ host, port }) => {
      const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      return { host, port, address, isActive: true };
    });
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#serve(socket),
    );
    this.#server.maxConnections = connectionsMax;
  }

  /** Begins to accept. @returns the port, for port 0 @throws the system's error, such as EADDRINUSE */
  async listen(at: Endpoint): Promise<number> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: at.host, port: at.port }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#options.log.warn({ error }, 'failed to accept'));
    this.#lookLater();
    const endpoints = this.#remotes.map(({ address }) => address);
    this.#options.log.info({ endpoints }, 'ready to proxy client requests');
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : at.port;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelLook();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: net.Socket): void {
    this.#track(client);
    client.on('error', () => client.destroy());
    void this.#dialAny(client).then((member) => {
      if (member === undefined || client.destroyed) {
        client.destroy();
        member?.destroy();
      } else join(client, member);
    });
  }

  /** @returns undefined when no endpoint answers */
  async #dialAny(client: net.Socket): Promise<net.Socket | undefined> {
    const { log, retryMs } = this.#options;
    for (let remote = this.#pick(); remote !== undefined; remote = this.#pick()) {
      try {
        return await this.#dial(remote);
      } catch (error) {
        if (this.#stopped || client.destroyed) return undefined;
        if (remote.isActive) {
          log.warn({ address: remote.address, intervalMs: retryMs, error }, 'deactivated endpoint');
        }
        remote.isActive = false;
      }
    }
    return undefined;
  }

  #pick(): Remote | undefined {
    for (let tried = 0; tried < this.#remotes.length; tried++) {
      const remote = this.#remotes[this.#next++ % this.#remotes.length];
      if (remote?.isActive === true) return remote;
    }
    return undefined;
  }

  #dial({ host, port }: Endpoint): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
      this.#track(socket);
      const cancel = this.#options.clock.schedule(connectTimeoutMs, () => {
        socket.destroy(new Error('no answer to the connection'));
      });
      socket.once('connect', () => {
        cancel();
        resolve(socket);
      });
      socket.on('error', reject);
      socket.once('close', () => {
        cancel();
        reject(new Error('closed'));
      });
    });
  }

  #track(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #lookLater(): void {
    const { clock, retryMs } = this.#options;
    this.#cancelLook = clock.schedule(retryMs, () => {
      void this.#look().then(() => {
        if (!this.#stopped) this.#lookLater();
      });
    });
  }

  /** Asks the endpoints that are left out. */
  async #look(): Promise<void> {
    const { log, retryMs } = this.#options;
    const away = this.#remotes.filter(({ isActive }) => !isActive);
    await Promise.all(
      away.map(async (remote) => {
        try {
          (await this.#dial(remote)).destroy();
          remote.isActive = true;
          log.info({ address: remote.address }, 'activated');
        } catch (error) {
          if (this.#stopped) return;
          const text = 'failed to activate endpoint (stay inactive for another interval)';
          log.warn({ address: remote.address, intervalMs: retryMs, error }, text);
        }
      }),
    );
  }
}

/** Each sends what the other gets. The end of one direction is passed on; a break ends both. */
function join(one: net.Socket, other: net.Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      // Bytes that were read are still written, unless the connection broke.
      if (!from.readableEnded) to.destroy();
    });
  }
}
