import { errorCode } from './constants.js';

/** The peer broke the protocol: the connection ends with GOAWAY and this code. */
export class Http2Error extends Error {
  override readonly name = 'Http2Error';
  /** One of `errorCode`. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A PROTOCOL_ERROR of the connection. */
export function protocolError(message: string): Http2Error {
  return new Http2Error(errorCode.protocolError, message);
}

/** A FRAME_SIZE_ERROR of the connection. */
export function frameSizeError(type: string): Http2Error {
  return new Http2Error(errorCode.frameSizeError, `${type} has a wrong length`);
}

/** A COMPRESSION_ERROR of the connection: its header table is lost. */
export function compressionError(message: string): Http2Error {
  return new Http2Error(errorCode.compressionError, message);
}
