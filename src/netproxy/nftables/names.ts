/** Names and words in nft's language, within its limits. */
import { createHash } from 'node:crypto';

/** The table, called as kube-proxy calls it, where users look for it. All in it is ours. */
export const table = 'kube-proxy';

/** The kernel takes 255 bytes; some are left for prefixes. */
const nameLengthMax = 200;
/** nft takes 128 bytes with the one that ends the text. */
const commentBytesMax = 127;

/**
 * Names a chain or set of one service port: the kind, a hash of all parts and as much of them as there is room for.
 * nft takes letters, digits and `/ - _ .` in names.
 */
export function objectName(kind: string, ...parts: readonly string[]): string {
  const text = parts.join('/');
  const hash = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
  const plain = text.replace(/[^\w./-]/gu, '_');
  return `${kind}-${hash}-${plain}`.slice(0, nameLengthMax);
}

/** A text as nft takes it after `comment`: without what would end it, and bounded. */
export function quoted(text: string): string {
  const plain = text.replace(/["\\\p{Cc}]/gu, '').replace(/[^\x20-\x7e]/gu, '?');
  return `"${plain.slice(0, commentBytesMax)}"`;
}
