/** Encodes the heads of answers, and answers that consist of a head alone. */
import { encodeFields } from '../http2/index.js';
import type { Http2Stream, StreamHandler } from '../http2/index.js';
import { encodeStatusMessage } from './metadata.js';
import type { Code } from './types.js';

/** The content type of a call that names no encoding of its messages. */
export const plainType = 'application/grpc';

const answerBlock = encodeFields(answerFields(plainType));

/** The headers of an answer whose messages follow. @param type the request's content type */
export function answerHead(type: string, compresses: boolean): Buffer {
  if (type === plainType && !compresses) return answerBlock;
  const fields = answerFields(type);
  if (compresses) fields.push(['grpc-encoding', 'gzip']);
  return encodeFields(fields);
}

/** An answer begins so. @param type the request's content type */
export function answerFields(type: string): (readonly [string, string])[] {
  // As Go's servers: whatever divides the sub-type, it is given back behind a plus.
  const answered = type.startsWith(plainType)
    ? type.replace(/^(application\/grpc);/, '$1+')
    : plainType;
  return [
    [':status', '200'],
    ['content-type', answered],
  ];
}

/**
 * Ends a stream that never became a call with a status alone.
 * @param status of HTTP, when the request was not in order
 */
export function refuse(stream: Http2Stream, code: Code, message: string, status = 200): void {
  stream.handler = ignoring;
  stream.finish(
    encodeFields([
      [':status', String(status)],
      ['content-type', plainType],
      ['grpc-status', String(code)],
      ['grpc-message', encodeStatusMessage(message)],
    ]),
  );
}

/**
 * Ends a stream that is no call of gRPC at all.
 * @param status 415, or 421 where another connection would be served
 */
export function refuseHttp(stream: Http2Stream, status: 415 | 421): void {
  stream.handler = ignoring;
  stream.finish(encodeFields([[':status', String(status)]]));
}

const ignoring: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => undefined,
  onEnd: () => undefined,
  onWritable: () => undefined,
  onClosed: () => undefined,
};
