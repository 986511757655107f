/** Requests that change their protocol on the way to another server: the two connections become one. */
import type * as http from 'node:http';
import type { Duplex } from 'node:stream';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A connection that its client wants to turn into something else. */
export interface Upgrading {
  readonly request: http.IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The server's socket once it has switched, or its refusal. */
export type Switched =
  | { readonly socket: Duplex; readonly head: http.IncomingMessage; readonly rest: Buffer }
  | { readonly refusal: http.IncomingMessage };

/**
 * Sends a request that asks for another protocol.
 * @param client its connection, which nobody else reads by now: when it ends, so does the request
 * @throws the error of the connection
 */
export async function switched(sent: http.ClientRequest, client: Duplex): Promise<Switched> {
  const onGone = (): void => {
    sent.destroy(new Error('the client has gone'));
  };
  // What the client says early stays where it is; that it has ended shows only to who reads.
  const look = (): void => {
    if (client.readableLength === 0) client.read();
  };
  client.on('readable', look).once('end', onGone).once('close', onGone);
  try {
    return await new Promise((resolve, reject) => {
      sent.once('upgrade', (head, socket, rest) => resolve({ socket, head, rest }));
      sent.once('response', (refusal) => resolve({ refusal }));
      sent.on('error', reject);
      sent.end();
    });
  } finally {
    client.off('readable', look).off('end', onGone).off('close', onGone);
  }
}

/** Tells the client of the switch, and carries both ways until both are closed. @param started with the code */
export async function carry(
  { response, socket, head }: Upgrading,
  answer: Extract<Switched, { readonly socket: Duplex }>,
  started: (code: number) => void,
): Promise<number> {
  try {
    response.detachSocket(socket as Socket);
    started(101);
    socket.write(headText(answer.head));
    socket.write(answer.rest);
    answer.socket.write(head);
    await joined(socket, answer.socket);
  } finally {
    answer.socket.destroy();
  }
  return 101;
}

/** The head of the 101, with all of its fields: they are the new protocol's. */
function headText({ rawHeaders, statusMessage }: http.IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${statusMessage ?? 'Switching Protocols'}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at] ?? ''}: ${rawHeaders[at + 1] ?? ''}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * Resolves when both are closed. Each ends with the other, also with its half: whoever has nothing more to say has
 * gone, as Kubernetes takes it; the other side might never say so.
 */
async function joined(one: Duplex, other: Duplex): Promise<void> {
  const over = (socket: Duplex): Promise<void> =>
    new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', resolve);
    });
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => undefined);
    // Its client may have gone while the server was asked: nothing tells of that again.
    if (from.destroyed) to.destroy();
    else from.once('close', () => to.destroy());
    to.once('finish', () => to.destroy());
    from.pipe(to);
  }
  await Promise.all([over(one), over(other)]);
}
