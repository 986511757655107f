/** The Huffman code of HPACK (RFC 7541, appendix B): decoding only; what we send is not compressed. */
import { errorCode } from './constants.js';
import { Http2Error } from './errors.js';

/**
 * The symbols by the length of their code. The code is canonical: within a length, codes are counted up in the order of
 * the symbols, and each length goes on where the one before ended. 256 is the end of the string, which must not occur.
 */
const symbolsByLength: readonly (readonly [length: number, symbols: readonly number[]])[] = [
  [5, [48, 49, 50, 97, 99, 101, 105, 111, 115, 116]],
  [
    6,
    [
      32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109,
      110, 112, 114, 117,
    ],
  ],
  [
    7,
    [
      58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87,
      89, 106, 107, 113, 118, 119, 120, 121, 122,
    ],
  ],
  [8, [38, 42, 44, 59, 88, 90]],
  [10, [33, 34, 40, 41, 63]],
  [11, [39, 43, 124]],
  [12, [35, 62]],
  [13, [0, 36, 64, 91, 93, 126]],
  [14, [94, 125]],
  [15, [60, 96, 123]],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [
    22,
    [
      129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187,
      189, 190, 196, 198, 228, 232, 233,
    ],
  ],
  [
    23,
    [
      1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168,
      174, 175, 180, 182, 183, 188, 191, 197, 231, 239,
    ],
  ],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [
    27,
    [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254],
  ],
  [
    28,
    [
      2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30,
      31, 127, 220, 249,
    ],
  ],
  [30, [10, 13, 22, 256]],
];

const endOfString = 256;
/** Bits of a step's entry: next node in the low 12, then the symbol, then what happened. */
const symbolShift = 12;
const emits = 1 << 21;
const fails = 1 << 22;
const noNode = -1;

/** The tree as pairs of children; a leaf is `-2 - symbol`. */
function buildTree(): number[] {
  const tree: number[] = [noNode, noNode];
  let code = 0;
  let before = 0;
  for (const [length, symbols] of symbolsByLength) {
    code <<= length - before;
    before = length;
    for (const symbol of symbols) insert(tree, code++, length, symbol);
  }
  return tree;
}

function insert(tree: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const slot = 2 * node + ((code >>> bit) & 1);
    if (tree[slot] === noNode) {
      tree[slot] = tree.length / 2;
      tree.push(noNode, noNode);
    }
    node = tree[slot] as number;
  }
  tree[2 * node + (code & 1)] = -2 - symbol;
}

/**
 * `steps[16 * node + nibble]`: where four bits lead. No code is shorter than five bits, so at most one symbol ends in
 * them.
 */
function buildSteps(tree: readonly number[]): Int32Array {
  const steps = new Int32Array((tree.length / 2) * 16);
  for (let at = 0; at < steps.length; at++) {
    let node = at >>> 4;
    let entry = 0;
    for (let bit = 3; bit >= 0 && (entry & fails) === 0; bit--) {
      const next = tree[2 * node + (((at & 15) >>> bit) & 1)] ?? noNode;
      if (next >= 0) node = next;
      else if (next === noNode || -2 - next === endOfString) entry = fails;
      else {
        entry = emits | ((-2 - next) << symbolShift);
        node = 0;
      }
    }
    steps[at] = entry | node;
  }
  return steps;
}

/** Nodes at which a string may end: less than a byte of padding, all ones. */
function buildEnds(tree: readonly number[]): Uint8Array {
  const ends = new Uint8Array(tree.length / 2);
  for (let node = 0, depth = 0; depth < 8 && node >= 0; depth++) {
    ends[node] = 1;
    node = tree[2 * node + 1] ?? noNode;
  }
  return ends;
}

const tree = buildTree();
const steps = buildSteps(tree);
const ends = buildEnds(tree);

/**
 * The text of `bytes[start..end)`, one char a byte.
 * @throws Http2Error COMPRESSION_ERROR on what is no valid string
 */
export function huffmanDecode(bytes: Buffer, start: number, end: number): string {
  let text = '';
  let node = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const high = steps[16 * node + (byte >>> 4)] as number;
    if ((high & emits) !== 0) text += String.fromCharCode((high >>> symbolShift) & 0xff);
    const low = steps[16 * (high & 0xfff) + (byte & 15)] as number;
    if ((low & emits) !== 0) text += String.fromCharCode((low >>> symbolShift) & 0xff);
    if (((high | low) & fails) !== 0) throw malformed();
    node = low & 0xfff;
  }
  if (ends[node] !== 1) throw malformed();
  return text;
}

function malformed(): Http2Error {
  return new Http2Error(errorCode.compressionError, 'a header string is not valid Huffman code');
}
