/**
 * PATCH in its forms. The effect is computed anew whenever another write came first, so that a patch without a
 * resourceVersion never fails with a conflict.
 */
import type { KubeObject } from '../../../api/object.js';
import { applyJsonPatch } from '../../../api/patch/json-patch.js';
import { applyMergePatch } from '../../../api/patch/merge-patch.js';
import { PatchError } from '../../../api/patch/patch-error.js';
import { applyStrategicMergePatch } from '../../../api/patch/strategic-merge.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import type { RequestContext } from '../registry/types.js';
import type { UpdateSource } from '../registry/writer.js';
import { badRequest, failure, unsupportedMediaType } from '../status.js';
import { applyPatch, applySource } from './apply.js';
import { decodeChecked } from './decode.js';

const jsonPatch = 'application/json-patch+json';
const mergePatch = 'application/merge-patch+json';
const strategicPatch = 'application/strategic-merge-patch+json';

/** Reads a patch. @throws StatusError 415 for another content type, 400 for a text that cannot be read */
export function patchSource(
  context: RequestContext,
  contentType: string,
  body: Buffer,
  now: () => string,
): UpdateSource {
  const [type = ''] = contentType.split(';');
  if (type.trim() === applyPatch) return applySource(context, body, now);
  const run = patchFunction(context, type.trim(), body);
  return {
    createsMissing: false,
    tracksFields: false,
    next(old): KubeObject {
      return decodeChecked(
        context.target.kind,
        attempt(() => run(old)),
        [],
        context,
      );
    },
  };
}

function patchFunction(
  context: RequestContext,
  type: string,
  body: Buffer,
): (old: unknown) => unknown {
  const { kind } = context.target;
  const known = [jsonPatch, mergePatch, ...(kind.custom ? [] : [strategicPatch]), applyPatch];
  if (!known.includes(type)) throw unsupportedMediaType(known);
  const patch = attempt(() => parseJsonBody(body.toString(), false).value);
  if (type === jsonPatch) return (old) => applyJsonPatch(old, patch);
  if (type === mergePatch) return (old) => applyMergePatch(old, patch);
  return (old) => applyStrategicMergePatch(kind.schema, old, patch);
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    if (!(error instanceof PatchError)) throw error;
    if (error.reason === 'BadRequest') throw badRequest(error.message);
    throw failure(422, 'Invalid', error.message, {});
  }
}
