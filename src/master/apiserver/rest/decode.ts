import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { cannotHandle, decodeObject, strictDecodingError } from '../../../api/strategy.js';
import type { RequestContext } from '../registry/types.js';
import { badRequest } from '../status.js';
import { parseBody, readBody } from './body.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

/** Reads and decodes the body as an object of `kind`. @throws StatusError BadRequest */
export async function readObject(
  exchange: Exchange,
  context: RequestContext,
  kind: KindDeclaration,
): Promise<KubeObject> {
  const bytes = await readBody(exchange);
  const checks = context.options.fieldValidation !== 'Ignore';
  const body = parseBody(bytes, header(exchange, 'content-type'), checks);
  return decodeChecked(kind, body.value, body.duplicates, context);
}

/** Decodes a parsed body; unknown and duplicate fields are refused, warned of or ignored. */
export function decodeChecked(
  kind: KindDeclaration,
  value: unknown,
  duplicates: readonly string[],
  context: RequestContext,
): KubeObject {
  try {
    const decoded = decodeObject(kind, value);
    const problems = [...duplicates, ...decoded.problems];
    const { fieldValidation } = context.options;
    if (problems.length > 0 && fieldValidation === 'Strict') {
      throw badRequest(cannotHandle(kind, strictDecodingError(problems)));
    }
    if (fieldValidation === 'Warn') context.warnings.push(...problems);
    return decoded.object;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}
