/**
 * PATCH in its forms. The effect is computed anew whenever another write came first, so that a patch without a
 * resourceVersion never fails with a conflict.
 */
import type { KubeObject } from '../../../api/object.js';
import { isJsonObject } from '../../../api/object.js';
import { jsonAsideBytes, patchAsideOperations } from '../limits.js';
import type { RequestContext, UpdateSource } from '../verbs/index.js';
import { SlotBreak } from '../verbs/index.js';
import { noRouteForType, undeterminable, unsupportedMediaType } from '../status.js';
import { applyPatch, applySource } from './apply.js';
import type { BodyParser } from './body-parser.js';
import type { BodyReply, BodyWork } from './body-work.js';
import { decodedIn, valueIn, workKind } from './body-work.js';
import type { Patch } from './patch-effect.js';
import {
  jsonPatch,
  mergePatch,
  patchedObject,
  patchedValue,
  readPatch,
  strategicPatch,
} from './patch-effect.js';
import { formatJson } from '../../../lib/json.js';

/** The parser of a patch, and the user who sends it. */
interface Reading {
  readonly parser: BodyParser;
  readonly user: string;
}

/** Reads a patch. @throws StatusError 415 for another content type, 400 for a text that cannot be read */
export async function patchSource(
  context: RequestContext,
  contentType: string,
  body: Buffer,
  { parser, now }: { readonly parser: BodyParser; readonly now: () => string },
): Promise<UpdateSource> {
  const type = mediaType(contentType);
  if (type === applyPatch) return applySource(context, body, { parser, now });
  const { kind } = context.target;
  const known = [jsonPatch, mergePatch, ...(kind.custom ? [] : [strategicPatch]), applyPatch];
  if (!known.includes(type)) {
    // Routes of custom kinds look at the type themselves, those of other kinds are not even found.
    throw kind.custom ? unsupportedMediaType(known) : noRouteForType();
  }
  const { fieldValidation: validation } = context.options;
  const patch = readCheap(type, body, validation !== 'Ignore');
  const effects = new Effects({ parser, user: context.user.name });
  const effectOn = (old: KubeObject | undefined): ReturnType<typeof patchedObject> => {
    if (patch !== undefined) return patchedObject(kind, patch, old, validation);
    const work = { form: 'patch', type, bytes: body, validation, kind: workKind(kind) } as const;
    return decodedIn(effects.on(old, (target) => ({ ...work, target })));
  };
  return {
    createsMissing: false,
    tracksFields: false,
    isPatch: true,
    next(old): KubeObject {
      const { object, problems } = effectOn(old);
      const { name } = context.target;
      if ((object.metadata.name ?? '') === '') {
        throw undeterminable(name);
      }
      if (validation === 'Warn') context.warnings.push(...problems);
      return object;
    },
  };
}

/** Reads a patch of a value that is no object of a kind (a Scale). @throws StatusError */
export function patchChange(
  contentType: string,
  body: Buffer,
  reading: Reading,
): (old: KubeObject) => unknown {
  const type = mediaType(contentType) === jsonPatch ? jsonPatch : mergePatch;
  const patch = readCheap(type, body, false);
  if (patch !== undefined) return (old) => patchedValue(patch, old);
  const effects = new Effects(reading);
  const work = { form: 'patch', type, bytes: body, validation: 'Ignore', kind: undefined } as const;
  return (old) => valueIn(effects.on(old, (target) => ({ ...work, target })));
}

function mediaType(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim();
}

/** The patch; undefined for one that is so long, or does so much, that the thread is to read and apply it. */
function readCheap(type: string, body: Buffer, strict: boolean): Patch | undefined {
  if (body.length >= jsonAsideBytes) return undefined;
  const patch = readPatch(type, body, strict);
  return type === jsonPatch && isCostly(patch.value) ? undefined : patch;
}

/** Many operations, or copies, which grow what they are told to copy. */
function isCostly(patch: unknown): boolean {
  if (!Array.isArray(patch)) return false;
  if (patch.length >= patchAsideOperations) return true;
  return patch.some((operation) => isJsonObject(operation) && operation['op'] === 'copy');
}

/** Versions of an object whose effects are kept: the cache's and the store's. */
const keptEffects = 2;

/** The effects of one patch on versions of an object, which the thread computes while no slot is held. */
class Effects {
  readonly #reading: Reading;
  /** By resourceVersion. */
  readonly #replies = new Map<string, BodyReply>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** @throws SlotBreak while the effect on this version is not known */
  on(old: KubeObject | undefined, workOn: (target: string) => BodyWork): BodyReply {
    const version = old?.metadata.resourceVersion ?? '';
    const reply = this.#replies.get(version);
    if (reply !== undefined) return reply;
    const { parser, user } = this.#reading;
    throw new SlotBreak(async () => {
      const made = await parser.aside(user, workOn(formatJson(old ?? null)));
      const [oldest] = this.#replies.keys();
      if (this.#replies.size >= keptEffects && oldest !== undefined) this.#replies.delete(oldest);
      this.#replies.set(version, made);
    });
  }
}
