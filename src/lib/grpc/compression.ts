import { constants, gzip, gzipSync } from 'node:zlib';

/** The quickest: who asks for it wants fewer bytes on the wire, and the event loop waits meanwhile. */
const options = { level: constants.Z_BEST_SPEED };

/** A message as gzip has it. */
export function compressed(message: Uint8Array): Buffer {
  return gzipSync(message, options);
}

/** Messages from here on are compressed beside the event loop, where nothing else has to come after them. */
export const asideBytesMin = 64 * 1024;

/** As {@link compressed}, on a thread of Node's pool. */
export function compressedAside(message: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(message, options, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}
