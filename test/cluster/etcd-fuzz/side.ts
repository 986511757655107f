/** One of the two stores that are compared: sends requests, and takes from the answers what is its own. */
import { answerJson } from '../../../src/etcd/gateway/answer-json.js';
import { encodeJsonRequest } from '../../../src/etcd/gateway/request-json.js';
import { gatewayRoutes } from '../../../src/etcd/gateway/routes.js';
import { fieldsByName, requestTypeOf } from '../../../src/etcd/gateway/message-shapes.js';
import { systemClock } from '../../../src/lib/clock.js';
import { Code, createGrpcChannel, isGrpcError } from '../../../src/lib/grpc/index.js';
import type { Channel, ClientDuplex, Metadata } from '../../../src/lib/grpc/index.js';
import { silentLogger } from '../../../src/lib/log.js';
import { Prng } from '../../../src/lib/prng.js';
import { TestCluster } from '../etcd-processes.js';
import type { Message, Value } from './requests.js';
import { plainText, TextWriter } from './request-text.js';
import { Settled } from './settled.js';
import { chosenIds } from './steps.js';
import type { CallStep, WatchStep } from './steps.js';
import { WatchLog } from './watch-log.js';

/** Bytes go out as they are. */
const raw = {
  encode: (bytes: Buffer) => ({ finish: () => bytes }),
  decode: (bytes: Uint8Array) => bytes,
};
/** Methods whose answers come in a stream, with how many of them are read. */
const streamed = new Map([
  ['etcdserverpb.Lease/LeaseKeepAlive', 1],
  ['etcdserverpb.Maintenance/Snapshot', Infinity],
  ['v3electionpb.Election/Observe', 1],
]);
const blockedMs = 300;
/** The code of an answer that did not come. */
export const lateCode = 'no answer in time';
const late = { code: lateCode };
const clock = systemClock();

type RawMethod = (first: unknown, options?: unknown) => unknown;

/** What a call came to, as far as both sides must agree. */
export type Answer = Readonly<Record<string, unknown>>;

/** Calls that are too long for this are given up. */
function deadlineOf(step: CallStep): number {
  return step.mayBlock === true ? blockedMs : 20_000;
}

