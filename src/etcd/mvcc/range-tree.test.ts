import { expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
import { openEnd, RangeTree } from './range-tree.js';

test('finds what a list of ranges finds, while ranges come and go', () => {
  const prng = new Prng(7);
  const tree = new RangeTree<string>();
  const list = new Map<string, readonly [string, string]>();
  for (let round = 0; round < 3000; round++) {
    const start = String.fromCharCode(prng.between(97, 122));
    const end = prng.pick([openEnd, String.fromCharCode(prng.between(97, 123))]);
    const name = `${start}-${end}`;
    if (list.has(name)) {
      expect(tree.get(start, end)).toBe(name);
      tree.remove(start, end);
      list.delete(name);
    } else {
      expect(tree.get(start, end)).toBeUndefined();
      tree.insert(start, end, name);
      list.set(name, [start, end]);
    }
    const key = String.fromCharCode(prng.between(97, 122));
    const found: string[] = [];
    tree.stab(key, (value) => found.push(value));
    const wanted = [...list].filter(([, range]) => range[0] <= key && key < range[1]);
    expect(found.sort()).toEqual(wanted.map(([value]) => value).sort());
  }
});
