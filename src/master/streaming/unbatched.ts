import { Duplex } from 'node:stream';

/**
 * Writes to a socket one chunk at a time. TLS makes a single record of all chunks that wait while one is under way, and
 * a client that waits for bytes of its connection does not see what its TLS library has read already: the official
 * Python client polls the connection before each message, and so hung on the second message of a record until the next
 * ping. kube-apiserver writes every message by itself.
 */
export function unbatched(socket: Duplex): Duplex {
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.once('end', () => duplex.push(null));
  socket.on('error', (error) => duplex.destroy(error));
  socket.once('close', () => duplex.destroy());
  return duplex;
}
