/** Fits an answer into the bytes that its transport allows. Pure. */
import { encode, encodingLength, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Packet } from 'dns-packet';

/**
 * What only helps is left out first: additional records but EDNS (RFC 2181, section 9: without a word). Where the
 * answers do not fit either, as many as do are sent, in their order, and TC tells to ask over TCP.
 */
export function fit(packet: Packet, bytes: number): Buffer {
  if (encodingLength(packet) <= bytes) return encode(packet);
  const additionals = (packet.additionals ?? []).filter(({ type }) => type === 'OPT');
  const bare = { ...packet, additionals };
  if (encodingLength(bare) <= bytes) return encode(bare);
  const { answers = [], flags = 0 } = packet;
  const cut = (count: number): Packet => ({
    ...bare,
    flags: flags | TRUNCATED_RESPONSE,
    answers: answers.slice(0, count),
    authorities: [],
  });
  let [fits, tooMany] = [0, answers.length + 1];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (encodingLength(cut(middle)) <= bytes) fits = middle;
    else tooMany = middle;
  }
  return encode(cut(fits));
}
