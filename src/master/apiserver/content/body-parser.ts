import { Worker } from 'node:worker_threads';
import { isJsonObject } from '../../../api/object.js';
import { applyJsonPatch } from '../../../api/patch/json-patch.js';
import { DecodeError } from '../../../api/schema/decode.js';
import type { ParsedBody } from '../../../api/schema/json-text.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';
import type { Clock } from '../../../lib/clock.js';
import {
  asideWeightMin,
  bodyThreadIdleMs,
  bodyThreadMegabytes,
  jsonAsideBytes,
  maxBodyBytesInAll,
  maxBodyBytesPerUser,
  patchAsideOperations,
  yamlAsideBytes,
} from '../limits.js';
import { decodeProtobuf, isProtobuf } from '../protobuf/decode.js';
import { badRequest, tooManyInFlight } from '../status.js';
import type { BodyReply } from './body-thread.js';
import type { BodyOutcome, BodyWork } from './body-work.js';
import { errorOf } from './body-work.js';
import { FairQueue } from './fair-queue.js';
import { bodyFormat } from './media-types.js';

interface Waiting {
  readonly work: BodyWork;
  readonly resolve: (outcome: BodyOutcome) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads the bodies of requests. Bodies that take long, since they are large or hostile, are read by a thread, one after
 * the other, in which users take turns: meanwhile the event loop serves all others. The thread is started when it is
 * needed and ends when it has not been for a while.
 */
export class BodyParser {
  readonly #clock: Clock;
  readonly #queue = new FairQueue<Waiting>();
  readonly #heldByUser = new Map<string, number>();
  #heldBytes = 0;
  #thread: Worker | undefined;
  #current: Waiting | undefined;
  #cancelEnd: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Parses a body of this content type for a user.
   * @param strict whether duplicate fields are looked for
   * @throws DecodeError for what cannot be read; StatusError BadRequest, UnsupportedMediaType, 429
   */
  async parse(
    bytes: Buffer,
    contentType: string,
    strict: boolean,
    user: string,
  ): Promise<ParsedBody> {
    if (isProtobuf(contentType)) return { value: decodeProtobuf(bytes), duplicates: [] };
    if (bodyFormat(contentType) === 'yaml') return this.parseYaml(bytes, user);
    return this.parseJson(bytes, strict, user);
  }

  /** The same for JSON. @throws DecodeError, StatusError 429 */
  async parseJson(bytes: Buffer, strict: boolean, user: string): Promise<ParsedBody> {
    if (bytes.length < jsonAsideBytes) return parseJsonBody(bytes.toString(), strict);
    const { duplicates } = await this.#aside(user, { form: 'json', bytes, strict });
    return { value: JSON.parse(bytes.toString()) as unknown, duplicates };
  }

  /** The same for YAML. @throws DecodeError, StatusError 429 */
  async parseYaml(bytes: Buffer, user: string): Promise<ParsedBody> {
    if (!isCostlyYaml(bytes)) return parseYamlBody(bytes.toString());
    const { json, duplicates } = await this.#aside(user, { form: 'yaml', bytes });
    return { value: json === undefined ? undefined : (JSON.parse(json) as unknown), duplicates };
  }

  /** Applies a JSON patch. @throws PatchError, StatusError 429 */
  async applyJsonPatch(target: unknown, patch: unknown, user: string): Promise<unknown> {
    if (!isCostlyPatch(patch)) return applyJsonPatch(target, patch);
    const bytes = Buffer.from(JSON.stringify(patch));
    const work = { form: 'json-patch', bytes, target: JSON.stringify(target) } as const;
    const { json } = await this.#aside(user, work);
    return json === undefined ? undefined : (JSON.parse(json) as unknown);
  }

  /** Ends the thread; whoever waits for it is told so. */
  async close(): Promise<void> {
    this.#cancelEnd();
    const thread = this.#thread;
    this.#thread = undefined;
    const ended = new Error('the server stops');
    this.#current?.reject(ended);
    this.#current = undefined;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      next.reject(ended);
    }
    await thread?.terminate();
  }

  async #aside(user: string, work: BodyWork): Promise<BodyOutcome> {
    const bytes = Math.max(work.bytes.length, asideWeightMin);
    const present = this.#heldByUser.get(user) ?? 0;
    if (this.#heldBytes + bytes > maxBodyBytesInAll || present + bytes > maxBodyBytesPerUser) {
      throw tooManyInFlight();
    }
    this.#hold(user, bytes);
    try {
      return await new Promise<BodyOutcome>((resolve, reject) => {
        this.#queue.push(user, { work, resolve, reject });
        if (this.#current === undefined) this.#next();
      });
    } finally {
      this.#hold(user, -bytes);
    }
  }

  #hold(user: string, bytes: number): void {
    this.#heldBytes += bytes;
    const left = (this.#heldByUser.get(user) ?? 0) + bytes;
    if (left === 0) this.#heldByUser.delete(user);
    else this.#heldByUser.set(user, left);
  }

  #next(): void {
    const next = this.#queue.shift();
    this.#current = next;
    if (next === undefined) {
      this.#rest();
      return;
    }
    this.#cancelEnd();
    this.#thread ??= this.#start();
    this.#thread.postMessage(next.work);
  }

  #start(): Worker {
    const thread = new Worker(new URL('./body-thread.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: bodyThreadMegabytes },
    });
    thread.unref();
    thread.on('message', (reply: BodyReply) => {
      const current = this.#current;
      this.#next();
      if ('outcome' in reply) current?.resolve(reply.outcome);
      else current?.reject(errorOf(reply.fault));
    });
    let cause: unknown;
    thread.on('error', (error) => (cause = error));
    thread.on('exit', () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#current?.reject(new Error('the thread that reads bodies has ended', { cause }));
      this.#next();
    });
    return thread;
  }

  #rest(): void {
    const thread = this.#thread;
    this.#cancelEnd = this.#clock.schedule(bodyThreadIdleMs, () => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      void thread?.terminate();
    });
  }
}

/** Long, or with aliases, which a short text may have grow. */
function isCostlyYaml(bytes: Buffer): boolean {
  return bytes.length >= yamlAsideBytes || (bytes.includes('&') && bytes.includes('*'));
}

/** Many operations, or copies, which grow what they are told to copy. */
function isCostlyPatch(patch: unknown): boolean {
  if (!Array.isArray(patch)) return false;
  if (patch.length >= patchAsideOperations) return true;
  return patch.some((operation) => isJsonObject(operation) && operation['op'] === 'copy');
}

/** A body's value, for what is no object of a kind. @throws StatusError BadRequest, UnsupportedMediaType, 429 */
export async function parseValue(
  parser: BodyParser,
  bytes: Buffer,
  contentType: string,
  user: string,
): Promise<unknown> {
  try {
    return (await parser.parse(bytes, contentType, false, user)).value;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}
