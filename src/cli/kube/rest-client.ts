/** Requests to the API server over HTTPS; another master is asked when one does not answer. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { ApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { goDurationMs } from './duration.js';
import type { GlobalValues, KubeConfig } from './client-config.js';
import { loadKubeConfig } from './client-config.js';
import { ConnectionError, refusalOf } from './status-error.js';
import { targetOf } from './target.js';
import type { KubeAnswer, KubeClient, KubeRequest, KubeUpgrade } from './types.js';
import { formatJson, parseJson } from '../../lib/json.js';

/** A master that takes no connection within this is passed over, if there is another. */
const connectMsMax = 2_000;
/** Of an answer that is held in memory. */
const answerBytesMax = 512 * 1024 * 1024;

interface RestOptions {
  readonly config: KubeConfig;
  readonly clock: Clock;
  /** For words to a person. */
  readonly err: (text: string) => void;
  readonly timeoutMs: number;
  readonly verbosity: number;
}

/** A client of the cluster that the flags and kubeconfigs name. */
export function createKubeClient(
  flags: GlobalValues,
  context: { readonly clock: Clock; readonly err: (text: string) => void },
): KubeClient {
  return new RestClient({
    config: loadKubeConfig(flags),
    clock: context.clock,
    err: context.err,
    timeoutMs: goDurationMs(flags['request-timeout']),
    verbosity: flags.v,
  });
}

class RestClient implements KubeClient {
  readonly #options: RestOptions;
  readonly #agents = new Map<string, http.Agent>();
  readonly #failed: string[] = [];
  readonly #warnings = new Set<string>();
  #servers: readonly string[];

  constructor(options: RestOptions) {
    this.#options = options;
    this.#servers = options.config.servers;
  }

  get namespace(): string {
    return this.#options.config.namespace;
  }

  get server(): string {
    return this.#servers[0] ?? '';
  }

  async json<T>(request: KubeRequest): Promise<T> {
    return parseJson((await this.raw(request)).toString('utf8')) as T;
  }

  async raw(request: KubeRequest): Promise<Buffer> {
    const answer = await this.#send(request);
    const body = await collect(answer);
    if ((answer.statusCode ?? 0) >= 400) throw refusalOf(answer.statusCode ?? 0, body);
    return body;
  }

  async stream(request: KubeRequest, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const answer = await this.#send(request, signal);
    if ((answer.statusCode ?? 0) < 400) return answer;
    throw refusalOf(answer.statusCode ?? 0, await collect(answer));
  }

  async exchange(request: KubeRequest, signal?: AbortSignal): Promise<KubeAnswer> {
    const answer = await this.#send(request, signal);
    return { code: answer.statusCode ?? 0, headers: answer.headers, body: answer };
  }

