import { describe, expect, test } from '@jest/globals';
import { BlockPool } from './block-pool.js';
import { blockAt, blockCount, indexOfBlock, parseCidr } from './cidr.js';

describe('networks', () => {
  test.each([
    ['10.244.7.9/16', 24, 0, '10.244.0.0/24'],
    ['10.244.0.0/16', 24, 255, '10.244.255.0/24'],
    ['10.244.0.0/16', 26, 5, '10.244.1.64/26'],
    ['fd00:10:244::/56', 64, 0, 'fd00:10:244::/64'],
    ['fd00:10:244::/56', 64, 255, 'fd00:10:244:ff::/64'],
    ['2001:db8:0:0:1::/80', 96, 2, '2001:db8::1:2:0:0/96'],
    ['fd00:0:0:1::/64', 64, 0, 'fd00:0:0:1::/64'],
    ['::/8', 16, 1, '1::/16'],
  ])('of %s with prefix %d the block %d is %s', (cidr, prefix, index, block) => {
    const network = parseCidr(cidr);
    expect(blockAt(network, prefix, index)).toBe(block);
    expect(indexOfBlock(network, prefix, block)).toBe(index);
  });

  test.each([
    ['10.244.0.0/16', 24, 256],
    ['10.244.0.0/16', 16, 1],
    ['10.244.0.0/16', 8, 0],
    ['fd00::/8', 64, 2 ** 30],
  ])('%s has room for blocks of prefix %d: %d', (cidr, prefix, count) => {
    expect(blockCount(parseCidr(cidr), prefix)).toBe(count);
  });

  test.each([
    '10.244.0.0',
    '10.244.0/16',
    '10.244.0.0/33',
    '10.244.0.256/16',
    'fd00::/129',
    'x/1',
    '',
  ])('%j is none', (text) => {
    expect(() => parseCidr(text)).toThrow(`invalid CIDR "${text}"`);
  });

  test('a block of another network has no place', () => {
    const network = parseCidr('10.244.0.0/16');
    expect(indexOfBlock(network, 24, '10.245.0.0/24')).toBeUndefined();
    expect(indexOfBlock(network, 24, 'fd00::/64')).toBeUndefined();
  });
});

describe('a pool', () => {
  const pool = () => new BlockPool('10.244.0.0/22', { ipv4: 24, ipv6: 64 });

  test('each node gets one, and the same again', () => {
    const blocks = pool();
    expect([blocks.take('a'), blocks.take('b'), blocks.take('a')]).toEqual([
      '10.244.0.0/24',
      '10.244.1.0/24',
      '10.244.0.0/24',
    ]);
  });

  test('what nodes have is not given away', () => {
    const blocks = pool();
    blocks.note('10.244.0.0/24', 'old');
    blocks.note('192.0.2.0/24', 'foreign');
    expect(blocks.take('a')).toBe('10.244.1.0/24');
  });

  test('a block comes back from the node that has it, not from another', () => {
    const blocks = pool();
    for (const node of ['a', 'b', 'c', 'd']) blocks.take(node);
    expect(blocks.take('e')).toBeUndefined();
    blocks.giveBack('10.244.1.0/24', 'a');
    expect(blocks.take('e')).toBeUndefined();
    blocks.giveBack('10.244.1.0/24', 'b');
    expect(blocks.take('e')).toBe('10.244.1.0/24');
  });

  test('a network that is smaller than a node’s block is one block', () => {
    const blocks = new BlockPool('10.244.0.0/26', { ipv4: 24, ipv6: 64 });
    expect([blocks.take('a'), blocks.take('b')]).toEqual(['10.244.0.0/26', undefined]);
  });
});
