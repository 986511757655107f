import { describe, expect, test } from '@jest/globals';
import { noteHeaders } from './respond.js';

/** The lines of the header. */
function lines(warnings: readonly string[]): unknown {
  return noteHeaders({ warnings, notes: {} })['warning'];
}

describe('warnings of an answer', () => {
  test('are sent once each, quoted', () => {
    expect(noteHeaders({ warnings: [], notes: {} })).toEqual({});
    expect(lines(['a "b"\nc', 'd', 'd'])).toEqual(['299 - "a \\"b\\" c"', '299 - "d"']);
    expect(lines(['x'.repeat(4_096)])).toEqual([`299 - "${'x'.repeat(4_096)}"`]);
  });

  test('are cut where they are too long together, and the last left out', () => {
    const texts = Array.from({ length: 20 }, (_, at) => String(at % 10).repeat(300 + at));
    const cut = Array.from({ length: 16 }, (_, at) => `299 - "${String(at % 10).repeat(256)}"`);
    expect(lines(texts)).toEqual(cut);
    expect(lines(['y'.repeat(4_097)])).toEqual([`299 - "${'y'.repeat(256)}"`]);
  });
});
