import { once } from 'node:events';
import * as http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { KubeClient } from '../kube/types.js';
import { withSession } from '../kube/session.js';

/** Of one request. */
const bodyBytesMax = 64 * 1024 * 1024;
/** As kubectl: exec and attach are not for whoever is on this machine. */
const rejectedPaths = /^\/api\/.*\/pods\/.*\/(?:exec|attach)/;

/** `trireme proxy`. */
export const proxyCommand = defineCommand({
  name: 'proxy',
  summary: 'serve the API on a port of this machine, with our credentials',
  description:
    'Whoever reaches the port acts as us: it listens on localhost only, unless told otherwise.',
  usage: '[--port=PORT] [--address=IP]',
  examples: [
    ['on port 8001', 'trireme proxy'],
    ['on a port that is free', 'trireme proxy --port=0'],
  ],
  flags: {
    port: {
      type: 'int',
      short: 'p',
      default: 8001,
      help: 'where to listen; 0 is any that is free',
    },
    address: { type: 'text', default: '127.0.0.1', value: 'IP', help: 'where to listen' },
    'accept-hosts': {
      type: 'text',
      default: '^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$',
      value: 'PATTERNS',
      help: 'the Host headers that are served',
    },
    'reject-methods': {
      type: 'text',
      default: '^$',
      value: 'PATTERNS',
      help: 'methods that are refused',
    },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { flags, context } = invocation;
    return withSession(invocation, async ({ kube }) => {
      const patterns = (text: string): RegExp[] =>
        text.split(',').map((pattern) => new RegExp(pattern));
      const [hosts, methods] = [patterns(flags['accept-hosts']), patterns(flags['reject-methods'])];
      const server = http.createServer((request, response) => {
        const host = (request.headers.host ?? '').replace(/:\d+$/, '');
        const isAccepted =
          hosts.some((pattern) => pattern.test(host)) &&
          !methods.some((pattern) => pattern.test(request.method ?? '')) &&
          !rejectedPaths.test(request.url ?? '');
        if (!isAccepted) {
          response.writeHead(403).end('Forbidden');
          return;
        }
        void relay(kube, request, response);
      });
      server.listen(flags.port, flags.address);
      await Promise.race([
        once(server, 'listening'),
        once(server, 'error').then(([error]) => {
          throw new CommandLineError(errorMessage(error), { plain: true });
        }),
      ]);
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : flags.port;
      context.out(`Starting to serve on ${flags.address}:${port}\n`);
      await once(process, 'SIGINT');
      server.closeAllConnections();
      server.close();
      return 0;
    });
  },
});

/** Carries one request. */
async function relay(
  kube: KubeClient,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bodyBytesMax)
        throw new CommandLineError('the request is too large', { plain: true });
      chunks.push(chunk);
    }
    const { 'content-type': contentType, accept } = request.headers;
    const stream = await kube.stream({
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      ...(size === 0 ? {} : { body: Buffer.concat(chunks) }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(accept === undefined ? {} : { accept }),
    });
    response.writeHead(200, {
      'content-type': accept?.startsWith('text/html') === true ? 'text/plain' : 'application/json',
    });
    await pipeline(stream, response);
  } catch (error) {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { code, reason } = isApiError(error) ? error : { code: 502, reason: 'BadGateway' };
    response.writeHead(code, { 'content-type': 'application/json' });
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: errorMessage(error),
      reason,
      code,
    };
    response.end(JSON.stringify(status));
  }
}
