/** Protobuf's numbers of variable length. */

/** Bytes of `value` (a safe integer >= 0) as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes `value` (a safe integer >= 0) as a varint, for which there must be room; returns the position behind it. */
export function writeVarint(out: Buffer, value: number, at: number): number {
  let rest = value;
  while (rest >= 2 ** 31) {
    out[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    out[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  out[at] = rest;
  return at + 1;
}
