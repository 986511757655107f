/** Clients that write down what they asked and what they were told, all by one monotonic clock. */
import type { ClusterTraffic } from './history.js';
import { assertNever } from '../../src/lib/assert.js';
import { delay } from '../../src/lib/clock.js';
import { Code, isGrpcError } from '../../src/lib/grpc/index.js';
import type { Channel, Client } from '../../src/lib/grpc/index.js';
import type { Prng } from '../../src/lib/prng.js';
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import type { RequestOp, ResponseHeader } from '../../src/gen/etcd/rpc.js';
import type { KeyValue } from '../../src/gen/etcd/kv.js';
import { putOf, rangeOf } from './requests.js';
import type { Found, Input, Output } from './register-model.js';

/** All keys of a run start with it. */
export const keyPrefix = 'r/';
export const prefixEnd = 'r0';
const keyCount = 6;

/** Codes that a server gives before it has done anything. All else may have happened. */
const definiteCodes: ReadonlySet<number> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.ResourceExhausted,
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
]);

/**
 * Did the request surely not happen? Answers carry no word about it, so by code; UNAVAILABLE only when the channel
 * itself says that nothing was sent (a connection that was never made has a cause, an answer of a server has a
 * trailer).
 */
export function isDefinite(error: unknown): boolean {
  if (!isGrpcError(error)) return false;
  if (definiteCodes.has(error.code)) return true;
  return (
    error.code === Code.Unavailable && error.definite && !error.message.startsWith('etcdserver:')
  );
}

function found(pair: KeyValue | undefined): Found | undefined {
  if (pair === undefined) return undefined;
  return { value: pair.value.toString(), modRevision: pair.modRevision, version: pair.version };
}

function revisionOf(header: ResponseHeader | undefined): number {
  if (header === undefined) throw new Error('an answer without header');
  return header.revision;
}

const putOp = (key: string, value: string): RequestOp => ({
  request: { $case: 'requestPut', value: putOf(key, value) },
});

type Kv = Client<typeof KVDefinition>;

interface SendOptions {
  readonly serializable: boolean;
  readonly deadlineMs: number;
}

/** Makes one request of the calls: several puts are one transaction. @throws GrpcError */
export async function sendInputs(
  kv: Kv,
  inputs: readonly Input[],
  options: SendOptions,
): Promise<Output> {
  const [first] = inputs;
  if (first === undefined) throw new RangeError('nothing to send');
  if (inputs.length === 1) return send(kv, first, options);
  const success = inputs.flatMap((each) =>
    each.kind === 'put' ? [putOp(each.key, each.value)] : [],
  );
  const { deadlineMs } = options;
  const answer = await kv.txn({ compare: [], success, failure: [] }, { deadlineMs });
  return { revision: revisionOf(answer.header), changed: true };
}

async function send(kv: Kv, input: Input, options: SendOptions): Promise<Output> {
  const { serializable, deadlineMs } = options;
  const callOptions = { deadlineMs };
  switch (input.kind) {
    case 'get': {
      const answer = await kv.range(rangeOf(input.key, { serializable }), callOptions);
      const pair = found(answer.kvs[0]);
      return { revision: revisionOf(answer.header), changed: false, found: pair };
    }
    case 'put': {
      const answer = await kv.put(putOf(input.key, input.value), callOptions);
      return { revision: revisionOf(answer.header), changed: true };
    }
    case 'delete': {
      const request = { key: Buffer.from(input.key), rangeEnd: Buffer.alloc(0), prevKv: false };
      const answer = await kv.deleteRange(request, callOptions);
      return { revision: revisionOf(answer.header), changed: answer.deleted > 0 };
    }
    case 'cas': {
      const key = Buffer.from(input.key);
      const answer = await kv.txn(
        {
          compare: [
            {
              result: 0,
              target: 2,
              key,
              targetUnion: { $case: 'modRevision', value: input.expected },
              rangeEnd: Buffer.alloc(0),
            },
          ],
          success: [putOp(input.key, input.value)],
          failure: [{ request: { $case: 'requestRange', value: rangeOf(input.key) } }],
        },
        callOptions,
      );
      const response = answer.responses[0]?.response;
      const pair = response?.$case === 'responseRange' ? found(response.value.kvs[0]) : undefined;
      const revision = revisionOf(answer.header);
      return { revision, changed: answer.succeeded, found: pair };
    }
    default:
      return assertNever(input);
  }
}

