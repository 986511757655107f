/** Serves one listening address: a client's datagrams go to one endpoint as long as the flow lasts. */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Clock } from '../../lib/clock.js';
import type { Balancer } from './balancer.js';

/** Flows per listener; how long one may be quiet (kube-proxy's default for UDP in userspace). */
const limits = { flows: 4096, idleMs: 10_000, queued: 64 };

interface Flow {
  readonly socket: Socket;
  lastMs: number;
  connected: boolean;
  /** Datagrams that came before the socket was connected. */
  readonly queue: Buffer[];
}

/** Serves one listening address: the datagrams of a client go to one endpoint. */
export class UdpProxy {
  readonly #balancer: Balancer;
  readonly #clock: Clock;
  readonly #flows = new Map<string, Flow>();
  readonly #server = createSocket('udp4');
  #closed = false;

  constructor(balancer: Balancer, clock: Clock) {
    this.#balancer = balancer;
    this.#clock = clock;
    this.#server.on('message', (message, from) => this.#take(message, from));
  }

  /** @returns the port. @throws what binding throws */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.bind(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => undefined);
        resolve(this.#server.address().port);
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { socket } of this.#flows.values()) socket.close();
    this.#flows.clear();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #take(message: Buffer, from: RemoteInfo): void {
    const key = `${from.address}:${from.port}`;
    const flow = this.#flows.get(key) ?? this.#open(key, from);
    if (flow === undefined) return;
    flow.lastMs = this.#clock.monotonicMs();
    if (flow.connected) flow.socket.send(message);
    else if (flow.queue.length < limits.queued) flow.queue.push(message);
  }

  #open(key: string, from: RemoteInfo): Flow | undefined {
    const nowMs = this.#clock.monotonicMs();
    const [endpoint] = this.#balancer.order(from.address, nowMs);
    if (endpoint === undefined || this.#flows.size >= limits.flows) return undefined;
    this.#balancer.served(from.address, endpoint, nowMs);
    const socket = createSocket('udp4');
    const flow: Flow = { socket, lastMs: nowMs, connected: false, queue: [] };
    this.#flows.set(key, flow);
    const end = (): void => {
      if (this.#flows.get(key) !== flow) return;
      this.#flows.delete(key);
      socket.close();
    };
    // Refused by the endpoint: the next datagram looks for another one.
    socket.on('error', end);
    socket.on('message', (answer) => {
      flow.lastMs = this.#clock.monotonicMs();
      if (!this.#closed) this.#server.send(answer, from.port, from.address);
    });
    socket.connect(endpoint.port, endpoint.ip);
    socket.once('connect', () => {
      flow.connected = true;
      for (const data of flow.queue.splice(0)) socket.send(data);
    });
    const watch = (): void => {
      const quietMs = this.#clock.monotonicMs() - flow.lastMs;
      if (quietMs >= limits.idleMs) end();
      else if (this.#flows.get(key) === flow) this.#clock.schedule(limits.idleMs - quietMs, watch);
    };
    this.#clock.schedule(limits.idleMs, watch);
    return flow;
  }
}
