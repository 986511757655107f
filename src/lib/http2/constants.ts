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
  maxHeaderListSize: 6,
} as const;

/** The preface that a client sends first, section 3.4. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Bytes of a frame's head (RFC 9113, 4.1). */
export const frameHeadBytes = 9;
/** Windows before any setting, section 6.9.2. */
export const defaultWindowBytes = 65_535;

/** The greatest payload of a frame unless SETTINGS say more (RFC 9113, 6.5.2). */
export const defaultFrameBytes = 16_384;
/** HPACK's table, RFC 7541 section 4.2. */
export const defaultTableBytes = 4096;

/** The greatest flow-control window (RFC 9113, 6.9.1). */
export const windowBytesMax = 2 ** 31 - 1;
/** The largest SETTINGS_MAX_FRAME_SIZE, section 6.5.2. */
export const frameBytesMax = 2 ** 24 - 1;
/** The last stream of a client. */
export const streamIdMax = 2 ** 31 - 1;

/** Limits of our own; those of peers that a server knows more or less stand in `../net-limits.ts`. */
export const limits = {
  /** Each direction of a stream: what a sender may have under way. */
  streamWindowBytes: 1024 * 1024,
  /** The same of a whole connection. */
  connectionWindowBytes: 16 * 1024 * 1024,
  /** The longest frame that we take, and that we send. */
  frameBytes: 64 * 1024,
  /** All header fields of one request, counted as HPACK does (32 bytes more for each). */
  headerListBytes: 64 * 1024,
  /** The most bytes of a header block as it comes over the wire. */
  headerBlockBytes: 64 * 1024,
  /** Bytes that wait for the socket from which on streams keep what they have to send. */
  socketBytesHigh: 256 * 1024,
  /**
   * The bytes that all streams of a connection may hold while they wait for a window. The longest message of a handler
   * must fit.
   */
  heldBytesMax: 256 * 1024 * 1024,
  /** For a client: what all streams of a connection have got and their owners have not taken. */
  answeredBytesMax: 256 * 1024 * 1024,
  /** For a client: what it answers a server that does not read. */
  clientUnreadBytes: 8 * 1024 * 1024,
  /** SETTINGS frames: each may change the windows of all streams. */
  settings: { burst: 1000, perSecond: 10 },
  /**
   * Frames that carry nothing: PING, WINDOW_UPDATE, PRIORITY, unknown ones, and what comes for streams that are over. A
   * peer earns two more by each block of headers and each message that it gets (Go's ends measure a connection with a
   * ping for each), and one by each KiB (it makes room).
   */
  control: { burst: 10_000, perSecond: 1000 },
  /** DATA frames without data in a row. */
  emptyFrames: 1000,
  /** Requests before the server has announced its limit, which section 6.5.2 wants to be no less. */
  earlyStreams: 100,
  /** CONTINUATION frames of one header block. */
  continuations: 64,
} as const;
