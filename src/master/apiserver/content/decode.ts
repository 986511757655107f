import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { cannotHandle, strictDecodingError } from '../../../api/strategy.js';
import { badRequest } from '../status.js';
import type { RequestContext } from '../verbs/index.js';
import type { BodyParser, SentBody } from './body-parser.js';
import type { TypedBody } from './typed-body.js';

/** Reads a JSON body as an object of the target's kind; duplicate fields are ignored. @throws StatusError */
export async function readObjectBody(
  parser: BodyParser,
  body: SentBody,
  context: RequestContext,
): Promise<KubeObject> {
  const { kind } = context.target;
  try {
    return objectOf(kind, await parser.object(kind, body, false), context);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

/**
 * The object of a body; unknown and duplicate fields are refused, warned of or ignored.
 * @throws DecodeError for what is no such object; StatusError for unknown fields, where they are refused
 */
export function objectOf(
  kind: KindDeclaration,
  { decoded }: TypedBody,
  context: RequestContext,
): KubeObject {
  if (decoded instanceof DecodeError) throw decoded;
  const { object, problems } = decoded;
  const { fieldValidation } = context.options;
  if (problems.length > 0 && fieldValidation === 'Strict') {
    throw badRequest(cannotHandle(kind, strictDecodingError(problems)));
  }
  if (fieldValidation === 'Warn') context.warnings.push(...problems);
  return object;
}
