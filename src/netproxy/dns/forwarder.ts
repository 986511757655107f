/** Asks other name servers for names outside the cluster, and remembers what they said as long as they allow. */
import { createSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { decode, encode, streamEncode } from 'dns-packet';
import type { DecodedPacket, Question } from 'dns-packet';
import type { Clock } from '../../lib/clock.js';
import { dnsLimits } from './limits.js';
import { answersQuestion } from './question.js';

/** The settings of {@link Forwarder}. */
export interface ForwarderOptions {
  /** Addresses, "host" or "host:port" (IPv4). */
  readonly upstreams: readonly string[];
  readonly clock: Clock;
}

interface Cached {
  readonly packet: DecodedPacket;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Asks the name servers in their order until one has an answer; equal questions at the same time are asked once. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new Map<string, Cached>();
  readonly #pending = new Map<string, Promise<DecodedPacket | undefined>>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The upstream's answer, its TTLs counted down; undefined: nobody answered, or too much is under way. */
  async ask(question: Question): Promise<DecodedPacket | undefined> {
    const key = `${question.type}/${question.name.toLowerCase()}`;
    const nowMs = this.#options.clock.monotonicMs();
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.untilMs > nowMs) {
      return aged(cached.packet, Math.floor((nowMs - cached.fromMs) / 1000));
    }
    const same = this.#pending.get(key);
    if (same !== undefined) return same;
    if (this.#pending.size >= dnsLimits.forwarded) return undefined;
    const asked = this.#askAll(question).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    const packet = await asked;
    if (packet !== undefined) this.#remember(key, packet);
    return packet;
  }

  async #askAll(question: Question): Promise<DecodedPacket | undefined> {
    let refused: DecodedPacket | undefined;
    for (const upstream of this.#options.upstreams) {
      const packet = await this.#askOne(upstream, question).catch(() => undefined);
      if (packet === undefined) continue;
      if (rcodeOf(packet) !== 'SERVFAIL' && rcodeOf(packet) !== 'REFUSED') return packet;
      refused = packet;
    }
    return refused;
  }

  async #askOne(upstream: string, question: Question): Promise<DecodedPacket> {
    const [host = '', port = '53'] = upstream.split(':');
    const id = randomInt(0x10000);
    const query = {
      type: 'query' as const,
      id,
      flags: 0x0100,
      questions: [question],
      additionals: [
        {
          type: 'OPT' as const,
          name: '.',
          udpPayloadSize: 1232,
          flags: 0,
          options: [],
          extendedRcode: 0,
          ednsVersion: 0,
          flag_do: false,
        },
      ],
    };
    const { clock } = this.#options;
    const sent = { clock, host, port: Number(port), id, question };
    const answer = await udpQuery({ ...sent, query: encode(query) });
    if (!answer.flag_tc) return answer;
    return tcpQuery({ ...sent, query: streamEncode(query) });
  }

  #remember(key: string, packet: DecodedPacket): void {
    const rcode = rcodeOf(packet);
    if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') return;
    const records = [...(packet.answers ?? []), ...(packet.authorities ?? [])];
    if (records.length > dnsLimits.cachedRecords) return;
    const ttls = records.flatMap((record) => ('ttl' in record ? [record.ttl ?? 0] : []));
    const negative = (packet.answers ?? []).length === 0;
    const max = negative ? dnsLimits.negativeSecondsMax : dnsLimits.ttlSecondsMax;
    const seconds = Math.min(max, ...ttls);
    if (ttls.length === 0 || seconds <= 0) return;
    if (this.#cache.size >= dnsLimits.cached) {
      const [oldest] = this.#cache.keys();
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    const fromMs = this.#options.clock.monotonicMs();
    this.#cache.delete(key);
    this.#cache.set(key, { packet, fromMs, untilMs: fromMs + seconds * 1000 });
  }
}

/** dns-packet decodes a response code that its types do not name. */
export function rcodeOf(packet: DecodedPacket): string {
  return (packet as DecodedPacket & { rcode?: string }).rcode ?? 'NOERROR';
}

function aged(packet: DecodedPacket, seconds: number): DecodedPacket {
  const age = <T extends object>(record: T): T =>
    'ttl' in record && typeof record.ttl === 'number'
      ? { ...record, ttl: Math.max(0, record.ttl - seconds) }
      : record;
  return {
    ...packet,
    answers: packet.answers?.map(age) ?? [],
    authorities: packet.authorities?.map(age) ?? [],
  };
}

interface Query {
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  readonly query: Buffer;
  readonly id: number;
  readonly question: Question;
}

function udpQuery({ clock, host, port, query, id, question }: Query): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const end = (act: () => void): void => {
      cancel();
      socket.close();
      act();
    };
    const cancel = clock.schedule(dnsLimits.serverMs, () =>
      end(() => reject(new Error('timeout'))),
    );
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message) => {
      try {
        const packet = decode(message);
        if (answersQuestion(packet, id, question)) end(() => resolve(packet));
      } catch {
        // Not from the server that was asked, or damaged: the right answer may still come.
      }
    });
    // A connected socket takes answers from that server only.
    socket.connect(port, host, () => socket.send(query));
  });
}

function tcpQuery({ clock, host, port, query, id, question }: Query): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const chunks: Buffer[] = [];
    const end = (act: () => void): void => {
      cancel();
      socket.destroy();
      act();
    };
    const cancel = clock.schedule(dnsLimits.serverMs, () =>
      end(() => reject(new Error('timeout'))),
    );
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => end(() => reject(new Error('closed without an answer'))));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks);
      if (all.length < 2 || all.length < all.readUInt16BE(0) + 2) return;
      try {
        const packet = decode(all.subarray(2, all.readUInt16BE(0) + 2));
        const right = answersQuestion(packet, id, question);
        end(() => (right ? resolve(packet) : reject(new Error('a foreign answer'))));
      } catch (error) {
        end(() => reject(error instanceof Error ? error : new Error('not DNS')));
      }
    });
    socket.write(query);
  });
}
