import { expect, test } from '@jest/globals';
import { exitCodeOf, parseStatus } from './remote-command.js';

const coded = (message: unknown, reason = 'ExitCode'): string =>
  JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: {
      causes: [
        { reason: 'other', message: '9' },
        { reason, message },
      ],
    },
  });

test.each([
  ['{"status":"Success"}', 0],
  [coded('1'), 1],
  [coded('42'), 42],
  [coded('255'), 255],
  [coded('007'), 7],
])('%s is an exit code', (text, code) => {
  expect(exitCodeOf(parseStatus(Buffer.from(text)))).toBe(code);
});

const protocol = (why: string): string => `error stream protocol error: ${why}`;

test.each([
  ['{}', protocol('unknown error')],
  ['null', protocol('unknown error')],
  ['{"status":"success"}', protocol('unknown error')],
  ['{"status":"Failure","message":"foobar"}', 'foobar'],
  ['{"status":"Failure","reason":"NonZeroExitCode"}', protocol('details must be set')],
  [coded('1', 'foo'), protocol('no ExitCode cause given')],
  [coded(undefined), protocol('invalid exit code value ""')],
  [coded('256'), protocol('invalid exit code value "256"')],
  [coded('-1'), protocol('invalid exit code value "-1"')],
  [coded('1.5'), protocol('invalid exit code value "1.5"')],
  [coded('1e1'), protocol('invalid exit code value "1e1"')],
  [coded(' 1'), protocol('invalid exit code value " 1"')],
  [coded('killed'), protocol('invalid exit code value "killed"')],
  ['[1]', protocol('not an object in "[1]"')],
])('%s is none', (text, message) => {
  const status = parseStatus(Buffer.from(text));
  expect(() => exitCodeOf(status)).toThrow(expect.objectContaining({ message, plain: true }));
});

test('what is no JSON is told as it came', () => {
  expect(() => exitCodeOf(parseStatus(Buffer.from('{')))).toThrow(
    /^error stream protocol .* in "{"$/,
  );
});

test('a connection that ends without a word is no success', () => {
  expect(() => exitCodeOf(undefined)).toThrow('the connection ended before the command did');
});
