/** The side of netproxy: a socket at which the node's agent asks it to isolate pods; see messages.ts. */
import { mkdir, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { join } from 'node:path';
import { errorMessage } from '../../lib/errors.js';
import type { Logger, LogThreshold } from '../../lib/log.js';
import type { HeldPod, IsolatedPod, NodeIsolation } from '../types.js';
import { HeldPods } from './held-pods.js';
import type { AgentNews } from './messages.js';
import {
  bodyBytesMax,
  isolatePath,
  newsPath,
  readIsolated,
  readNews,
  statePath,
  socketName,
} from './messages.js';

/** Agents at once: one, and the one that comes after it. */
const connectionsMax = 64;

/** The dependencies of {@link IsolationDoor}. */
export interface IsolationDoorOptions {
  /** Netproxy's own, held by its lock. */
  readonly directory: string;
  readonly log: Logger;
  /** The level of this process's log. */
  readonly threshold: LogThreshold;
}

/** Answers the node's agent, and keeps what it says for the next netproxy. */
export class IsolationDoor {
  readonly #options: IsolationDoorOptions;
  readonly #held: HeldPods;
  /** What is held changes by one message after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isolation: NodeIsolation | undefined;
  #server: Server | undefined;
  #directory: FileHandle | undefined;

  constructor(options: IsolationDoorOptions) {
    this.#options = options;
    this.#held = new HeldPods(join(options.directory, 'held'), options.log);
  }

  /** Reads what an earlier process knew: before there is anybody who makes rules without it. */
  async load(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await this.#held.load();
  }

  /** Tells the isolation at once what was loaded, and listens. @throws what listening throws */
  async open(isolation: NodeIsolation): Promise<void> {
    const { directory, log } = this.#options;
    this.#isolation = isolation;
    isolation.adopt(this.#held.list());
    const server = createServer((request, response) => {
      this.#answer(request).then(
        ({ status, answer }) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(JSON.stringify(answer));
        },
        (error: unknown) => {
          log.debug({ error }, 'a message of the agent was lost');
          response.destroy();
        },
      );
    });
    server.maxConnections = connectionsMax;
    // The lock says that nobody listens at what an earlier process left.
    await rm(join(directory, socketName), { force: true });
    this.#directory = await open(directory);
    // Through the descriptor: a socket's path has at most 107 bytes.
    const path = `/proc/self/fd/${this.#directory.fd}/${socketName}`;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => log.warn({ error }, 'the socket for the agent failed'));
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    }
    await this.#directory?.close();
    this.#directory = undefined;
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; answer: object }> {
    const body = await readBody(request);
    if (request.method !== 'POST') return { status: 405, answer: { problem: 'POST only' } };
    const { url } = request;
    if (url === statePath && this.#isolation !== undefined) {
      return { status: 200, answer: await this.#isolation.state() };
    }
    if (url !== isolatePath && url !== newsPath) {
      return { status: 404, answer: { problem: 'not found' } };
    }
    let message: unknown;
    try {
      message = JSON.parse(body);
    } catch (error) {
      return { status: 400, answer: { problem: errorMessage(error) } };
    }
    try {
      if (url === isolatePath) await this.#isolate(readIsolated(message));
      else await this.#inTurn(() => this.#learn(readNews(message)));
      return { status: 200, answer: {} };
    } catch (error) {
      const status = error instanceof TypeError ? 400 : 503;
      return { status, answer: { problem: errorMessage(error) } };
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #isolate(pod: IsolatedPod): Promise<void> {
    await this.#inTurn(() => this.#hold(pod));
    await this.#isolation?.isolate(pod);
  }

  async #learn({ adopted, forgotten, logLevel }: AgentNews): Promise<void> {
    const { threshold } = this.#options;
    if (logLevel !== undefined) threshold.set(logLevel ?? undefined);
    for (const podUid of forgotten) await this.#forget(podUid);
    if (adopted === undefined) return;
    for (const podUid of this.#held.staleBeside(adopted)) await this.#forget(podUid);
    const known = new Map(this.#held.list().map((pod) => [pod.podUid, pod]));
    for (const pod of adopted) {
      // What was told at its isolation says more: the labels.
      await this.#hold({ ...known.get(pod.podUid), ...pod });
    }
    this.#isolation?.adopt(this.#held.list());
  }

  async #hold(pod: HeldPod): Promise<void> {
    for (const podUid of await this.#held.hold(pod)) this.#isolation?.forget(podUid);
  }

  async #forget(podUid: string): Promise<void> {
    await this.#held.forget(podUid);
    this.#isolation?.forget(podUid);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new Error('the message is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
