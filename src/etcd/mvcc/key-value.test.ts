import { expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
import { decodeKeyValue, encodeKeyValue, encodeTombstone, KeyScan } from './key-value.js';

test('what the index needs is what decoding gives, pair after pair', () => {
  const prng = new Prng(11);
  const scan = new KeyScan();
  const number = (): number => (prng.below(3) === 0 ? prng.below(2 ** 20) : prng.below(200));
  for (let pair = 0; pair < 500; pair++) {
    const key = String.fromCharCode(
      ...Array.from({ length: prng.between(1, 300) }, () => prng.below(256)),
    );
    const meta = {
      createRevision: number(),
      modRevision: number() * 2 ** prng.below(30),
      version: number(),
      lease: prng.below(2) === 0 ? 0n : -BigInt(prng.below(2 ** 30)) * 2n ** 20n,
    };
    const value = Buffer.alloc(prng.below(2) * prng.below(6000), prng.below(256));
    const stored = encodeKeyValue(key, value, meta);
    const decoded = decodeKeyValue(stored.encoded);
    scan.read(stored.encoded);
    expect(decoded.value).toEqual(value);
    expect(scan).toMatchObject({ key, ...meta });
    expect(decoded).toMatchObject(meta);
    expect(decoded.keyString()).toBe(key);
  }
  scan.read(encodeTombstone('gone'));
  expect(scan).toMatchObject({ key: 'gone', createRevision: 0, version: 0, lease: 0n });
});

test('a stored pair with an unknown field is refused', () => {
  expect(() => new KeyScan().read(Buffer.from([0x7a, 0]))).toThrow(RangeError);
});
