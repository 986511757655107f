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
  if (connection.destroyed) {
    socket.terminate();
    return;
  }
  const greeted = new Set<number>();
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? 0;
    let body = data.subarray(1);
    if (!greeted.has(channel)) {
      greeted.add(channel);
      body = body.subarray(greetingBytes);
    }
    if (body.length === 0 || connection.destroyed) return;
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
  connection.once('close', () => {
    // A paused socket would not see that the other side closes too.
    socket.resume();
    socket.close();
  });
  socket.resume();
  connection.resume();
}

/**
 * Listens on this machine. A connection's error ends that connection and no more.
 * @returns what ends the listener with its connections, and its port
 */
export function listenLocal(
  host: string,
  port: number,
  serve: (connection: net.Socket) => void,
): Promise<{ readonly close: () => void; readonly port: number }> {
  const connections = new Set<net.Socket>();
  const server = net.createServer((connection) => {
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
    server.listen(port, host, () => {
      const { port: own } = server.address() as net.AddressInfo;
      resolve({ close: closeAll, port: own });
    });
  });
}
