/** A client of the REST API over HTTPS that keeps its connections, and measures how long each call takes. */
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import { performance } from 'node:perf_hooks';
import type { Access } from './master-process.js';

/** An event of a watch. */
export interface WatchEvent<T> {
  readonly type: string;
  readonly object: T;
}

/** A body, and the content type that says what kind of patch it is. */
export interface Patch {
  readonly type: 'application/merge-patch+json' | 'application/strategic-merge-patch+json';
  readonly body: object;
}

export class RestClient {
  readonly #access: Access;
  readonly #agent: https.Agent;
  readonly #watchers = new Set<() => void>();

  constructor(access: Access, connections: number) {
    this.#access = access;
    this.#agent = new https.Agent({ keepAlive: true, maxSockets: connections, ...access.tls });
  }

  /** @returns the length of the answer in bytes. @throws Error for an answer that is no success */
  async call(method: string, path: string, body?: object): Promise<number> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return (await this.#ask(method, path, 'application/json', text)).length;
  }

  /** @throws Error for an answer that is no success */
  async patch(path: string, { type, body }: Patch): Promise<void> {
    await this.#ask('PATCH', path, type, JSON.stringify(body));
  }

  /** @returns the object or list at the path. @throws Error for an answer that is no success */
  async read<T>(path: string): Promise<T> {
    const answer = await this.#ask('GET', path, 'application/json', undefined);
    return JSON.parse(answer.toString()) as T;
  }

  #ask(method: string, path: string, type: string, body: string | undefined): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { port } = this.#access;
      const headers = body === undefined ? {} : { 'content-type': type };
      const options = { host: '127.0.0.1', port, method, path, agent: this.#agent, headers };
      const request = https.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0 } = response;
          const answer = Buffer.concat(chunks);
          if (statusCode < 300) resolve(answer);
          else reject(new Error(`${method} ${path}: ${statusCode} ${answer.toString()}`));
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  /**
   * Watches a list's path on a connection of its own until {@link close}. A watch that breaks is an error for `onEnd`.
   * @returns once the server has answered
   */
  watch<T>(
    path: string,
    onEvent: (event: WatchEvent<T>) => void,
    onEnd: (error: Error) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { port, tls } = this.#access;
      const agent = new https.Agent({ maxSockets: 1, ...tls });
      const request = https.request({ host: '127.0.0.1', port, path, agent }, (response) => {
        if (response.statusCode !== 200) {
          reject(new Error(`watch ${path}: ${response.statusCode}`));
          return;
        }
        readLines(response, (line) => onEvent(JSON.parse(line) as WatchEvent<T>));
        response.on('close', () => {
          if (this.#watchers.delete(stop)) onEnd(new Error(`the watch of ${path} ended`));
        });
        resolve();
      });
      const stop = (): void => {
        this.#watchers.delete(stop);
        request.destroy();
        agent.destroy();
      };
      this.#watchers.add(stop);
      request.on('error', reject);
      request.end();
    });
  }

  close(): void {
    for (const stop of this.#watchers) stop();
    this.#agent.destroy();
  }
}

function readLines(response: IncomingMessage, onLine: (line: string) => void): void {
  let rest = '';
  response.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
  response.on('error', () => undefined);
}

/**
 * Runs `count` calls, `clients` at a time.
 * @returns how long each took, in milliseconds
 */
export async function spread(
  count: number,
  clients: number,
  run: (index: number) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun < count) {
      const index = begun++;
      const startMs = performance.now();
      await run(index);
      times.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times;
}
