import { expect, test } from '@jest/globals';
import { unchanging, verifying } from './assert.js';

test('what must not change cannot be changed while costly checks run', () => {
  const value = unchanging({ list: [{ name: 'a' }], none: null });
  const change = (): void => {
    for (const item of value.list) item.name = 'b';
  };
  if (verifying) expect(change).toThrow(TypeError);
  else expect(change).not.toThrow();
});
