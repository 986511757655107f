/**
 * One end of the packets of policy-packets.test.ts, in a network namespace of its own: answers on every port, and tries
 * what it is told to.
 */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { systemClock } from '../../src/lib/clock.js';
import { ports } from '../sim/policies/world.js';

const clock = systemClock();

/** An attempt, as the parent asks for it. */
export interface Wanted {
  readonly to: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  /** Of a datagram: one that no datagram had before, as connections that are known are not judged again. */
  readonly sourcePort: number;
}

/** What the parent asks for. */
export interface Request {
  readonly attempts: readonly Wanted[];
  readonly waitMs: number;
}

function reachesByTcp({ to, port }: Wanted, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port });
    const settle = (reached: boolean): void => {
      onTime();
      socket.destroy();
      resolve(reached);
    };
    const onTime = clock.schedule(waitMs, () => settle(false));
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
  });
}

function reachesByUdp({ to, port, sourcePort }: Wanted, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const settle = (reached: boolean): void => {
      onTime();
      socket.close();
      resolve(reached);
    };
    const onTime = clock.schedule(waitMs, () => settle(false));
    socket.on('message', () => settle(true));
    socket.on('error', () => settle(false));
    socket.bind(sourcePort, () => socket.send('x', port, to));
  });
}

await Promise.all(
  ports.map(async (port) => {
    const tcp = createServer((socket) => socket.on('error', () => undefined).end());
    await new Promise<void>((resolve) => {
      tcp.listen(port, '0.0.0.0', resolve);
    });
    const udp = createSocket('udp4');
    udp.on('message', (message, { port: back, address }) => udp.send(message, back, address));
    await new Promise<void>((resolve) => {
      udp.bind(port, '0.0.0.0', resolve);
    });
  }),
);
process.on('message', ({ attempts, waitMs }: Request) => {
  const tries = attempts.map((wanted) =>
    wanted.protocol === 'TCP' ? reachesByTcp(wanted, waitMs) : reachesByUdp(wanted, waitMs),
  );
  void Promise.all(tries).then((results) => process.send?.(results));
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
