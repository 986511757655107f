import { expect, test } from '@jest/globals';
import { LogThreshold } from './log.js';
import { setVerbosity } from './verbosity.js';

test.each([
  ['5', 'debug'],
  ['4\n', 'debug'],
  ['3', 'warn'],
  ['0', 'warn'],
  ['-1', 'warn'],
  ['debug', 'debug'],
  ['info', 'info'],
  ['silent', 'silent'],
])('%j sets %s', (body, level) => {
  const threshold = new LogThreshold('warn');
  threshold.set('error');
  expect(setVerbosity(threshold, body)).toEqual({
    status: 200,
    text: `successfully set klog.logging to ${body.trim()}`,
  });
  expect(threshold.level).toBe(level);
});

test.each([
  ['', 'strconv.ParseInt: parsing "": invalid syntax'],
  ['loud', 'strconv.ParseInt: parsing "loud": invalid syntax'],
  ['1.5', 'strconv.ParseInt: parsing "1.5": invalid syntax'],
  ['toString', 'strconv.ParseInt: parsing "toString": invalid syntax'],
  ['9999999999', 'strconv.ParseInt: parsing "9999999999": value out of range'],
])('%j is refused as Go refuses it, and changes nothing', (body, why) => {
  const threshold = new LogThreshold('warn');
  expect(setVerbosity(threshold, body)).toEqual({
    status: 400,
    text: `failed set klog.logging ${body}: ${why}`,
  });
  expect(threshold.level).toBe('warn');
});
