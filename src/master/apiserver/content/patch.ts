/**
 * PATCH in its forms. The effect is computed anew whenever another write came first, so that a patch without a
 * resourceVersion never fails with a conflict.
 */
import { invalid } from '../../../api/field-error.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { applyMergePatch } from '../../../api/patch/merge-patch.js';
import { PatchError } from '../../../api/patch/patch-error.js';
import { applyStrategicMergePatch } from '../../../api/patch/strategic-merge.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { decodeObject, strictDecodingError } from '../../../api/strategy.js';
import { goValue } from '../../../api/go-text/values.js';
import type { RequestContext, UpdateSource } from '../verbs/index.js';
import { badRequest, failure, invalidObject, unsupportedMediaType } from '../status.js';
import { applyPatch, applySource } from './apply.js';
import type { BodyParser } from './body-parser.js';

const jsonPatch = 'application/json-patch+json';
const mergePatch = 'application/merge-patch+json';
const strategicPatch = 'application/strategic-merge-patch+json';

/** A patch that has been read. */
interface Patch {
  readonly type: string;
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

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
  const [head = ''] = contentType.split(';');
  const type = head.trim();
  if (type === applyPatch) return applySource(context, body, { parser, now });
  const { kind } = context.target;
  const known = [jsonPatch, mergePatch, ...(kind.custom ? [] : [strategicPatch]), applyPatch];
  if (!known.includes(type)) throw unsupportedMediaType(known);
  const reading = { parser, user: context.user.name };
  const strict = context.options.fieldValidation !== 'Ignore';
  const patch = await readPatch(strict, type, body, reading);
  return {
    createsMissing: false,
    tracksFields: false,
    isPatch: true,
    next: async (old): Promise<KubeObject> =>
      decodePatched(context, patch, await run(kind, patch, old, reading)),
  };
}

/**
 * Reads a patch of a value that is no object of a kind (a Scale): lists of it have no keys to merge by, so a strategic
 * merge is a plain one. @throws StatusError
 */
export async function patchChange(
  contentType: string,
  body: Buffer,
  reading: Reading,
): Promise<(old: KubeObject) => Promise<unknown>> {
  const [head = ''] = contentType.split(';');
  const type = head.trim() === jsonPatch ? jsonPatch : mergePatch;
  const patch = await readPatch(false, type, body, reading);
  return (old) => told(() => applied(patch, old, reading));
}

async function readPatch(
  strict: boolean,
  type: string,
  body: Buffer,
  { parser, user }: Reading,
): Promise<Patch> {
  try {
    const { value, duplicates } = await parser.parseJson(body, strict, user);
    const head = type === jsonPatch ? 'json patch ' : '';
    return { type, value, duplicates: duplicates.map((text) => head + text) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const head = type === strategicPatch ? '' : 'error decoding patch: ';
    throw badRequest(head + error.message);
  }
}

function run(
  kind: KindDeclaration,
  patch: Patch,
  old: unknown,
  reading: Reading,
): Promise<unknown> {
  return told(() =>
    patch.type === strategicPatch
      ? applyStrategicMergePatch(kind.schema, old, patch.value)
      : applied(patch, old, reading),
  );
}

function applied({ type, value }: Patch, old: unknown, { parser, user }: Reading): unknown {
  return type === jsonPatch ? parser.applyJsonPatch(old, value, user) : applyMergePatch(old, value);
}

/** Tells a patch that cannot be applied in apiserver's words. @throws StatusError */
async function told(apply: () => unknown): Promise<unknown> {
  try {
    return await apply();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.reason === 'BadRequest') throw badRequest(error.message);
    if (error.reason === 'TooLarge') throw failure(413, 'RequestEntityTooLarge', error.message);
    const text = 'the server rejected our request due to an error in our request';
    throw failure(422, 'Invalid', text, {});
  }
}

/**
 * Decodes the result of a patch. A result that cannot be decoded is Invalid, and the error quotes the patch's own text
 * for a strategic merge, the whole result for the others, as in apiserver's `endpoints/handlers/patch.go`.
 */
function decodePatched(context: RequestContext, patch: Patch, patched: unknown): KubeObject {
  const { kind } = context.target;
  const strategic = patch.type === strategicPatch;
  const refuse = (text: string): Error => {
    const value = strategic ? goValue(patch.value) : JSON.stringify(patched);
    const target = { group: '', kind: '', name: '' };
    return invalidObject(target, [invalid('patch', value, text)]);
  };
  try {
    const decoded = decodeObject(kind, patched);
    const problems = [...patch.duplicates, ...decoded.problems];
    const { fieldValidation } = context.options;
    if (problems.length > 0 && fieldValidation === 'Strict') {
      throw refuse(strictDecodingError(problems));
    }
    if (fieldValidation === 'Warn') context.warnings.push(...problems);
    return decoded.object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const text = error.cause instanceof Error ? error.cause.message : error.message;
    throw refuse(strategic ? conversionText(text) : text);
  }
}

const mismatch = /^json: cannot unmarshal (\w+)(?: ([-\d.e]+))? into .* of type (\S+)$/;
const goKinds: Readonly<Record<string, string>> = { array: 'slice', object: 'map', bool: 'bool' };

/** A wrong type in the words of apimachinery's converter from unstructured objects. */
function conversionText(text: string): string {
  const [, given = '', digits = '', wanted = ''] = mismatch.exec(text) ?? [];
  if (wanted === '') return text;
  const whole = !/[.e]/.test(digits);
  const kind = goKinds[given] ?? (given === 'number' ? (whole ? 'int64' : 'float64') : given);
  if (wanted.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (wanted.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (wanted.includes('.')) return `cannot restore struct from: ${kind}`;
  const numeric =
    given === 'number' && (wanted === 'string' ? whole : /^(u?int|float)/.test(wanted));
  return numeric ? `cannot convert ${kind} to ${wanted}` : `unrecognized type: ${wanted}`;
}
