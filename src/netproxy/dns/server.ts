/** The sockets of the name server: UDP and TCP at one address. */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Responder } from './responder.js';

export interface DnsServerOptions {
  readonly responder: Responder;
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const limits = { connections: 500, idleMs: 10_000, pendingUdp: 5000, perConnection: 100 };

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #connections = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #pending = 0;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** @returns the port. @throws what listening throws */
  async listen(): Promise<number> {
    const { address, port } = this.#options;
    const tcp = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    tcp.maxConnections = limits.connections;
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen({ host: address, port }, resolve);
    });
    this.#tcp = tcp;
    const bound = tcp.address();
    const chosen = typeof bound === 'object' && bound !== null ? bound.port : port;
    const udp = createSocket('udp4');
    this.#udp = udp;
    udp.on('message', (message, from) => {
      if (this.#pending >= limits.pendingUdp) return;
      this.#pending++;
      void this.#options.responder
        .respond(message, 'udp')
        .then((answer) => {
          if (answer !== undefined && this.#udp === udp) udp.send(answer, from.port, from.address);
        })
        .catch((error: unknown) => this.#options.log.error({ error }, 'a DNS query was lost'))
        .finally(() => this.#pending--);
    });
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(chosen, address, resolve);
    });
    const complain = (error: Error): void =>
      this.#options.log.warn({ error }, 'DNS socket reported an error');
    udp.removeAllListeners('error').on('error', complain);
    tcp.removeAllListeners('error').on('error', complain);
    return chosen;
  }

  async close(): Promise<void> {
    const udp = this.#udp;
    this.#udp = undefined;
    udp?.close();
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#tcp === undefined) resolve();
      else this.#tcp.close(() => resolve());
    });
  }

  /** Queries of one connection are answered in their order, a bounded number at a time. */
  #serve(socket: Socket): void {
    this.#connections.add(socket);
    let buffered: Buffer = Buffer.alloc(0);
    let pending = 0;
    let tail = Promise.resolve();
    socket.setTimeout(limits.idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= buffered.readUInt16BE(0) + 2) {
        const size = buffered.readUInt16BE(0);
        const message = buffered.subarray(2, size + 2);
        buffered = buffered.subarray(size + 2);
        if (++pending > limits.perConnection) {
          socket.destroy();
          return;
        }
        const answering = this.#options.responder.respond(message, 'tcp');
        tail = tail.then(async () => {
          const answer = await answering.catch(() => undefined);
          pending--;
          if (answer === undefined || socket.destroyed) return;
          const length = Buffer.alloc(2);
          length.writeUInt16BE(answer.length);
          socket.write(Buffer.concat([length, answer]));
        });
      }
    });
  }
}
