/** Listeners of `port-forward` on this machine, with kubectl's words for those that cannot be had. */
import * as net from 'node:net';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';

/** An address to listen on. */
export interface ListenAddress {
  readonly address: string;
  readonly protocol: 'tcp4' | 'tcp6';
  /** `localhost` is two addresses, of which one is enough. */
  readonly isLocalhost: boolean;
}

/** A listener with its connections. */
export interface Listener {
  readonly close: () => void;
}

/** The addresses of `--address`, each once, in order. @throws CommandLineError for what is none */
export function parseAddresses(words: readonly string[]): ListenAddress[] {
  const found = new Map<string, ListenAddress>();
  for (const word of words) {
    if (word === 'localhost') {
      for (const [address, protocol] of [
        ['127.0.0.1', 'tcp4'],
        ['::1', 'tcp6'],
      ] as const) {
        if (!found.has(address)) found.set(address, { address, protocol, isLocalhost: true });
      }
      continue;
    }
    const family = net.isIP(word);
    if (family === 0) throw new CommandLineError(`${word} is not a valid IP`, { plain: true });
    const protocol = family === 4 ? 'tcp4' : 'tcp6';
    found.set(word, { address: word, protocol, isLocalhost: false });
  }
  return [...found.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

/**
 * Listens on one port of all addresses.
 * @param port 0: any that is free, the same on each address
 * @param serve gets each connection, whose error ends it and no more
 * @param opened is told of each listener, with its port
 * @returns what listens, and why that is not enough
 */
export async function listenOnPort(
  addresses: readonly ListenAddress[],
  port: number,
  serve: (connection: net.Socket) => void,
  opened: (address: string, port: number) => void,
): Promise<{ readonly listeners: readonly Listener[]; readonly failure?: string }> {
  const listeners: Listener[] = [];
  const failed: { readonly isLocalhost: boolean; readonly text: string }[] = [];
  let isLocal = false;
  let found = port;
  for (const { address, protocol, isLocalhost } of addresses) {
    try {
      const { close, port: own } = await listen(address, found, serve);
      listeners.push({ close });
      opened(address, own);
      isLocal ||= isLocalhost;
      found = own;
    } catch (error) {
      const where = `${protocol === 'tcp6' ? `[${address}]` : address}:${found}`;
      const text = `unable to create listener: Error listen ${protocol} ${where}: ${systemWords(error)}`;
      failed.push({ isLocalhost, text });
    }
  }
  const isEnough = failed.every(({ isLocalhost }) => isLocalhost && isLocal);
  if (isEnough) return { listeners };
  const texts = failed.map(({ text }) => text).join(' ');
  return {
    listeners,
    failure: `Listeners failed to create with the following errors: [${texts}]`,
  };
}

/** The system's words, as Go prints them. */
function systemWords(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'bind: address already in use';
    case 'EACCES':
      return 'bind: permission denied';
    case 'EADDRNOTAVAIL':
      return 'bind: cannot assign requested address';
    default:
      return errorMessage(error);
  }
}

function listen(
  address: string,
  port: number,
  serve: (connection: net.Socket) => void,
): Promise<{ readonly close: () => void; readonly port: number }> {
  const connections = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    connections.add(connection);
    connection.on('error', () => undefined);
    connection.once('close', () => connections.delete(connection));
    serve(connection);
  });
  const closeAll = (): void => {
    server.close();
    for (const connection of connections) connection.destroy();
  };
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen({ port, host: address, ipv6Only: true }, () => {
      resolve({ close: closeAll, port: (server.address() as net.AddressInfo).port });
    });
  });
}
