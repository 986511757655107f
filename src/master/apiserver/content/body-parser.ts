import type { KindDeclaration } from '../../../api/kind.js';
import { DecodeError } from '../../../api/schema/decode.js';
import { jsonAsideBytes, maxValueBytes, yamlAsideBytes } from '../limits.js';
import { badRequest, tooLarge } from '../status.js';
import type { BodyLane } from './body-lane.js';
import type { BodyReply, BodyWork } from './body-work.js';
import { typedBodyIn, valueIn, workKind } from './body-work.js';
import { isProtobuf } from '../protobuf/decode.js';
import { bodyFormat } from './media-types.js';
import type { BodyFormat, TypedBody } from './typed-body.js';
import { parseBody, typedBody } from './typed-body.js';

/** A body, and the user who sends it. */
export interface SentBody {
  readonly bytes: Buffer;
  readonly format: BodyFormat;
  readonly user: string;
}

/**
 * Reads the bodies of requests. What takes long, since it is large or hostile, is done by a thread: meanwhile the event
 * loop serves all others, and afterwards it meets only what an object of the kind may hold.
 */
export class BodyParser {
  readonly #lane: Pick<BodyLane, 'run' | 'close'>;

  constructor(lane: Pick<BodyLane, 'run' | 'close'>) {
    this.#lane = lane;
  }

  /**
   * Reads a body as an object of a kind.
   * @param strict whether duplicate fields of JSON are looked for
   * @throws DecodeError for what cannot be parsed; StatusError BadRequest, 429
   */
  async object(
    kind: KindDeclaration,
    { bytes, format, user }: SentBody,
    strict: boolean,
  ): Promise<TypedBody> {
    if (!isCostly(format, bytes)) {
      return typedBody(kind, parseBody(format, bytes, strict), format);
    }
    const work = { form: 'object', format, bytes, strict, kind: workKind(kind) } as const;
    return typedBodyIn(await this.#lane.run(user, work));
  }

  /**
   * Parses a body that is no object of a kind: options, bindings. No such body of use is long.
   * @throws StatusError BadRequest, 413, 415, 429
   */
  async value(bytes: Buffer, contentType: string, user: string): Promise<unknown> {
    const format = formatOf(contentType);
    if (bytes.length > maxValueBytes) throw tooLarge(maxValueBytes);
    try {
      if (!isCostly(format, bytes)) return parseBody(format, bytes, false).value;
      const reply = await this.#lane.run(user, { form: 'value', format, bytes });
      if ('outcome' in reply && (reply.outcome.json?.length ?? 0) > maxValueBytes) {
        throw tooLarge(maxValueBytes);
      }
      return valueIn(reply);
    } catch (error) {
      if (error instanceof DecodeError) throw badRequest(error.message);
      throw error;
    }
  }

  /** Has work done by the thread, whatever it costs. @throws StatusError 429 */
  aside(user: string, work: BodyWork): Promise<BodyReply> {
    return this.#lane.run(user, work);
  }

  /** Ends the thread; whoever waits for it is told so. */
  close(): Promise<void> {
    return this.#lane.close();
  }
}

/** The format of a content type. @throws StatusError UnsupportedMediaType */
export function formatOf(contentType: string): BodyFormat {
  return isProtobuf(contentType) ? 'protobuf' : bodyFormat(contentType);
}

/** Long, or with aliases, which a short text may have grow. */
function isCostly(format: BodyFormat, bytes: Buffer): boolean {
  if (format !== 'yaml') return bytes.length >= jsonAsideBytes;
  return bytes.length >= yamlAsideBytes || (bytes.includes('&') && bytes.includes('*'));
}
