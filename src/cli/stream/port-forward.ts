/** Ports of a pod on this machine: each connection is a WebSocket of its own (`v4.channel.k8s.io`). */
import * as net from 'node:net';
import type { WebSocket } from 'ws';
import { errorMessage } from '../../lib/errors.js';

const dataChannel = 0;
const errorChannel = 1;
/** On each channel the server first says the port, in two bytes. */
const greetingBytes = 2;
const bufferedBytesMax = 1024 * 1024;

/** The protocol of {@link forwardConnection}. */
export const forwardProtocols = ['v4.channel.k8s.io'];

/** A pair of ports. */
export interface PortPair {
  /** 0 is any that is free. */
  readonly local: number;
  readonly remote: number;
}

/** Carries one connection. */
export function forwardConnection(
  connection: net.Socket,
  socket: WebSocket,
  fail: (text: string) => void,
): void {
  const greeted = new Set<number>();
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? 0;
    let body = data.subarray(1);
    if (!greeted.has(channel)) {
      greeted.add(channel);
      body = body.subarray(greetingBytes);
    }
    if (body.length === 0) return;
    if (channel === errorChannel) fail(body.toString('utf8'));
    else if (!connection.write(body)) {
      socket.pause();
      connection.once('drain', () => socket.resume());
    }
  });
  connection.on('data', (chunk: Buffer) => {
    socket.send(Buffer.concat([Buffer.from([dataChannel]), chunk]), () => {
      if (socket.bufferedAmount < bufferedBytesMax) connection.resume();
    });
    if (socket.bufferedAmount >= bufferedBytesMax) connection.pause();
  });
  socket.once('close', () => connection.end());
  socket.once('error', (error) => fail(errorMessage(error)));
  connection.once('error', () => socket.close());
  connection.once('close', () => socket.close());
  socket.resume();
}

/** Listens on this machine. @returns the listener, and its port */
export function listenLocal(
  host: string,
  port: number,
  serve: (connection: net.Socket) => void,
): Promise<{ readonly server: net.Server; readonly port: number }> {
  const server = net.createServer(serve);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      resolve({ server, port: (server.address() as net.AddressInfo).port });
    });
  });
}
