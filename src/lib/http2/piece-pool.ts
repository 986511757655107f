/**
 * Memory that frames are gathered in, shared by all connections: a piece comes back when the socket has sent it.
 * Buffers of their own would be garbage at once, and V8 counts them against its heap: beside a small heap, every dozen
 * megabytes of them start a collection of everything.
 */

/** The length of each piece. */
export const pieceBytes = 64 * 1024;

/** The most pieces that wait here for their next use: as many as some sixteen busy connections have under way. */
const keptPieces = 64;

const pieces: Buffer[] = [];

/** A piece with whatever is in it. */
export function takePiece(): Buffer {
  return pieces.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
}

/** Takes back a piece that nobody reads any more. */
export function givePiece(piece: Buffer): void {
  if (pieces.length < keptPieces) pieces.push(piece);
}
