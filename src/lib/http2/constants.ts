/** Numbers of RFC 9113 (HTTP/2) that both ends share. */

/** Frame types, section 6. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags, section 6. */
export const flag = {
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Error codes, section 7. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

/** Settings, section 6.5.2. */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
} as const;

/** What a client says first, section 3.4. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const frameHeadBytes = 9;
/** Windows before any setting, section 6.9.2. */
export const defaultWindowBytes = 65_535;
export const defaultFrameBytes = 16_384;
/** HPACK's table, RFC 7541 section 4.2. */
export const defaultTableBytes = 4096;
export const windowBytesMax = 2 ** 31 - 1;

/** Limits of our own. */
export const limits = {
  /** Each direction of a stream: what a sender may have under way. */
  streamWindowBytes: 1024 * 1024,
  /** The same of a whole connection. */
  connectionWindowBytes: 16 * 1024 * 1024,
  /** The longest frame that we take. */
  frameBytes: 64 * 1024,
  /** All header fields of one request, counted as HPACK does (32 bytes more for each). */
  headerListBytes: 64 * 1024,
  /** One header block as it comes over the wire. */
  headerBlockBytes: 64 * 1024,
  /** Bytes in the socket's buffer from which on streams keep what they have to send. */
  socketBytesHigh: 256 * 1024,
  /** The same at which a peer that reads nothing, and still makes us answer, is cut off. */
  socketBytesMax: 16 * 1024 * 1024,
  /** Resets of streams that a peer may send at once, and after that a second (CVE-2023-44487). */
  resetBurst: 2000,
  resetsPerSecond: 200,
  /** DATA frames without data in a row. */
  emptyFrames: 1000,
} as const;
