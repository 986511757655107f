/** JSON merge patch (RFC 7386). */
import { isJsonObject } from '../object.js';
import { jsonType } from '../schema/decode.js';
import { PatchError } from './patch-error.js';

/** Applies a merge patch; neither argument is changed, parts of both may be shared by the result. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const out: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === '__proto__') continue;
    if (value === null) delete out[key];
    else out[key] = mergePatch(out[key], value);
  }
  return out;
}

/**
 * Applies a merge patch to an object.
 * @throws PatchError when the patch is no JSON object.
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) {
    throw new PatchError(
      'BadRequest',
      'error decoding patch: json: cannot unmarshal ' +
        `${jsonType(patch)} into Go value of type map[string]interface {}`,
    );
  }
  return mergePatch(target, patch);
}
