import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { onInterruption } from './interruption.js';

test('signals, a closed terminal and a closed pipe interrupt, until that is ended', () => {
  const streams = {
    stdin: new EventEmitter(),
    stdout: new EventEmitter(),
    stderr: new EventEmitter(),
  };
  const program = Object.assign(new EventEmitter(), streams);
  let count = 0;
  const end = onInterruption(program, () => void count++);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) program.emit(signal, signal);
  expect(count).toBe(3);
  program.stdout.emit('error', new Error('write EPIPE'));
  program.stdin.emit('error', new Error('read EIO'));
  program.stderr.emit('error', new Error('write EIO'));
  expect(count).toBe(6);
  end();
  expect(program.emit('SIGHUP')).toBe(false);
  expect(() => streams.stdout.emit('error', new Error('write EPIPE'))).toThrow('EPIPE');
});