/** A member of its own. */
export class Side {
  /** The text that was posted last. */
  lastText = '';
  readonly cluster: TestCluster;
  readonly #channel: Channel;
  readonly #settled = new Settled();
  readonly #tokens = new Map<string, string>();

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
    const target = cluster.member(0).clientUrl.replace('http://', '');
    this.#channel = createGrpcChannel({ target, log: silentLogger, keepAliveMs: 0 });
  }

  /** @param program ours by default */
  static async start(program?: readonly string[], extra: readonly string[] = []): Promise<Side> {
    const flags = ['--bcrypt-cost=4', ...extra];
    const cluster = await TestCluster.start(1, {
      extra: flags,
      ...(program === undefined ? {} : { program }),
    });
    const side = new Side(cluster);
    const list = await side.call({
      kind: 'call',
      method: 'etcdserverpb.Cluster/MemberList',
      message: {},
      door: 'grpc',
      seed: 0,
    });
    side.#settled.learnSelf(list);
    return side;
  }

  async stop(): Promise<void> {
    this.#channel.close();
    await this.cluster.stop();
  }

  async call(step: CallStep): Promise<Answer> {
    const message = this.#resolved(step.message);
    const answer = await (step.door === 'grpc'
      ? this.#grpc(step, message)
      : this.#json(step, message));
    const token = (answer['answer'] as { readonly token?: string } | undefined)?.token;
    const user = step.message['name'];
    if (token !== undefined && typeof user === 'string') this.#tokens.set(user, token);
    return this.#settled.settle(step.method, step.message, answer) as Answer;
  }

  async #grpc(step: CallStep, message: Message): Promise<Answer> {
    const sent = withoutDefaults(requestTypeOf[step.method] ?? '', message);
    const bytes = Buffer.from(encodeJsonRequest(step.method, plainText(sent)));
    const count = streamed.get(step.method);
    const metadata = this.#metadata(step.user);
    try {
      if (count === undefined) {
        const options = { metadata, deadlineMs: deadlineOf(step) };
        const answer = (await this.#method(step.method, false)(bytes, options)) as Uint8Array;
        return { answer: answerJson(step.method, answer) };
      }
      const stream = this.#method(step.method, true)({ metadata }) as ClientDuplex<Buffer, Buffer>;
      const cancel = clock.schedule(deadlineOf(step), () => stream.cancel());
      const answers: unknown[] = [];
      try {
        stream.send(bytes);
        if (!step.method.endsWith('KeepAlive')) stream.end();
        for await (const one of stream) {
          answers.push(answerJson(step.method, one));
          if (answers.length >= count) break;
        }
      } finally {
        cancel();
        stream.cancel();
      }
      if (count === Infinity) return { answers: answers.length > 1 ? 'several' : answers };
      return answers.length === 0 && step.mayBlock === true ? late : { answers };
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      // Whose clock was first, the client's or the member's, is chance.
      const isLate = error.code === Code.DeadlineExceeded || error.code === Code.Cancelled;
      if (isLate && step.mayBlock === true) return late;
      return { code: error.code, message: error.message };
    }
  }

  async #json(step: CallStep, message: Message): Promise<Answer> {
    // A lease that the member chooses, or that ends soon, would show in all that follows.
    const oneWrongOf = /LeaseGrant|v3election|v3lock/.test(step.method) ? 2 ** 30 : 40;
    const text = new TextWriter(new Prng(step.seed), oneWrongOf).write(step.method, message);
    this.lastText = text;
    const abort = new AbortController();
    const cancel = clock.schedule(deadlineOf(step), () => abort.abort());
    try {
      const response = await this.#post(step.method, text, step.user, abort.signal);
      const type = response.headers.get('content-type');
      const lines: unknown[] = [];
      const count = streamed.get(step.method) ?? Infinity;
      try {
        for await (const line of linesOf(response)) {
          lines.push(line);
          if (lines.length >= count) break;
        }
      } finally {
        abort.abort();
      }
      if (count === Infinity && streamed.has(step.method) && lines.length > 1) lines.length = 1;
      const isOne = !streamed.has(step.method) && lines.length === 1;
      return { status: response.status, type, ...(isOne ? { answer: lines[0] } : { lines }) };
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      return late;
    } finally {
      cancel();
    }
  }

  #post(
    method: string,
    body: string | ReadableStream,
    user: string | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const route = Object.entries(gatewayRoutes).find(([, name]) => name === method)?.[0] ?? '';
    const token = user === undefined ? undefined : this.#tokens.get(user);
    const headers = token === undefined ? {} : { authorization: token };
    const url = `${this.cluster.member(0).clientUrl}/v3/${route}`;
    return fetch(url, { method: 'POST', body, headers, signal });
  }

  /** Where the store is, whoever may ask. */
  async revision(): Promise<string | undefined> {
    const answer = await fetch(`${this.cluster.member(0).clientUrl}/metrics`);
    return /^etcd_debugging_mvcc_current_revision (.*)$/m.exec(await answer.text())?.[1];
  }

  /** Opens a watch. Its log grows until it is closed. */
  watch(step: WatchStep): WatchLog {
    const requests = step.requests.map((request) => this.#resolved(request));
    const log = new WatchLog();
    const method = 'etcdserverpb.Watch/Watch';
    if (step.door === 'json') {
      const abort = new AbortController();
      log.onClose = () => abort.abort();
      const body = requests.map(plainText).join('\n');
      log.follow(
        (async () => {
          const response = await this.#post(method, body, step.user, abort.signal);
          for await (const line of linesOf(response))
            log.add(this.#settled.settle(method, {}, line));
        })(),
      );
      return log;
    }
    const options = { metadata: this.#metadata(step.user) };
    const stream = this.#method(method, true)(options) as ClientDuplex<Buffer, Buffer>;
    const send = (request: Message): void => {
      const sent = withoutDefaults(requestTypeOf[method] ?? '', request);
      stream.send(Buffer.from(encodeJsonRequest(method, plainText(sent))));
    };
    log.onClose = () => stream.cancel();
    log.askProgress = () => send({ progress_request: {} });
    log.follow(
      (async () => {
        for await (const one of stream) {
          log.add({ result: this.#settled.settle(method, {}, answerJson(method, one)) });
        }
      })(),
    );
    for (const request of requests) send(request);
    return log;
  }

  #metadata(user: string | undefined): Metadata {
    const token = user === undefined ? undefined : this.#tokens.get(user);
    return new Map(token === undefined ? [] : [['token', token]]);
  }

  #method(method: string, isStream: boolean): RawMethod {
    const [fullName = '', name = ''] = method.split('/');
    const types = { requestType: raw, responseType: raw };
    const streams = { requestStream: isStream, responseStream: isStream };
    const definition = {
      name: fullName,
      fullName,
      methods: { it: { name, ...types, ...streams } },
    };
    return (this.#channel.client(definition) as unknown as { readonly it: RawMethod }).it;
  }

  #resolved(message: Message): Message {
    const resolve = (value: Value): Value => {
      if (value === chosenIds.self) return this.#settled.self;
      if (value === chosenIds.learner) return this.#settled.learner;
      if (value === chosenIds.lease) return this.#settled.lease;
      if (Array.isArray(value)) return value.map(resolve);
      if (typeof value !== 'object' || Buffer.isBuffer(value)) return value;
      return this.#resolved(value as Message);
    };
    return Object.fromEntries(
      Object.entries(message).map(([name, value]) => [name, resolve(value)]),
    );
  }
}

/** Clients send no field that is empty: etcd takes an empty end of a range that is there for an open one. */
function withoutDefaults(type: string, message: Message): Message {
  const kept = Object.entries(message).flatMap(([name, value]): [string, Value][] => {
    const field = fieldsByName.get(type)?.get(name);
    const inner = (one: Value): Value =>
      typeof one === 'object' && !Buffer.isBuffer(one) && !Array.isArray(one)
        ? withoutDefaults(field?.type ?? '', one as Message)
        : one;
    const isEmpty = value === 0n || value === '' || (Buffer.isBuffer(value) && value.length === 0);
    if (isEmpty && field?.oneof === undefined) return [];
    return [[name, Array.isArray(value) ? value.map(inner) : inner(value)]];
  });
  return Object.fromEntries(kept);
}

/** The JSON values of a body, a line each; a line that is none as text. */
async function* linesOf(response: Response): AsyncGenerator {
  let text = '';
  const read = (line: string): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return line;
    }
  };
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield read(line);
  }
  if (text !== '') yield read(text);
}
