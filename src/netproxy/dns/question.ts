/** Checks a question before it is decoded, and that an answer belongs to its question. Pure. */
import type { DecodedPacket, Question } from 'dns-packet';
import { dnsLimits } from './limits.js';
import { normalName } from './name.js';

const headerBytes = 12;

/**
 * The least that every question has: one name, no answers. The decoder makes room for as many records as the header
 * says, 65,535 of each kind in 12 bytes; it takes a dot within a label for two labels and makes three bytes of each
 * that is no UTF-8, so that another name would be asked for than was meant.
 * @returns undefined, or the code that refuses it
 */
export function questionProblem(message: Buffer): 'FORMERR' | 'REFUSED' | undefined {
  if (message.length < headerBytes || message.length > dnsLimits.questionBytes) return 'FORMERR';
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) =>
    message.readUInt16BE(at),
  );
  if (questions !== 1 || answers !== 0 || authorities !== 0) return 'FORMERR';
  if ((additionals ?? 0) > dnsLimits.additionals) return 'FORMERR';
  for (let at = headerBytes; ;) {
    const length = message[at];
    // A pointer has nothing in front of it that it could point at.
    if (length === undefined || length > 63) return 'FORMERR';
    if (length === 0) return undefined;
    const label = message.subarray(at + 1, at + 1 + length);
    if (label.length < length || at + length > headerBytes + 254) return 'FORMERR';
    if (label.some((byte) => byte <= 0x20 || byte >= 0x7f || byte === 0x2e)) return 'REFUSED';
    at += length + 1;
  }
}

/** RFC 5452, section 9.1: an answer repeats the question, else it is somebody's guess. */
export function answersQuestion(packet: DecodedPacket, id: number, question: Question): boolean {
  const [repeated, second] = packet.questions ?? [];
  return (
    packet.type === 'response' &&
    packet.id === id &&
    repeated !== undefined &&
    second === undefined &&
    repeated.type === question.type &&
    normalName(repeated.name) === normalName(question.name)
  );
}
