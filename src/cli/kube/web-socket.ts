import type { AgentOptions } from 'node:https';
import { WebSocket } from 'ws';
import type { KubeConfig } from './client-config.js';
import { targetOf } from './target.js';
import { ConnectionError, refusalOf } from './status-error.js';
import type { KubeRequest } from './types.js';

/** Of a message that is held in memory. */
const messageBytesMax = 16 * 1024 * 1024;
const answerBytesMax = 64 * 1024;

const protocolHeader = 'sec-websocket-protocol';
/** A protocol's name as the library takes it: to it `/` may not be in a name, which Kubernetes' names mind not. */
const tokenOf = (protocol: string): string => protocol.replaceAll('/', '.');

/**
 * Opens a WebSocket; a refusal is thrown as the server's Status.
 * @returns its `protocol` has a dot for each slash
 */
export function openWebSocket(options: {
  readonly server: string;
  readonly config: KubeConfig;
  readonly request: KubeRequest;
  readonly protocols: readonly string[];
  readonly tls: AgentOptions;
}): Promise<WebSocket> {
  const { server, config, request, protocols, tls } = options;
  const url = `${server.replace(/^http/, 'ws').replace(/\/$/, '')}${targetOf(request)}`;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols.map(tokenOf), {
      finishRequest: (call) => {
        call.setHeader(protocolHeader, protocols.join(','));
        call.prependOnceListener('upgrade', ({ headers }) => {
          const chosen = headers[protocolHeader];
          if (chosen !== undefined) headers[protocolHeader] = tokenOf(chosen);
        });
        call.end();
      },
      ...tls,
      headers: { ...(config.headers as Record<string, string>), 'user-agent': 'trireme' },
      perMessageDeflate: false,
      maxPayload: messageBytesMax,
    });
    // Messages that come with the handshake wait until somebody listens; a socket can be paused once it is open.
    socket.once('open', () => {
      socket.pause();
      resolve(socket);
    });
    socket.once('unexpected-response', (_request, answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= answerBytesMax) chunks.push(chunk);
      });
      answer.once('close', () => reject(refusalOf(answer.statusCode ?? 0, Buffer.concat(chunks))));
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ConnectionError(server, error, error.code === 'ECONNREFUSED')),
    );
  });
}