  async webSocket(request: KubeRequest, protocols: readonly string[]): Promise<WebSocket> {
    const { openWebSocket } = await import('./web-socket.js');
    const { config } = this.#options;
    return this.#onLivingServer((server) =>
      openWebSocket({ server, config, request, protocols, tls: this.#tls() }),
    );
  }

  async upgrade(
    request: KubeRequest,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<KubeUpgrade> {
    const { requestUpgrade } = await import('./upgrade.js');
    const { config } = this.#options;
    return this.#onLivingServer((server) =>
      requestUpgrade({ server, config, request, headers, tls: this.#tls(), signal }),
    );
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #tls(): https.AgentOptions {
    const { ca, cert, key, insecure, serverName } = this.#options.config;
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      // The user's own choice: `--insecure-skip-tls-verify`, or the kubeconfig's field.
      rejectUnauthorized: !insecure,
    };
  }

  #agent(server: string): http.Agent {
    let agent = this.#agents.get(server);
    if (agent === undefined) {
      const options = { keepAlive: true, maxSockets: 16 };
      agent = server.startsWith('http:')
        ? new http.Agent(options)
        : new https.Agent({ ...options, ...this.#tls() });
      this.#agents.set(server, agent);
    }
    return agent;
  }

  /** Asks the servers in order until one can be reached; that one stays first. */
  async #onLivingServer<T>(attempt: (server: string) => Promise<T>): Promise<T> {
    for (const server of this.#servers) {
      try {
        const answer = await attempt(server);
        this.#sayWhoAnswered(server);
        return answer;
      } catch (error) {
        if (!(error instanceof ConnectionError) || !error.unsent) throw error;
        this.#failed.push(`${new URL(server).host} (${error.why})`);
        if (server === this.#servers.at(-1)) throw error;
      }
    }
    throw new TypeError('no API server is named');
  }

  #sayWhoAnswered(server: string): void {
    if (server === this.#servers[0]) return;
    const dead = this.#failed.splice(0).join(', ');
    this.#options.err(`No answer from master ${dead}; asked ${new URL(server).host} instead.\n`);
    this.#servers = [server, ...this.#servers.filter((other) => other !== server)];
  }

  async #send(request: KubeRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const { clock, verbosity, err } = this.#options;
    const startMs = clock.monotonicMs();
    const answer = await this.#onLivingServer((server) => this.#attempt(server, request, signal));
    if (verbosity >= 6) {
      const took = Math.round(clock.monotonicMs() - startMs);
      const url = `${this.server}${targetOf(request)}`;
      err(`${request.method ?? 'GET'} ${url} ${answer.statusCode ?? 0} in ${took} milliseconds\n`);
    }
    this.#warn(answer);
    return answer;
  }

  /** Prints the server's warnings, each once. */
  #warn(answer: IncomingMessage): void {
    const header = answer.headers['warning'];
    for (const match of (header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      const text = (match[1] ?? '').replaceAll(/\\(.)/g, '$1');
      if (!this.#warnings.has(text)) this.#options.err(`Warning: ${text}\n`);
      this.#warnings.add(text);
    }
  }

  #attempt(server: string, request: KubeRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const { clock, config, timeoutMs } = this.#options;
    const { body, contentType = 'application/json', accept = 'application/json' } = request;
    const bytes = body === undefined ? undefined : encode(body);
    const url = new URL(server);
    const isPlain = url.protocol === 'http:';
    const base = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '');
    return new Promise((resolve, reject) => {
      const call = (isPlain ? http : https).request({
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? (isPlain ? 80 : 443) : Number(url.port),
        path: `${base}${targetOf(request)}`,
        method: request.method ?? 'GET',
        agent: this.#agent(server),
        ...(signal === undefined ? {} : { signal }),
        headers: {
          accept,
          'user-agent': 'trireme',
          ...(config.headers as Record<string, string>),
          ...(bytes === undefined
            ? {}
            : { 'content-type': contentType, 'content-length': bytes.length }),
        },
      });
      let isReady = false;
      const fail = (why: string): void => void call.destroy(new Error(why));
      const others = this.#servers.length > 1;
      const cancelConnect = others
        ? clock.schedule(connectMsMax, () => fail(`no connection within ${connectMsMax} ms`))
        : () => undefined;
      const cancelAll =
        timeoutMs === 0
          ? () => undefined
          : clock.schedule(timeoutMs, () => fail('context deadline exceeded'));
      const ready = (): void => {
        isReady = true;
        cancelConnect();
      };
      call.once('socket', (socket) => {
        if (!socket.connecting) ready();
        else socket.once(isPlain ? 'connect' : 'secureConnect', ready);
      });
      call.once('response', (answer) => {
        ready();
        answer.once('close', cancelAll);
        resolve(answer);
      });
      call.once('error', (error: NodeJS.ErrnoException) => {
        cancelConnect();
        cancelAll();
        // A connection that was kept may have ended on the other side before it carried the request.
        const stale = call.reusedSocket && error.code === 'ECONNRESET';
        const isRead = (request.method ?? 'GET') === 'GET';
        reject(new ConnectionError(server, error, !isReady || (stale && isRead)));
      });
      call.end(bytes);
    });
  }
}

function encode(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : formatJson(body));
}

async function collect(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerBytesMax) throw new ApiError(500, '', 'the answer is too large');
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(503, '', `the answer broke off: ${errorMessage(error)}`, {
      definite: false,
      cause: error,
    });
  }
  return Buffer.concat(chunks);
}
