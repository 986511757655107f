import * as http from 'node:http';
import * as https from 'node:https';
import type { AgentOptions } from 'node:https';
import type { KubeConfig } from './client-config.js';
import { targetOf } from './target.js';
import { ConnectionError } from './status-error.js';
import type { KubeRequest, KubeUpgrade } from './types.js';

/** Asks a server for another protocol, on a connection of its own. @throws ConnectionError when nobody answers */
export function requestUpgrade(options: {
  readonly server: string;
  readonly config: KubeConfig;
  readonly request: KubeRequest;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: AgentOptions;
  readonly signal?: AbortSignal | undefined;
}): Promise<KubeUpgrade> {
  const { server, config, request, headers, tls, signal } = options;
  const url = new URL(server);
  const isPlain = url.protocol === 'http:';
  return new Promise((resolve, reject) => {
    const call = (isPlain ? http : https).request({
      ...(isPlain ? {} : tls),
      agent: false,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (isPlain ? 80 : 443) : Number(url.port),
      path: `${url.pathname.replace(/\/$/, '')}${targetOf(request)}`,
      method: request.method ?? 'GET',
      // Who asks is ours to say, whatever the caller hands on.
      headers: {
        ...headers,
        'user-agent': 'trireme',
        ...(config.headers as Record<string, string>),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    call.once('upgrade', (answer, socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ code: 101, headers: answer.headers, socket, body: undefined });
    });
    call.once('response', (answer) =>
      resolve({
        code: answer.statusCode ?? 0,
        headers: answer.headers,
        socket: undefined,
        body: answer,
      }),
    );
    call.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ConnectionError(server, error, error.code === 'ECONNREFUSED')),
    );
    call.end();
  });
}
