/** Accepts connections, bounds their number, and brings TLS up. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Clock } from '../clock.js';
import { ConnectionGate } from '../connection-gate.js';
import { connectionLimits } from '../net-limits.js';
import type { TlsSource } from '../pki/tls-source.js';
import { hasVerifiedCertificate } from './peer.js';

/** Certificates in PEM. */
export interface ServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** PEM of the authorities whose client certificates are accepted. */
  readonly ca?: string | Buffer;
  /**
   * `required` refuses the connection without a certificate that verifies; `optional` takes it and leaves
   * `peerCertificate` undefined. @default 'none'
   */
  readonly requestClientCert?: 'none' | 'optional' | 'required';
  /** @default 'TLSv1.2' */
  readonly minVersion?: tls.SecureVersion;
  /** @default 'TLSv1.3' */
  readonly maxVersion?: tls.SecureVersion;
  /** OpenSSL's list of cipher suites. @default Node's */
  readonly ciphers?: string;
  /** A further check of a client whose certificate verified; an Error ends the connection. */
  readonly verifyClient?: (peer: tls.DetailedPeerCertificate) => Error | undefined;
}

/** TCP itself finds out that a silent peer is gone; calls that only listen, such as watches, would never. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

/** Receives notice of connections. */
export interface ListenerEvents {
  /** A connection is up: its TLS, if there is any, too. */
  readonly accept: (socket: net.Socket) => void;
  /** TLS failed, or the further check of the client did. */
  readonly rejected: (error: Error, peer: string | undefined) => void;
}

/** A bound port. */
export interface Listener {
  readonly server: net.Server;
  /** Ends what goes on beside the server: certificates are not followed any more. */
  release(): void;
}

/**
 * A listener that is not listening yet. Connections beyond the bounds are closed before anything of them is read.
 * @param plain whoever speaks no TLS is accepted as well; its clock ends connections that say nothing
 */
export function createListener(
  source: TlsSource<ServerTls> | undefined,
  events: ListenerEvents,
  plain?: { readonly clock: Clock },
): Listener {
  const gate = new ConnectionGate();
  const secure = source === undefined ? undefined : createSecure(source, events);
  const server = net.createServer(socketOptions, (socket) => {
    if (!gate.admits(socket)) return;
    if (secure === undefined) events.accept(socket);
    else if (plain === undefined) secure.emit('connection', socket);
    else {
      whenItSpeaks(socket, plain.clock, (isTls) => {
        if (isTls) secure.emit('connection', socket);
        else events.accept(socket);
      });
    }
  });
  const release = source?.onChange((tls) => secure?.setSecureContext(secureContextOptions(tls)));
  return { server, release: () => release?.() };
}

/** The first byte of a connection of TLS: a record of its handshake. No request of HTTP begins so. */
const handshakeRecord = 0x16;

/** Tells by its first byte, which stays to be read, whether a connection speaks TLS. One that is silent is closed. */
function whenItSpeaks(socket: net.Socket, clock: Clock, tell: (isTls: boolean) => void): void {
  const cancel = clock.schedule(connectionLimits.firstBytesMs, () => socket.destroy());
  const onError = (): void => undefined;
  const onReadable = (): void => {
    const first = socket.read() as Buffer | null;
    if (first === null) return;
    cancel();
    socket.off('readable', onReadable);
    socket.off('error', onError);
    socket.unshift(first);
    tell(first[0] === handshakeRecord);
  };
  socket.on('readable', onReadable);
  socket.on('error', onError);
  socket.once('close', cancel);
}

function createSecure(
  source: TlsSource<ServerTls>,
  { accept, rejected }: ListenerEvents,
): tls.Server {
  const server = tls.createServer({
    ...secureContextOptions(source.current),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: connectionLimits.handshakeMs,
  });
  server.on('secureConnection', (socket) => {
    // A client could ask for handshake after handshake on one connection of TLS 1.2; nobody needs to.
    socket.disableRenegotiation();
    const refusal = hasVerifiedCertificate(socket)
      ? source.current.verifyClient?.(socket.getPeerCertificate(true))
      : undefined;
    if (refusal !== undefined) {
      rejected(refusal, socket.remoteAddress);
      socket.destroy();
      return;
    }
    accept(socket);
  });
  server.on('tlsClientError', (error, socket) => rejected(error, socket.remoteAddress));
  return server;
}

function secureContextOptions(options: ServerTls): tls.TlsOptions {
  const request = options.requestClientCert ?? 'none';
  return {
    cert: options.cert,
    key: options.key,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    requestCert: request !== 'none',
    // `optional` lets in whoever has none: each handler asks `peerCertificateOf`, which knows verified ones only.
    rejectUnauthorized: request === 'required',
    minVersion: options.minVersion ?? 'TLSv1.2',
    ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }),
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
  };
}