/** A client that makes one call at a time, at changing members. */
class TrafficClient {
  readonly #id: number;
  readonly #prng: Prng;
  readonly #traffic: ClusterTraffic;
  readonly #revisions = new Map<string, number>();
  #channels: readonly Channel[] = [];
  #at: number;
  #count = 0;

  constructor(id: number, prng: Prng, traffic: ClusterTraffic) {
    this.#id = id;
    this.#prng = prng;
    this.#traffic = traffic;
    this.#at = id;
  }

  async run(): Promise<void> {
    const { members, clock, untilMs } = this.#traffic;
    this.#channels = members.places.map((_, at) => members.connect(at));
    try {
      while (clock.monotonicMs() < untilMs()) {
        await this.#one();
        await delay(clock, this.#prng.between(2, 15));
      }
    } finally {
      for (const channel of this.#channels) channel.close();
    }
  }

  #draw(): { readonly inputs: readonly Input[]; readonly serializable: boolean } {
    const key = `${keyPrefix}${this.#prng.below(keyCount)}`;
    const value = `${this.#id}.${++this.#count}`;
    const dice = this.#prng.below(100);
    if (dice < 35) return { inputs: [{ kind: 'get', key }], serializable: false };
    if (dice < 45) return { inputs: [{ kind: 'get', key }], serializable: true };
    if (dice < 70) return { inputs: [{ kind: 'put', key, value }], serializable: false };
    if (dice < 90) {
      const expected = this.#revisions.get(key) ?? 0;
      return { inputs: [{ kind: 'cas', key, expected, value }], serializable: false };
    }
    if (dice < 95) return { inputs: [{ kind: 'delete', key }], serializable: false };
    const inputs = [0, 1].map((index): Input => {
      return { kind: 'put', key: `${keyPrefix}pair${index}`, value };
    });
    return { inputs, serializable: false };
  }

  async #send(inputs: readonly Input[], serializable: boolean): Promise<Output> {
    const channel = this.#channels[this.#at % this.#channels.length];
    if (channel === undefined) throw new Error('nowhere to send to');
    return sendInputs(channel.client(KVDefinition), inputs, { serializable, deadlineMs: 2_000 });
  }

  async #one(): Promise<void> {
    const { clock, history } = this.#traffic;
    const { inputs, serializable } = this.#draw();
    const calledAt = clock.monotonicMs();
    let output: Output | undefined;
    let error: unknown;
    try {
      output = await this.#send(inputs, serializable);
    } catch (cause) {
      error = cause;
    }
    const returnedAt = output === undefined ? Infinity : clock.monotonicMs();
    const member = this.#at % this.#channels.length;
    if (output !== undefined || !isDefinite(error)) {
      for (const input of inputs) {
        history.push({
          client: this.#id,
          input,
          calledAt,
          returnedAt,
          output,
          serializable,
          member,
        });
        this.#learn(input, output);
      }
    }
    if (output === undefined || this.#prng.below(50) === 0) {
      this.#at = this.#prng.below(this.#channels.length);
      if (error !== undefined) await delay(clock, 20);
    }
  }

  #learn(input: Input, output: Output | undefined): void {
    if (output === undefined) return;
    const revision = output.changed ? output.revision : (output.found?.modRevision ?? 0);
    this.#revisions.set(input.key, input.kind === 'delete' ? 0 : revision);
  }
}

/** Runs all clients until the time is over. */
export async function runTraffic(
  traffic: ClusterTraffic,
  prng: Prng,
  clients: number,
): Promise<void> {
  const all = Array.from({ length: clients }, (_, id) => {
    return new TrafficClient(id, prng.fork(), traffic);
  });
  await Promise.all(all.map((client) => client.run()));
}
