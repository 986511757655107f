import {
  ConversionError,
  conversionSubject,
  readReview,
  reviewBody,
  reviewVersion,
} from '../../../api/apiextensions/conversion-review.js';
import type { ConversionWebhook } from '../../../api/apiextensions/versions.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatGroupVersion } from '../../../api/object.js';
import { Gate } from '../../../lib/gate.js';
import type { Random } from '../../../lib/random.js';
import type { Entry } from '../cache/entry.js';
import { conversionCalls, conversionReviewBytes, conversionReviewObjects } from '../limits.js';
import { failure } from '../status.js';
import { isOf, prunedToVersion, readStored, toStored } from './versions.js';
import { formatJson } from '../../../lib/json.js';

/** Posts a review's JSON to a webhook. @returns the answer's JSON text. @throws ConversionError when there is none */
export type ConversionCall = (webhook: ConversionWebhook, body: string) => Promise<string>;

/** Refuses every call: for servers that no webhook can be reached from. */
export const noConversionCall: ConversionCall = () =>
  Promise.reject(new ConversionError('webhooks cannot be called'));

/**
 * Objects of definitions whose versions a webhook converts. An entry is converted once per version, however many
 * readers and watchers want it: the outcome is kept as long as the entry is, and so is the call that is under way.
 */
export class Conversion {
  readonly #call: ConversionCall;
  readonly #random: Random;
  readonly #turns = new Gate(conversionCalls);
  readonly #views = new WeakMap<KindDeclaration, WeakMap<Entry, Promise<Entry>>>();

  constructor(call: ConversionCall, random: Random) {
    this.#call = call;
    this.#random = random;
  }

  /** True when objects of the kind may have to be sent to a webhook. */
  asksWebhook(kind: KindDeclaration): boolean {
    return kind.versions?.webhook !== undefined && kind.versions.schemas.size > 1;
  }

  /** The entries in the kind's version, in their order. @throws StatusError 500 with the webhook's error */
  async views(kind: KindDeclaration, entries: readonly Entry[]): Promise<readonly Entry[]> {
    if (!this.asksWebhook(kind)) return entries;
    let known = this.#views.get(kind);
    if (known === undefined) {
      known = new WeakMap();
      this.#views.set(kind, known);
    }
    const missing: Entry[] = [];
    for (const entry of entries) {
      if (!entry.isConverted && !isOf(kind, entry) && !known.has(entry)) missing.push(entry);
    }
    for (const batch of batches(missing)) {
      const outcome = this.#convertEntries(kind, batch);
      for (const [index, entry] of batch.entries()) {
        const view = outcome.then((views) => views[index] ?? entry);
        // A failure is told to those who wait for it now; the next one asks again.
        view.catch(() => known.delete(entry));
        known.set(entry, view);
      }
    }
    const views = entries.map((entry) => known.get(entry) ?? Promise.resolve(entry));
    return (await Promise.allSettled(views)).map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async #convertEntries(kind: KindDeclaration, entries: readonly Entry[]): Promise<Entry[]> {
    const objects = entries.map((entry) => readStored(kind, entry.parse()));
    const views = await this.convert(kind, kind.version, objects);
    return entries.map((entry, index) => {
      const view = views[index] ?? entry.parse();
      return entry.convertedTo(Buffer.from(formatJson(prunedToVersion(kind, view))));
    });
  }

  /** The object in the version that is stored. @throws StatusError 500 with the webhook's error */
  async stored(kind: KindDeclaration, object: KubeObject): Promise<KubeObject> {
    if (!this.asksWebhook(kind) || kind.versions === undefined) return toStored(kind, object);
    const [converted = object] = await this.convert(kind, kind.versions.stored, [object]);
    return converted === object ? object : prunedToVersion(kind, converted);
  }

  /** Objects in another version of the kind's definition. @throws StatusError 500 with the webhook's error */
  async convert(
    kind: KindDeclaration,
    version: string,
    objects: readonly KubeObject[],
  ): Promise<readonly KubeObject[]> {
    const webhook = kind.versions?.webhook;
    const desiredApiVersion = formatGroupVersion(kind.group, version);
    if (webhook === undefined || objects.every((item) => item.apiVersion === desiredApiVersion)) {
      return objects;
    }
    const question = { uid: this.#random.uuid(), desiredApiVersion, objects };
    try {
      const speaks = reviewVersion(webhook.reviewVersions);
      const body = formatJson(reviewBody(speaks, question));
      const answer = await this.#turns.run(() => this.#ask(webhook, body, objects));
      return readReview(speaks, question, answer);
    } catch (error) {
      if (!(error instanceof ConversionError)) throw error;
      throw failure(500, '', error.message);
    }
  }

  async #ask(
    webhook: ConversionWebhook,
    body: string,
    [first]: readonly KubeObject[],
  ): Promise<string> {
    try {
      return await this.#call(webhook, body);
    } catch (error) {
      if (!(error instanceof ConversionError) || first === undefined) throw error;
      throw new ConversionError(`${conversionSubject(first)} failed: ${error.message}`, {
        cause: error,
      });
    }
  }
}

/** Parts of a bounded number of objects and bytes, at least one object each. */
function batches(entries: readonly Entry[]): Entry[][] {
  const parts: Entry[][] = [];
  let part: Entry[] = [];
  let size = 0;
  for (const entry of entries) {
    const isFull = part.length >= conversionReviewObjects;
    if (isFull || (part.length > 0 && size + entry.bytes.length > conversionReviewBytes)) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(entry);
    size += entry.bytes.length;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
