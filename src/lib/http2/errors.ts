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
