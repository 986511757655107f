import { describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import type { CommonFlags } from './command.js';
import { addCommonFlags, checkElection } from './command.js';

/** Reads the flags as a component does. @throws what commander refuses */
function read(...argv: string[]): CommonFlags {
  const command = addCommonFlags(new Command(), 10259).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  return command.parse(['--server', 'a:1', ...argv], { from: 'user' }).opts<CommonFlags>();
}

describe('the flags of a component', () => {
  test('that are left out', () => {
    expect(read()).toEqual({
      server: 'a:1',
      bindAddress: '0.0.0.0',
      securePort: 10259,
      leaderElect: true,
      leaderElectLeaseDuration: 6000,
      leaderElectRenewDeadline: 4000,
      leaderElectRetryPeriod: 500,
      logLevel: 'info',
    });
  });

  test.each<[string, Partial<CommonFlags>]>([
    ['--leader-elect', { leaderElect: true }],
    ['--leader-elect=false', { leaderElect: false }],
    ['--leader-elect=F', { leaderElect: false }],
    ['--leader-elect=1', { leaderElect: true }],
    ['--leader-elect-lease-duration=1m30s', { leaderElectLeaseDuration: 90_000 }],
    ['--leader-elect-retry-period=250ms', { leaderElectRetryPeriod: 250 }],
    ['--secure-port=0', { securePort: 0 }],
    ['--log-level=silent', { logLevel: 'silent' }],
  ])('%s', (flag, flags) => {
    expect(read(flag)).toMatchObject(flags);
  });

  test.each([
    ['--leader-elect=maybe', 'It is neither true nor false.'],
    ['--leader-elect-lease-duration=5', 'It is no duration such as 1m30s.'],
    ['--secure-port=65536', 'It is no port: 0 to 65535.'],
    ['--secure-port=x', 'It is no port: 0 to 65535.'],
    ['--log-level=loud', 'Allowed choices are debug, info, warn, error, silent.'],
    ['--sever=a', "unknown option '--sever=a'"],
  ])('refused: %s', (flag, words) => {
    expect(() => read(flag)).toThrow(words);
  });
});

describe('the times of an election', () => {
  const check = (...argv: string[]): void => checkElection(read(...argv));
  const [lease, renew, retry] = ['lease-duration', 'renew-deadline', 'retry-period'].map(
    (name) =>
      (value: string): string =>
        `--leader-elect-${name}=${value}`,
  ) as [(value: string) => string, (value: string) => string, (value: string) => string];

  test.each([
    ['those that are given', []],
    ['a lease just longer than what renews it', [lease('4001ms')]],
    ['a deadline just longer than a try', [renew('601ms')]],
  ])('are fine: %s', (_, argv) => {
    expect(() => check(...argv)).not.toThrow();
  });

  test.each([
    [[lease('4s')], 'leaseDuration must be greater than renewDeadline'],
    [[renew('10s')], 'leaseDuration must be greater than renewDeadline'],
    [[renew('600ms')], 'renewDeadline must be greater than retryPeriod*JitterFactor'],
    [[retry('3500ms')], 'renewDeadline must be greater than retryPeriod*JitterFactor'],
    [[retry('0s')], 'retryPeriod must be greater than zero'],
  ])('would let two lead: %j', (argv, words) => {
    expect(() => check(...argv)).toThrow(words);
    // Where nobody is elected they do not matter.
    expect(() => check('--leader-elect=false', ...argv)).not.toThrow();
  });
});
