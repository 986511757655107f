import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from '../clock.js';
import { secureContextOf } from './secure-contexts.js';

/** The client certificate of a channel, and the authorities that it trusts. */
export interface ChannelTls {
  /** PEM of the authorities that are believed. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must bear. @default the target's host */
  readonly serverName?: string;
  /** Checks the server beyond or instead of the chain; an Error refuses it. With it, `ca` may be absent. */
  readonly verify?: (peer: tls.PeerCertificate) => Error | undefined;
  /**
   * Checks whom the certificate names, beside the chain, in place of the look at its host names; an Error refuses it.
   */
  readonly identity?: (peer: tls.PeerCertificate) => Error | undefined;
}

/**
 * A connection on which HTTP/2 may start: TLS is done and the server is the one that was meant.
 * @throws the system's or TLS' error, or one that says that time ran out
 */
export function connectSocket(options: {
  readonly target: string;
  readonly tls: ChannelTls | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
}): Promise<net.Socket> {
  const address = splitTarget(options.target);
  const security = options.tls;
  return new Promise((resolve, reject) => {
    const socket =
      security === undefined
        ? net.connect({ ...address, noDelay: true })
        : connectTls(address, security);
    const cancelTimeout = options.clock.schedule(options.timeoutMs, () => {
      socket.destroy(new Error('timed out'));
    });
    const onError = (error: Error): void => {
      cancelTimeout();
      reject(error);
    };
    const onClose = (): void => onError(new Error('the connection was closed'));
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(security === undefined ? 'connect' : 'secureConnect', () => {
      const refusal =
        socket instanceof tls.TLSSocket && security?.verify !== undefined
          ? security.verify(socket.getPeerCertificate(true))
          : undefined;
      if (refusal !== undefined) {
        socket.destroy(refusal);
        return;
      }
      cancelTimeout();
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
      resolve(socket);
    });
  });
}

function connectTls(address: Address, security: ChannelTls): tls.TLSSocket {
  const serverName = security.serverName ?? ('host' in address ? address.host : 'localhost');
  const socket = tls.connect({
    ...address,
    ALPNProtocols: ['h2'],
    ...(net.isIP(serverName) === 0 ? { servername: serverName } : {}),
    secureContext: secureContextOf(security),
    // A joining machine has no authority yet: `verify` compares the certificate with a hash that its user gave.
    rejectUnauthorized: security.verify === undefined || security.ca !== undefined,
    checkServerIdentity: (_name, certificate) =>
      security.identity === undefined
        ? tls.checkServerIdentity(serverName, certificate)
        : security.identity(certificate),
  });
  socket.setNoDelay(true);
  return socket;
}

type Address = { readonly host: string; readonly port: number } | { readonly path: string };

function splitTarget(target: string): Address {
  if (target.startsWith('unix:')) return { path: target.slice('unix:'.length) };
  const at = target.lastIndexOf(':');
  return {
    host: target.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(target.slice(at + 1)),
  };
}
