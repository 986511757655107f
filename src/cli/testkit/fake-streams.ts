/** The streams of a node that has no containers: a command runs as a process of this machine, in a given directory. */
import { spawn } from 'node:child_process';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const;

/** Without a code, clients take the end for a failure. */
const normalClosure = 1000;

const message = (channel: number, body: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(body)]);

/** The status with which a command's end is told. */
function ending(code: number): string {
  if (code === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  const words = `command terminated with non-zero exit code: exit status ${code}`;
  const details = { causes };
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: words,
    reason: 'NonZeroExitCode',
    details,
  });
}

/** Serves `exec` and `attach` over WebSockets. */
export class FakeStreams {
  readonly #directory: string;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) =>
      ['v5.channel.k8s.io', 'v4.channel.k8s.io'].find((name) => protocols.has(name)) ?? false,
  });

  /** @param directory in which commands run */
  constructor(directory: string) {
    this.#directory = directory;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://node');
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      if (pathname.endsWith('/exec')) this.#exec(opened, searchParams);
      else {
        opened.send(message(channels.stdout, 'what it prints from now on\n'));
        opened.send(message(channels.error, ending(0)));
        opened.close(normalClosure);
      }
    });
  }

  /** Ends all streams. */
  cut(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  close(): void {
    this.cut();
    this.#sockets.close();
  }

  #exec(socket: WebSocket, query: URLSearchParams): void {
    const [name = '', ...args] = query.getAll('command');
    const child = spawn(name, args, { cwd: this.#directory, stdio: ['pipe', 'pipe', 'pipe'] });
    const end = (text: string): void => {
      socket.send(message(channels.error, text));
      socket.close(normalClosure);
    };
    socket.on('message', (data: Buffer) => {
      if (data[0] === channels.stdin) child.stdin.write(data.subarray(1));
      else if (data[0] === channels.close) child.stdin.end();
    });
    socket.once('close', () => child.kill());
    if (query.get('stdin') !== 'true') child.stdin.end();
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => socket.send(message(channels.stdout, chunk)));
    child.stderr.on('data', (chunk: Buffer) => socket.send(message(channels.stderr, chunk)));
    child.once('error', () => {
      const words = `exec: "${name}": executable file not found in $PATH`;
      end(JSON.stringify({ status: 'Failure', reason: 'InternalError', message: words }));
    });
    child.once('close', (code) => {
      if (code !== null) end(ending(code));
    });
  }
}
