import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { objectOf } from '../content/decode.js';
import type { RequestContext } from '../verbs/index.js';
import { checkType } from '../verbs/index.js';
import { badRequest, unsupportedMediaType } from '../status.js';
import { customTypes } from '../content/media-types.js';
import type { BodyParser } from '../content/body-parser.js';
import { formatOf } from '../content/body-parser.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

/** Bytes of a body that are shown in the answer to one that cannot be read. */
const summaryBytes = 30;

/** Decodes the body as an object of `kind`. @throws StatusError BadRequest */
export async function readObject(
  exchange: Exchange,
  context: RequestContext,
  { kinds, parser }: { readonly kinds: KindRegistry; readonly parser: BodyParser },
  bytes: Buffer,
): Promise<KubeObject> {
  const { kind } = context.target;
  const checks = context.options.fieldValidation !== 'Ignore';
  try {
    const format = formatOf(header(exchange, 'content-type'));
    if (kind.custom && format === 'protobuf') throw unsupportedMediaType(customTypes);
    const body = await parser.object(kind, { bytes, format, user: context.user.name }, checks);
    checkType(kind, body.type, kinds);
    return objectOf(kind, body, context);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (error.message.includes('cannot be handled as')) throw badRequest(error.message);
    if (error.message.startsWith('the API version in the data')) throw badRequest(error.message);
    throw badRequest(unrecognized(kind, error.message, bytes, exchange));
  }
}

/** A body of which not even the kind could be read (apiserver's `transformDecodeError`). */
function unrecognized(
  kind: KindDeclaration,
  text: string,
  bytes: Buffer,
  exchange: Exchange,
): string {
  const type = header(exchange, 'content-type');
  const plain = type === '' || type.startsWith('application/json');
  const head = "couldn't get version/kind; json parse error: ";
  const detail = plain && !text.startsWith("couldn't get") ? head + text : text;
  return (
    `the object provided is unrecognized (must be of type ${kind.kind}): ` +
    `${detail} (${summary(bytes)})`
  );
}

function summary(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const start = bytes.subarray(0, summaryBytes);
  const text = bytes[0] === 0x7b ? start.toString() : start.toString('hex');
  return bytes.length > summaryBytes ? `${text} ...` : text;
}
