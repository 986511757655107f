/** Ports of a pod on this machine: each connection is a WebSocket of its own. */
import type * as net from 'node:net';
import type { WebSocket } from 'ws';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import type { KubeClient, KubeRequest } from '../kube/types.js';
import { SpdyPair } from './spdy-pair.js';

const dataChannel = 0;
const errorChannel = 1;
/** On each channel the server first says the port, in two bytes. */
const greetingBytes = 2;
const bufferedBytesMax = 1024 * 1024;

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const channelProtocol = 'v4.channel.k8s.io';

/** Opens what {@link forwardConnection} carries a connection over. A server may refuse the better one's name. */
export async function openForward(kube: KubeClient, request: KubeRequest): Promise<WebSocket> {
  try {
    return await kube.webSocket(request, [tunnelProtocol, channelProtocol]);
  } catch (error) {
    if (!isApiError(error) || error.code !== 400) throw error;
    return kube.webSocket(request, [channelProtocol]);
  }
}

/** A pair of ports. */
export interface PortPair {
  /** 0 is any that is free. */
  readonly local: number;
  readonly remote: number;
}

/** Carries one connection to a port of the pod. `fail` tells the user why, and ends the connection. */
export function forwardConnection(
  connection: net.Socket,
  socket: WebSocket,
  { port, fail }: { readonly port: number; readonly fail: (text: string) => void },
): void {
  if (connection.destroyed) {
    socket.terminate();
    return;
  }
  socket.once('close', () => {
    connection.end();
    // What the client still sends is passed over: broken off, it might lose what it has not read.
    connection.resume();
  });
  socket.once('error', (error) => fail(errorMessage(error)));
  connection.once('close', () => {
    // A paused socket would not see that the other side closes too.
    socket.resume();
    socket.close();
  });
  if (socket.protocol.startsWith('SPDY')) carryStreams(connection, socket, { port, fail });
  else carryChannels(connection, socket, fail);
  socket.resume();
}

/** By a pair of SPDY streams in the messages: each direction ends by itself. */
function carryStreams(
  connection: net.Socket,
  socket: WebSocket,
  { port, fail }: { readonly port: number; readonly fail: (text: string) => void },
): void {
  let isOpen = false;
  const pair = new SpdyPair({
    send: (bytes) => (isOpen ? send(connection, socket, bytes) : socket.send(bytes)),
    data: (bytes) => deliver(connection, socket, bytes),
    end: () => connection.end(),
    reset: () => connection.destroy(),
    failed: fail,
  });
  socket.on('message', (data: Buffer) => pair.receive(data));
  const begin = (): void => {
    isOpen = true;
    connection.on('data', (chunk: Buffer) => pair.write(chunk));
    connection.once('end', () => pair.end());
    connection.resume();
  };
  pair.open(port).then(begin, (error: unknown) => fail(errorMessage(error)));
}

/** By channels, for servers before 1.31: they cannot be told that one direction has ended, so both do. */
function carryChannels(
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
    else deliver(connection, socket, body);
  });
  connection.on('data', (chunk: Buffer) =>
    send(connection, socket, Buffer.concat([Buffer.from([dataChannel]), chunk])),
  );
  connection.once('end', () => connection.end());
  connection.resume();
}

function deliver(connection: net.Socket, socket: WebSocket, bytes: Buffer): void {
  if (connection.destroyed || connection.write(bytes)) return;
  socket.pause();
  connection.once('drain', () => socket.resume());
}

/** Sends, and holds the client while too much waits. */
function send(connection: net.Socket, socket: WebSocket, bytes: Buffer): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(bytes, () => {
    if (socket.bufferedAmount < bufferedBytesMax) connection.resume();
  });
  if (socket.bufferedAmount >= bufferedBytesMax) connection.pause();
}
