import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { cannotHandle, decodeObject, strictDecodingError } from '../../../api/strategy.js';
import { badRequest } from '../status.js';
import type { RequestContext } from '../verbs/index.js';

/** Decodes a parsed body; unknown and duplicate fields are refused, warned of or ignored. @throws StatusError */
export function decodeChecked(
  kind: KindDeclaration,
  value: unknown,
  duplicates: readonly string[],
  context: RequestContext,
): KubeObject {
  try {
    return decodeParsed(kind, value, duplicates, context);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

/** The same. @throws DecodeError for what is no such object; StatusError for unknown fields, where they are refused */
export function decodeParsed(
  kind: KindDeclaration,
  value: unknown,
  duplicates: readonly string[],
  context: RequestContext,
): KubeObject {
  const decoded = decodeObject(kind, value);
  const problems = [...duplicates, ...decoded.problems];
  const { fieldValidation } = context.options;
  if (problems.length > 0 && fieldValidation === 'Strict') {
    throw badRequest(cannotHandle(kind, strictDecodingError(problems)));
  }
  if (fieldValidation === 'Warn') context.warnings.push(...problems);
  return decoded.object;
}
