import { expect, test } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import { failureLimits } from '../../../lib/net-limits.js';
import { StatusError } from '../status.js';
import { Authenticator } from './authenticator.js';

const certificate = {
  commonName: 'admin',
  organizations: [],
  uris: [],
  dnsNames: [],
};

test('guesses of tokens are counted by address: 429 after the bound, nobody else waits', async () => {
  const clock = new ManualClock();
  let looked = 0;
  const authenticator = new Authenticator({
    clock,
    allowAnonymous: true,
    tokens: [
      {
        authenticate: (token) => {
          looked++;
          return Promise.resolve(token === 'good' ? { name: 'u', groups: [] } : undefined);
        },
      },
    ],
  });
  const ask = async (token: string, address: string): Promise<number> => {
    try {
      await authenticator.authenticate({ certificate: undefined, token, address });
    } catch (error) {
      return error instanceof StatusError ? (error.status.code ?? 0) : 0;
    }
    return 200;
  };

  for (let guess = 0; guess < failureLimits.perKey; guess++) {
    expect(await ask(`guess-${guess}`, '10.0.0.7')).toBe(401);
  }
  expect(looked).toBe(failureLimits.perKey);
  expect(await ask('guess', '10.0.0.7')).toBe(429);
  expect(await ask('good', '::ffff:10.0.0.7')).toBe(429);
  expect(looked).toBe(failureLimits.perKey);
  // Credentials that cannot be guessed still work: signed tokens, certificates, none at all.
  expect(await ask('a.b.c', '10.0.0.7')).toBe(401);
  expect(await ask('', '10.0.0.7')).toBe(200);
  const shown = { certificate, token: 'guess', address: '10.0.0.7' };
  expect((await authenticator.authenticate(shown)).name).toBe('admin');
  expect(await ask('good', '10.0.0.8')).toBe(200);
  clock.advance(failureLimits.windowMs);
  expect(await ask('good', '10.0.0.7')).toBe(200);
});

test('a host of IPv6 does not guess on with its other addresses', async () => {
  const clock = new ManualClock();
  const authenticator = new Authenticator({ clock, allowAnonymous: false, tokens: [] });
  const ask = async (address: string): Promise<unknown> =>
    authenticator.authenticate({ certificate: undefined, token: 'guess', address });
  for (let guess = 0; guess < failureLimits.perKey; guess++) {
    await expect(ask(`2001:db8::${guess.toString(16)}`)).rejects.toThrow('Unauthorized');
  }
  await expect(ask('2001:db8::ffff')).rejects.toThrow('too many tokens');
  await expect(ask('2001:db8:0:1::1')).rejects.toThrow('Unauthorized');
});
