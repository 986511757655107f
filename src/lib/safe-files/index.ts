/** Files that somebody else may change meanwhile: see README.md. */
export { readEnd, readStart } from './contents.js';
export type { FilePart } from './contents.js';
export { codeOf, SafeFileError } from './errors.js';
export { checkedName, Held, HeldDirectory } from './held.js';
export { openInside, tryOpenInside } from './inside.js';
export { removeTree, walkTree } from './tree.js';
