import { describe, expect, test } from '@jest/globals';
import { crc32c } from './crc32c.js';

describe('crc32c', () => {
  // RFC 3720, appendix B.4.
  test.each([
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(0), 0],
  ])('vector %#', (bytes, want) => {
    expect(crc32c(bytes)).toBe(want);
  });

  test('continues over any split', () => {
    const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 37) & 0xff));
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(crc32c(bytes, crc32c(bytes, 0, 0, cut), cut)).toBe(crc32c(bytes));
    }
  });
});
