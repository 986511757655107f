import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { InvariantError } from './assert.js';
import { isSurvivable } from './rejections.js';

describe('rejections without an owner', () => {
  test('are survived, but for broken invariants, and never in tests', () => {
    expect(isSurvivable(new Error('x'), false)).toBe(true);
    expect(isSurvivable('a text', false)).toBe(true);
    expect(isSurvivable(new InvariantError('x'), false)).toBe(false);
    expect(isSurvivable(new Error('x'), true)).toBe(false);
  });

  test.each([
    ['0', 'Error', 0],
    ['0', 'InvariantError', 1],
    ['1', 'Error', 1],
  ])('VERIFY=%s, %s: the process ends with %i', (verify, name, code) => {
    const program = `
      const { surviveRejections } = await import('${process.cwd()}/dist/src/lib/rejections.js');
      const { silentLogger } = await import('${process.cwd()}/dist/src/lib/log.js');
      surviveRejections({ component: 'test', log: silentLogger });
      const error = new Error('unowned');
      error.name = '${name}';
      Promise.reject(error);
      setTimeout(() => process.exit(0), 20);`;
    const { status } = spawnSync('node', ['--input-type=module', '-e', program], {
      env: { ...process.env, VERIFY: verify, NODE_OPTIONS: '' },
    });
    expect(status).toBe(code);
  });
});
