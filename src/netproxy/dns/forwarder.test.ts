import { afterEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { decode, encode, streamEncode } from 'dns-packet';
import type { Answer, DecodedPacket } from 'dns-packet';
import { ManualClock } from '../../lib/clock.js';
import { Forwarder, rcodeOf } from './forwarder.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Reply {
  readonly rcode?: number;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  /** Truncated: the whole answer is there over TCP only. */
  readonly truncated?: boolean;
  /** No answer at all. */
  readonly silent?: boolean;
}

const a = (ttl: number, data = '192.0.2.1'): Answer => ({
  type: 'A',
  name: 'www.example',
  ttl,
  data,
});
const soa: Answer = {
  type: 'SOA',
  name: 'example',
  ttl: 9,
  data: { mname: 'ns.example', rname: 'h.example', serial: 1, refresh: 1, retry: 1, expire: 1 },
};

/** Binds both transports to one port: a port that is free for one may be taken for the other. */
async function bindBoth(tcp: Server): Promise<Socket> {
  for (;;) {
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket('udp4');
    const isBound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    if (isBound) return udp;
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
  }
}

/**
 * A name server that says the same to every question. @returns its address, and how often it was asked, by transport
 */
async function upstream(
  reply: Reply,
): Promise<{ readonly address: string; readonly asked: { udp: number; tcp: number } }> {
  const asked = { udp: 0, tcp: 0 };
  const { rcode = 0, answers = [], authorities = [], truncated = false, silent = false } = reply;
  const packet = (message: Buffer, cut: boolean) => {
    const { id = 0, questions = [] } = decode(message);
    const sections = cut ? {} : { answers: [...answers], authorities: [...authorities] };
    const flags = 0x0080 | rcode | (cut ? 0x0200 : 0);
    return { type: 'response' as const, id, flags, questions, ...sections };
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      asked.tcp++;
      socket.write(streamEncode(packet(data.subarray(2), false)));
    });
  });
  const udp = await bindBoth(tcp);
  ends.push(
    () => udp.close(),
    () => tcp.close(),
  );
  const { port } = udp.address();
  udp.on('message', (message, from) => {
    asked.udp++;
    if (!silent) udp.send(encode(packet(message, truncated)), from.port, from.address);
  });
  return { address: `127.0.0.1:${port}`, asked };
}

const question = { type: 'A' as const, name: 'www.example' };
const addresses = (packet: DecodedPacket | undefined): string[] =>
  (packet?.answers ?? []).map(
    (record) =>
      `${'ttl' in record ? record.ttl : ''} ${'data' in record ? String(record.data as string) : ''}`,
  );

describe('an answer', () => {
  test('is remembered as long as it allows, its time counted down', async () => {
    const clock = new ManualClock();
    const { address, asked } = await upstream({ answers: [a(300), a(60, '192.0.2.2')] });
    const forwarder = new Forwarder({ upstreams: [address], clock });
    expect(addresses(await forwarder.ask(question))).toEqual(['300 192.0.2.1', '60 192.0.2.2']);
    clock.advance(59_000);
    expect(addresses(await forwarder.ask(question))).toEqual(['241 192.0.2.1', '1 192.0.2.2']);
    expect(asked.udp).toBe(1);
    clock.advance(1000);
    expect(addresses(await forwarder.ask(question))).toEqual(['300 192.0.2.1', '60 192.0.2.2']);
    expect(asked.udp).toBe(2);
  });

  test('is remembered by name, whatever its spelling, and type', async () => {
    const { address, asked } = await upstream({ answers: [a(300)] });
    const forwarder = new Forwarder({ upstreams: [address], clock: new ManualClock() });
    await forwarder.ask(question);
    await forwarder.ask({ ...question, name: 'WWW.example' });
    expect(asked.udp).toBe(1);
    await forwarder.ask({ ...question, type: 'AAAA' });
    expect(asked.udp).toBe(2);
  });

  test('that says no is remembered by its SOA, for half a minute at most', async () => {
    const clock = new ManualClock();
    const { address, asked } = await upstream({ rcode: 3, authorities: [{ ...soa, ttl: 900 }] });
    const forwarder = new Forwarder({ upstreams: [address], clock });
    expect(rcodeOf((await forwarder.ask(question))!)).toBe('NXDOMAIN');
    clock.advance(29_000);
    await forwarder.ask(question);
    expect(asked.udp).toBe(1);
    clock.advance(1000);
    await forwarder.ask(question);
    expect(asked.udp).toBe(2);
  });

  test('of a failure, or without any time, is not remembered', async () => {
    for (const reply of [{ rcode: 2, authorities: [soa] }, { answers: [a(0)] }, {}]) {
      const { address, asked } = await upstream(reply);
      const forwarder = new Forwarder({ upstreams: [address], clock: new ManualClock() });
      await forwarder.ask(question);
      await forwarder.ask(question);
      expect(asked.udp).toBe(2);
    }
  });

  test('that is truncated is asked for over TCP', async () => {
    const { address, asked } = await upstream({ truncated: true, answers: [a(300)] });
    const forwarder = new Forwarder({ upstreams: [address], clock: new ManualClock() });
    expect(addresses(await forwarder.ask(question))).toEqual(['300 192.0.2.1']);
    expect(asked).toEqual({ udp: 1, tcp: 1 });
  });
});

describe('name servers', () => {
  test('are asked in their order, the next one when one fails or refuses', async () => {
    const failing = await upstream({ rcode: 2 });
    const refusing = await upstream({ rcode: 5 });
    const good = await upstream({ answers: [a(300)] });
    const last = await upstream({ answers: [a(300, '192.0.2.9')] });
    const upstreams = [failing, refusing, good, last].map(({ address }) => address);
    const forwarder = new Forwarder({ upstreams, clock: new ManualClock() });
    expect(addresses(await forwarder.ask(question))).toEqual(['300 192.0.2.1']);
    expect([failing, refusing, good, last].map(({ asked }) => asked.udp)).toEqual([1, 1, 1, 0]);
  });

  test('that all fail: the last one’s word counts', async () => {
    const upstreams = [
      (await upstream({ rcode: 2 })).address,
      (await upstream({ rcode: 5 })).address,
    ];
    const forwarder = new Forwarder({ upstreams, clock: new ManualClock() });
    expect(rcodeOf((await forwarder.ask(question))!)).toBe('REFUSED');
  });

  test('that say nothing are given up after two seconds', async () => {
    const clock = new ManualClock();
    const silent = await upstream({ silent: true });
    const good = await upstream({ answers: [a(300)] });
    const forwarder = new Forwarder({ upstreams: [silent.address, good.address], clock });
    const answer = forwarder.ask(question);
    while (silent.asked.udp === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2000);
    expect(addresses(await answer)).toEqual(['300 192.0.2.1']);
  });

  test('none: no answer', async () => {
    const forwarder = new Forwarder({ upstreams: [], clock: new ManualClock() });
    expect(await forwarder.ask(question)).toBeUndefined();
  });

  test('are asked once for equal questions at the same time', async () => {
    const { address, asked } = await upstream({ answers: [a(0)] });
    const forwarder = new Forwarder({ upstreams: [address], clock: new ManualClock() });
    const answers = await Promise.all([1, 2, 3].map(() => forwarder.ask(question)));
    expect(answers.map(addresses)).toEqual([['0 192.0.2.1'], ['0 192.0.2.1'], ['0 192.0.2.1']]);
    expect(asked.udp).toBe(1);
  });
});
