/** Codecs for calls on the hot path, in place of the generated ones. */
import type { MessageCodec } from '../../lib/grpc/types.js';

/** A request with the bytes that it came as: they go into the log as they are. */
export interface WithBytes<T> {
  readonly bytes: Uint8Array;
  readonly message: T;
}

/** Decodes a request and keeps its bytes. */
export function withBytes<T>(codec: MessageCodec<T>): MessageCodec<WithBytes<T>> {
  return {
    encode: (request) => codec.encode(request.message),
    decode: (bytes) => ({ bytes, message: codec.decode(bytes) }),
  };
}

/** An answer that is encoded already. */
export const encodedAnswer: MessageCodec<Uint8Array> = {
  encode: (bytes) => ({ finish: () => bytes }),
  decode: (bytes) => bytes,
};
