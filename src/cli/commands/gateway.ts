import { Command } from 'commander';
import * as net from 'node:net';
import { systemClock } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { ConnectionGate } from '../../lib/connection-gate.js';
import type { Logger } from '../../lib/log.js';
import { createLogger } from '../../lib/create-logger.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import { parseFlags } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import type { Address, Probe } from './gateway-targets.js';
import { GatewayTargets } from './gateway-targets.js';

interface Flags {
  readonly listen: string;
  readonly targets: string;
}

/** The next master is tried when one has not accepted within this time. */
const connectTimeoutMs = 1000;
/** Connections at once, of all clients and of one address; one more is refused. */
const connections = { total: 4096, perAddress: 2048 };

/**
 * `trireme gateway`: one TCP address in front of all masters, for clients that know only one. It looks into nothing
 * (TLS goes through), and gives each new connection to the first ready master that accepts, the last good one first.
 */
export async function runGateway(argv: readonly string[]): Promise<number> {
  const command = new Command('gateway')
    .requiredOption('--listen <host:port>', 'where clients connect')
    .requiredOption('--targets <host:port,...>', 'the masters');
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return 0;
  const listen = splitAddress(parsed.options.listen);
  const targets = parsed.options.targets.split(',').map(splitAddress);
  const log = createLogger({ component: 'gateway' });
  const { gateway, watched } = createGateway({ targets, log, clock: systemClock() });
  await new Promise<void>((resolve, reject) => {
    gateway.once('error', reject);
    gateway.listen(listen.port, listen.host, resolve);
  });
  log.info(
    { listen: parsed.options.listen, targets: parsed.options.targets },
    'the gateway listens',
  );
  watched.start();
  const stopping = shutdownSignal();
  await new Promise((resolve) => {
    stopping.addEventListener('abort', resolve);
  });
  watched.stop();
  gateway.close();
  return 0;
}

function splitAddress(text: string): Address {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`"${text}" is not host:port`);
  }
  return { host: text.slice(0, at), port };
}

/** The server, not yet listening, and its masters, not yet watched. */
export function createGateway(options: {
  readonly targets: readonly Address[];
  readonly log: Logger;
  readonly clock: Clock;
  /** @default asks each master for `/readyz` */
  readonly probe?: Probe;
}): { readonly gateway: net.Server; readonly watched: GatewayTargets } {
  const open = new Map<Address, Set<net.Socket>>();
  const watched = new GatewayTargets({
    ...options,
    onLeft: (target) => {
      for (const socket of open.get(target) ?? []) socket.destroy();
    },
  });
  const hold = (target: Address, upstream: net.Socket): void => {
    const sockets = open.get(target) ?? new Set();
    open.set(target, sockets.add(upstream));
    upstream.once('close', () => sockets.delete(upstream));
  };
  const gate = new ConnectionGate(connections);
  const gateway = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (!gate.admits(client)) return;
    client.on('error', () => undefined);
    const targets = watched.inOrder();
    const tryNext = (tried: number): void => {
      const target = targets[tried];
      if (target === undefined) {
        options.log.warn({}, 'no master accepts connections');
        client.destroy();
        return;
      }
      connectTo(target, options.clock).then(
        (upstream) => {
          watched.prefer(target);
          hold(target, upstream);
          join(client, upstream);
        },
        () => tryNext(tried + 1),
      );
    };
    tryNext(0);
  });
  return { gateway, watched };
}

function connectTo(target: Address, clock: Clock): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...target, allowHalfOpen: true, noDelay: true });
    const cancel = clock.schedule(connectTimeoutMs, () => {
      socket.destroy(new Error('timed out'));
    });
    socket.once('error', (error) => {
      cancel();
      reject(error);
    });
    socket.once('connect', () => {
      cancel();
      resolve(socket);
    });
  });
}

/** Bytes both ways; when one side breaks, so does the other. */
function join(client: net.Socket, upstream: net.Socket): void {
  upstream.on('error', () => undefined);
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  client.pipe(upstream);
  upstream.pipe(client);
}
