import { Prng } from '../../lib/prng.js';

interface Node<T> {
  readonly start: string;
  readonly end: string;
  readonly priority: number;
  value: T;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  /** The largest end in this subtree. */
  maxEnd: string;
}

/**
 * Values on half-open key ranges [start, end), found by a key inside: a treap ordered by (start, end) that knows the
 * largest end below each node, so that a lookup costs log n plus what it finds.
 */
export class RangeTree<T> {
  #root: Node<T> | undefined;
  readonly #prng = new Prng(0x7ee9);

  /** The value of exactly this range. */
  get(start: string, end: string): T | undefined {
    let node = this.#root;
    while (node !== undefined) {
      const order = compareRanges(start, end, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** Sets the value of a range that is not there yet. */
  insert(start: string, end: string, value: T): void {
    const priority = this.#prng.uint32();
    const node = { start, end, priority, value, left: undefined, right: undefined, maxEnd: end };
    this.#root = insertNode(this.#root, node);
  }

  remove(start: string, end: string): void {
    this.#root = removeNode(this.#root, start, end);
  }

  /** Calls `visit` for each range that holds `key`, in order of (start, end). */
  stab(key: string, visit: (value: T) => void): void {
    stabNode(this.#root, key, visit);
  }
}

function compareRanges<T>(start: string, end: string, node: Node<T>): number {
  if (start !== node.start) return start < node.start ? -1 : 1;
  if (end !== node.end) return end < node.end ? -1 : 1;
  return 0;
}

function refresh<T>(node: Node<T>): Node<T> {
  let maxEnd = node.end;
  if (node.left !== undefined && node.left.maxEnd > maxEnd) maxEnd = node.left.maxEnd;
  if (node.right !== undefined && node.right.maxEnd > maxEnd) maxEnd = node.right.maxEnd;
  node.maxEnd = maxEnd;
  return node;
}

function insertNode<T>(root: Node<T> | undefined, node: Node<T>): Node<T> {
  if (root === undefined) return node;
  if (compareRanges(node.start, node.end, root) < 0) {
    const left = insertNode(root.left, node);
    root.left = left;
    if (left.priority > root.priority) {
      root.left = left.right;
      refresh(root);
      left.right = root;
      return refresh(left);
    }
  } else {
    const right = insertNode(root.right, node);
    root.right = right;
    if (right.priority > root.priority) {
      root.right = right.left;
      refresh(root);
      right.left = root;
      return refresh(right);
    }
  }
  return refresh(root);
}

function removeNode<T>(root: Node<T> | undefined, start: string, end: string): Node<T> | undefined {
  if (root === undefined) return undefined;
  const order = compareRanges(start, end, root);
  if (order === 0) return merge(root.left, root.right);
  if (order < 0) root.left = removeNode(root.left, start, end);
  else root.right = removeNode(root.right, start, end);
  return refresh(root);
}

function merge<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return refresh(left);
  }
  right.left = merge(left, right.left);
  return refresh(right);
}

function stabNode<T>(root: Node<T> | undefined, key: string, visit: (value: T) => void): void {
  let node = root;
  while (node !== undefined && node.maxEnd > key) {
    stabNode(node.left, key, visit);
    if (node.start > key) return;
    if (node.end > key) visit(node.value);
    node = node.right;
  }
}
