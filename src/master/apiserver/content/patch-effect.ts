/** The effect of a patch, in its forms. Pure: it is computed on the event loop or by the thread, as its cost asks. */
import { invalid } from '../../../api/field-error.js';
import { goValue } from '../../../api/go-text/values.js';
import type { DecodableKind } from '../../../api/kind.js';
import { applyJsonPatch } from '../../../api/patch/json-patch.js';
import { applyMergePatch } from '../../../api/patch/merge-patch.js';
import { PatchError } from '../../../api/patch/patch-error.js';
import { applyStrategicMergePatch } from '../../../api/patch/strategic-merge.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import type { Decoded } from '../../../api/strategy.js';
import { decodeObject, strictDecodingError } from '../../../api/strategy.js';
import { badRequest, failure, invalidObject } from '../status.js';
import { formatJson } from '../../../lib/json.js';

/** The media type of a JSON patch (RFC 6902). */
export const jsonPatch = 'application/json-patch+json';
/** The media type of a merge patch (RFC 7386). */
export const mergePatch = 'application/merge-patch+json';
/** The media type of a strategic merge patch. */
export const strategicPatch = 'application/strategic-merge-patch+json';

/** A patch that has been read. */
export interface Patch {
  readonly type: string;
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

/** The treatment of unknown and duplicate fields. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** Parses a patch. @throws StatusError BadRequest */
export function readPatch(type: string, bytes: Buffer, strict: boolean): Patch {
  try {
    const { value, duplicates } = parseJsonBody(bytes.toString(), strict);
    const head = type === jsonPatch ? 'json patch ' : '';
    return { type, value, duplicates: duplicates.map((text) => head + text) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const head = type === strategicPatch ? '' : 'error decoding patch: ';
    throw badRequest(head + error.message);
  }
}

/**
 * Makes of an object what a patch says. What cannot be decoded is Invalid and blamed on the patch: on its own text for
 * a strategic merge, on the whole outcome for the others, as in apiserver's `endpoints/handlers/patch.go`.
 * @throws StatusError
 */
export function patchedObject(
  kind: DecodableKind,
  patch: Patch,
  old: unknown,
  validation: FieldValidation,
): Decoded {
  const strategic = patch.type === strategicPatch;
  const patched = told(() =>
    strategic ? applyStrategicMergePatch(kind.schema, old, patch.value) : applied(patch, old),
  );
  const refuse = (text: string): Error => {
    const value = strategic ? goValue(patch.value) : formatJson(patched);
    const target = { group: '', kind: '', name: '' };
    return invalidObject(target, [invalid('patch', value, text)]);
  };
  let decoded: Decoded;
  try {
    decoded = decodeObject(kind, patched);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const text = error.cause instanceof Error ? error.cause.message : error.message;
    throw refuse(strategic ? conversionText(text) : text);
  }
  const problems = [...patch.duplicates, ...decoded.problems];
  if (problems.length > 0 && validation === 'Strict') throw refuse(strictDecodingError(problems));
  return { object: decoded.object, problems };
}

/**
 * The same for a value that is no object of a kind (a Scale): lists of it have no keys to merge by, so a strategic
 * merge is a plain one. @throws StatusError
 */
export function patchedValue(patch: Patch, old: unknown): unknown {
  return told(() => applied(patch, old));
}

function applied({ type, value }: Patch, old: unknown): unknown {
  return type === jsonPatch ? applyJsonPatch(old, value) : applyMergePatch(old, value);
}

/** Tells a patch that cannot be applied in apiserver's words. @throws StatusError */
function told<T>(apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.reason === 'BadRequest') throw badRequest(error.message);
    if (error.reason === 'TooLarge') throw failure(413, 'RequestEntityTooLarge', error.message);
    const text = 'the server rejected our request due to an error in our request';
    throw failure(422, 'Invalid', text, {});
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
