/** HTTP/2 as far as gRPC needs it; see README.md. */
export { ClientConnection } from './client-connection.js';
export type { ConnectionEvents } from './connection.js';
export { errorCode, frameType, flag, preface } from './constants.js';
export { Http2Error } from './errors.js';
export { FrameParser } from './frame-parser.js';
export type { FrameHead } from './frame-parser.js';
export { HpackDecoder } from './hpack-decoder.js';
export type { Headers } from './hpack-decoder.js';
export { encodeField, encodeFields } from './hpack-encoder.js';
export type { KeepAliveOptions } from './keep-alive.js';
export { ServerConnection } from './server-connection.js';
export { compact } from './stream.js';
export type { Http2Stream, StreamHandler } from './stream.js';
