import { describe, expect, test } from '@jest/globals';
import { parseExitCode, parsePid } from './exit-code.js';

describe('files of the shim', () => {
  test.each([
    ['0\n', 0],
    ['137\n', 137],
    ['', 255],
    ['\n', 255],
    ['-1', 255],
    ['1e2', 255],
    ['NaN', 255],
  ])('exit code %j is %i', (text, code) => {
    expect(parseExitCode(text)).toBe(code);
  });

  test.each([
    ['4711\n', 4711],
    ['', undefined],
    ['0', undefined],
    ['1', undefined],
    ['-5', undefined],
    ['99999999999', undefined],
  ])('pid %j is %s', (text, pid) => {
    expect(parsePid(text)).toBe(pid);
  });
});
