import { test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
import { openEnd } from '../key-intervals.js';
import { RangeTree } from './range-tree.js';
import { mustEqual } from '../../lib/testkit/must-equal.js';

test('finds what a list of ranges finds, while ranges come and go', () => {
  const prng = new Prng(7);
  const tree = new RangeTree<string>();
  const list = new Map<string, readonly [string, string]>();
  for (let round = 0; round < 3000; round++) {
    const start = String.fromCharCode(prng.between(97, 122));
    const end = prng.pick([openEnd, String.fromCharCode(prng.between(97, 123))]);
    const name = `${start}-${end}`;
    if (list.has(name)) {
      mustEqual(tree.get(start, end), name);
      tree.remove(start, end);
      list.delete(name);
    } else {
      mustEqual(tree.get(start, end), undefined);
      tree.insert(start, end, name);
      list.set(name, [start, end]);
    }
    const key = String.fromCharCode(prng.between(97, 122));
    const found: string[] = [];
    tree.stab(key, (value) => found.push(value));
    const wanted = [...list].filter(([, range]) => range[0] <= key && key < range[1]);
    mustEqual(found.sort(), wanted.map(([value]) => value).sort());
  }
});
