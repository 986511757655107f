/** The side of the agent: asks the netproxy of its node, another process, to isolate pods; see messages.ts. */
import { open } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { Logger, LogLevel } from '../../lib/log.js';
import type { NetproxyState } from '../../api/facts/node-network.js';
import type { HeldPod, IsolatedPod, NodeIsolation } from '../types.js';
import type { Answer, AgentNews } from './messages.js';
import {
  bodyBytesMax,
  isolatePath,
  newsPath,
  readState,
  socketName,
  statePath,
} from './messages.js';

/** The start of a pod fails, and is tried again, when netproxy has not isolated it within this time. */
const isolateMs = 15_000;
const retryMs = 200;
const newsRetryMs = 1000;
const answerMsMax = 15_000;
/** So long an agent takes a netproxy that has never answered it for one that is starting beside it. */
const startMs = 30_000;
/** More that nobody was told of are given up: they hold no address that a new pod does not take from them. */
const forgottenMax = 10_000;

/** The dependencies of {@link RemoteIsolation}. */
export interface RemoteIsolationOptions {
  /** Netproxy's own directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** {@link NodeIsolation} by the netproxy that runs as a process of its own on this node. */
export class RemoteIsolation implements NodeIsolation {
  readonly #options: RemoteIsolationOptions;
  readonly #stopping = new AbortController();
  readonly #forgotten = new Set<string>();
  readonly #agent = new Agent({ keepAlive: false, maxSockets: 32 });
  readonly #beganMs: number;
  #hasAnswered = false;
  #adopted: readonly HeldPod[] | undefined;
  #logLevel: AgentNews['logLevel'];
  #telling: Promise<void> | undefined;
  /** What is being told now. */
  #sent: { readonly uids: ReadonlySet<string>; readonly over: Promise<unknown> } | undefined;

  constructor(options: RemoteIsolationOptions) {
    this.#options = options;
    this.#beganMs = options.clock.monotonicMs();
  }

  async isolate(pod: IsolatedPod): Promise<void> {
    const { clock, directory } = this.#options;
    this.#forgotten.delete(pod.podUid);
    if (this.#adopted?.some(({ podUid }) => podUid === pod.podUid) === true) {
      this.#adopted = this.#adopted.map((one) => (one.podUid === pod.podUid ? pod : one));
    }
    // What its addresses of before were, and that they are free, must not arrive after those of now.
    if (this.#sent?.uids.has(pod.podUid) === true) await this.#sent.over;
    const giveUpMs = clock.monotonicMs() + isolateMs;
    const { signal } = this.#stopping;
    for (;;) {
      signal.throwIfAborted();
      const { problem, failure } = await this.#post(isolatePath, pod).then(
        (answer) => ({ problem: answer.problem, failure: undefined }),
        (error: unknown) => ({ problem: undefined, failure: errorMessage(error) }),
      );
      if (problem !== undefined) throw new Error(problem);
      if (failure === undefined) return;
      if (clock.monotonicMs() >= giveUpMs) {
        throw new Error(
          `the node's netproxy does not answer at ${join(directory, socketName)} ` +
            `(is \`trireme netproxy\` running?): ${failure}`,
        );
      }
      await delay(clock, retryMs, signal);
    }
  }

  adopt(pods: readonly HeldPod[]): void {
    this.#adopted = pods;
    this.#tell();
  }

  forget(podUid: string): void {
    this.#adopted = this.#adopted?.filter((pod) => pod.podUid !== podUid);
    if (this.#forgotten.size < forgottenMax) this.#forgotten.add(podUid);
    this.#tell();
  }

  async state(): Promise<NetproxyState> {
    const answer: unknown = await this.#post(statePath, {}).catch(() => undefined);
    if (answer === undefined) {
      const mayStart = this.#options.clock.monotonicMs() - this.#beganMs < startMs;
      const state = mayStart && !this.#hasAnswered ? 'starting' : 'silent';
      return { state, mode: '', build: '' };
    }
    try {
      return readState(answer);
    } catch {
      // One of an earlier build, which tells no more than that it listens.
      return { state: 'running', mode: '', build: '' };
    }
  }

  /** Sets the level of netproxy's log. @param level undefined: the one that it began with */
  setLogLevel(level: LogLevel | undefined): void {
    this.#logLevel = level ?? null;
    this.#tell();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#agent.destroy();
    await this.#telling;
  }

  /** What netproxy was not told stays to be told; it may be down for as long as it likes. */
  #tell(): void {
    this.#telling ??= this.#tellAll()
      .catch(() => undefined)
      .finally(() => {
        this.#telling = undefined;
      });
  }

  async #tellAll(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    let warned = false;
    while (!signal.aborted && this.#hasNews()) {
      const adopted = this.#adopted;
      const logLevel = this.#logLevel;
      const forgotten = [...this.#forgotten];
      const news: AgentNews = {
        forgotten,
        ...(adopted && { adopted }),
        ...(logLevel === undefined ? {} : { logLevel }),
      };
      const sending = this.#post(newsPath, news);
      const uids = new Set([...forgotten, ...(adopted ?? []).map(({ podUid }) => podUid)]);
      this.#sent = { uids, over: sending.catch(() => undefined) };
      try {
        const { problem } = await sending;
        if (problem !== undefined) log.error({ problem }, 'netproxy did not take what it was told');
        if (this.#adopted === adopted) this.#adopted = undefined;
        if (this.#logLevel === logLevel) this.#logLevel = undefined;
        for (const podUid of forgotten) this.#forgotten.delete(podUid);
      } catch (error) {
        if (!warned) log.warn({ error }, "the node's netproxy does not answer; trying again");
        warned = true;
        await delay(clock, newsRetryMs, signal);
      }
    }
  }

  #hasNews(): boolean {
    return this.#adopted !== undefined || this.#logLevel !== undefined || this.#forgotten.size > 0;
  }

  async #post(path: string, message: object): Promise<Answer> {
    // Through the descriptor: a socket's path has at most 107 bytes.
    const directory = await open(this.#options.directory);
    try {
      const socket = `/proc/self/fd/${directory.fd}/${socketName}`;
      const answer = await this.#exchange(socket, path, message);
      this.#hasAnswered = true;
      return answer;
    } finally {
      await directory.close();
    }
  }

  #exchange(socketPath: string, path: string, message: object): Promise<Answer> {
    const body = JSON.stringify(message);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const call = request(
        { socketPath, path, method: 'POST', headers, agent: this.#agent, timeout: answerMsMax },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > bodyBytesMax) call.destroy(new Error('the answer is too long'));
            else chunks.push(chunk);
          });
          response.on('error', reject);
          response.on('end', () => {
            try {
              resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Answer);
            } catch (error) {
              reject(error instanceof Error ? error : new Error(errorMessage(error)));
            }
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer in time')));
      call.on('error', reject);
      call.end(body);
    });
  }
}
