import type { RawData, WebSocket } from 'ws';
import type { TerminalClient } from './terminal.js';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const highWaterBytes = 1024 * 1024;

/** `v4.channel.k8s.io` and `v5.channel.k8s.io`: each message begins with its channel; v5 can close stdin. */
export class WebSocketTerminal implements TerminalClient {
  readonly #socket: WebSocket;
  readonly #encode: (data: Buffer) => Buffer | string;
  #onStdin: (data: Buffer) => void = () => undefined;
  #onStdinClosed: () => void = () => undefined;
  #onResize: (size: { width: number; height: number }) => void = () => undefined;
  readonly #waiting: Buffer[] = [];
  #attached = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    const isText = socket.protocol.startsWith('base64.');
    this.#encode = isText
      ? (data) => `${data[0] ?? 0}${data.subarray(1).toString('base64')}`
      : (data) => data;
    socket.on('message', (data, isBinary) => this.#receive(toBuffer(data), isBinary));
    socket.on('error', () => undefined);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (data.length === 0) return;
    const message = isBinary
      ? data
      : Buffer.concat([
          Buffer.from([(data[0] ?? 0x30) - 0x30]),
          Buffer.from(data.subarray(1).toString(), 'base64'),
        ]);
    if (!this.#attached) this.#waiting.push(message);
    else this.#handle(message);
  }

  #handle(message: Buffer): void {
    const rest = message.subarray(1);
    switch (message[0]) {
      case channels.stdin:
        if (rest.length > 0) this.#onStdin(rest);
        return;
      case channels.resize:
        this.#resize(rest.toString());
        return;
      case channels.close:
        if (rest[0] === channels.stdin) this.#onStdinClosed();
        return;
      default:
    }
  }

  #resize(text: string): void {
    try {
      const size = JSON.parse(text) as { Width?: number; Height?: number };
      this.#onResize({ width: size.Width ?? 0, height: size.Height ?? 0 });
    } catch {
      // A size that cannot be read changes nothing.
    }
  }

  #send(channel: number, data: Buffer): boolean {
    this.#socket.send(this.#encode(Buffer.concat([Buffer.from([channel]), data])));
    return this.#socket.bufferedAmount < highWaterBytes;
  }

  stdout(data: Buffer): boolean {
    return this.#send(channels.stdout, data);
  }

  stderr(data: Buffer): boolean {
    return this.#send(channels.stderr, data);
  }

  finish(status: object): void {
    this.#send(channels.error, Buffer.from(JSON.stringify(status)));
    this.#socket.close(1000);
  }

  drained(): Promise<void> {
    if (this.#socket.bufferedAmount < highWaterBytes) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.ping(undefined, undefined, () => resolve());
    });
  }

  onStdin(handler: (data: Buffer) => void): void {
    this.#onStdin = handler;
  }

  onStdinClosed(handler: () => void): void {
    this.#onStdinClosed = handler;
  }

  /** The last of the handlers to be set: from now on messages are delivered, those that waited first. */
  onResize(handler: (size: { width: number; height: number }) => void): void {
    this.#onResize = handler;
    this.#attached = true;
    for (const message of this.#waiting.splice(0)) this.#handle(message);
  }

  onClosed(handler: () => void): void {
    this.#socket.on('close', handler);
  }
}

function toBuffer(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
