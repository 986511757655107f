/** The sockets of the name server: UDP and TCP at one address. */
import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { listening, whenFree } from '../when-free.js';
import { dnsLimits } from './limits.js';
import type { Responder } from './responder.js';

/** The settings of {@link DnsServer}. */
export interface DnsServerOptions {
  readonly responder: Responder;
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Listens over UDP and TCP, and bounds what clients may ask at once. */
export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #connections = new Set<Socket>();
  readonly #connected = new Counts(dnsLimits.connectionsPerAddress);
  readonly #asking = new Counts(dnsLimits.pendingPerAddress);
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #pending = 0;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Waits for an address that is taken. @returns the port. @throws what listening throws; when the signal aborts */
  async listen(signal?: AbortSignal): Promise<number> {
    const { address, port, clock, log } = this.#options;
    const wait = { clock, log, signal };
    const tcp = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    tcp.maxConnections = dnsLimits.connections;
    this.#tcp = tcp;
    await whenFree(() => listening(tcp, { host: address, port }), wait);
    const bound = tcp.address();
    const chosen = typeof bound === 'object' && bound !== null ? bound.port : port;
    const udp = createSocket('udp4');
    this.#udp = udp;
    udp.on('message', (message, from) => {
      void this.#respond(message, 'udp', from.address)
        .then((answer) => {
          if (answer !== undefined && this.#udp === udp) udp.send(answer, from.port, from.address);
        })
        .catch((error: unknown) => this.#options.log.debug({ error }, 'a DNS answer was not sent'));
    });
    await whenFree(
      () =>
        new Promise<void>((resolve, reject) => {
          udp.once('error', reject);
          udp.bind(chosen, address, () => {
            udp.off('error', reject);
            resolve();
          });
        }),
      wait,
    );
    const complain = (error: Error): void =>
      this.#options.log.warn({ error }, 'the DNS socket reported an error');
    udp.on('error', complain);
    tcp.on('error', complain);
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

  /** @returns undefined when there is no answer, or too much is asked at once */
  async #respond(
    message: Buffer,
    transport: 'udp' | 'tcp',
    address: string,
  ): Promise<Buffer | undefined> {
    if (this.#pending >= dnsLimits.pending || !this.#asking.take(address)) return undefined;
    this.#pending++;
    try {
      return await this.#options.responder.respond(message, transport);
    } catch (error) {
      this.#options.log.debug({ error }, 'a DNS query was lost');
      return undefined;
    } finally {
      this.#pending--;
      this.#asking.give(address);
    }
  }

  #serve(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    socket.on('error', () => socket.destroy());
    if (!this.#connected.take(address)) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    const { clock } = this.#options;
    const respond = (message: Buffer): Promise<Buffer | undefined> =>
      this.#respond(message, 'tcp', address);
    const connection = new Connection(socket, clock, respond);
    socket.on('data', (chunk: Buffer) => connection.take(chunk));
    socket.on('close', () => {
      connection.end();
      this.#connections.delete(socket);
      this.#connected.give(address);
    });
  }
}

/** Queries of one connection are answered in their order, a bounded number at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #respond: (message: Buffer) => Promise<Buffer | undefined>;
  #buffered: Buffer = Buffer.alloc(0);
  #pending = 0;
  #tail = Promise.resolve();
  /** Of the question that is to come; a byte now and then does not make it longer. */
  #cancelLate: () => void;

  constructor(
    socket: Socket,
    clock: Clock,
    respond: (message: Buffer) => Promise<Buffer | undefined>,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#respond = respond;
    this.#cancelLate = this.#watch();
  }

  end(): void {
    this.#cancelLate();
  }

  take(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    while (this.#buffered.length >= 2) {
      const size = this.#buffered.readUInt16BE(0);
      if (size > dnsLimits.questionBytes || this.#pending >= dnsLimits.perConnection) {
        this.#socket.destroy();
        return;
      }
      if (this.#buffered.length < size + 2) return;
      const message = this.#buffered.subarray(2, size + 2);
      this.#buffered = this.#buffered.subarray(size + 2);
      this.#cancelLate();
      this.#cancelLate = this.#watch();
      this.#answer(message);
    }
  }

  #answer(message: Buffer): void {
    this.#pending++;
    const answering = this.#respond(message);
    this.#tail = this.#tail.then(async () => {
      const answer = await answering;
      this.#pending--;
      if (answer === undefined || this.#socket.destroyed) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      this.#socket.write(Buffer.concat([length, answer]));
      // It asks on and takes no answers.
      if (this.#socket.writableLength > dnsLimits.unreadBytes) this.#socket.destroy();
    });
  }

  #watch(): () => void {
    return this.#clock.schedule(dnsLimits.idleMs, () => this.#socket.destroy());
  }
}

/** Counts uses by address, and refuses more than a maximum of each. */
class Counts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false when the address has all that it may have */
  take(address: string): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(address, count + 1);
    return true;
  }

  give(address: string): void {
    const left = (this.#counts.get(address) ?? 1) - 1;
    if (left === 0) this.#counts.delete(address);
    else this.#counts.set(address, left);
  }
}
