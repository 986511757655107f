import { expect, test } from '@jest/globals';
import { staysOnConnection } from './hop-by-hop.js';

test.each([
  [undefined, 'te', true],
  [undefined, 'accept', false],
  ['keep-alive, X-One,x-two', 'x-one', true],
  ['keep-alive, X-One,x-two', 'x-two', true],
  ['keep-alive, X-One,x-two', 'x-three', false],
  ['content-length, host, set-cookie', 'content-length', false],
  ['content-length, host, set-cookie', 'host', false],
  ['content-length, host, set-cookie', 'set-cookie', false],
])('Connection: %s, %s: %s', (connection, name, stays) => {
  expect(staysOnConnection(connection)(name)).toBe(stays);
});
