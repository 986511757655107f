import { beforeAll, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { CallContext } from '../../lib/grpc/types.js';
import { failureLimits } from '../../lib/net-limits.js';
import { errorMessage } from '../../lib/errors.js';
import { hashPassword } from '../auth/password.js';
import type { AuthMember } from './auth.js';
import type { CallerIdentity } from './auth-info.js';
import { AuthService } from './auth.js';

const cheapest = 4;
let hashedPassword: string;

beforeAll(async () => {
  hashedPassword = await hashPassword('right', cheapest);
});

test('wrong passwords are counted by address and user', async () => {
  const clock = new ManualClock();
  let checked = 0;
  // The part of a server that the service calls.
  const server = {
    config: { clock, bcryptCost: cheapest },
    auth: {
      revision: 1,
      userToAuthenticate: () => {
        checked++;
        return { hashedPassword };
      },
    },
    requests: {
      linearizable: <T>(read: () => T) => Promise.resolve(read()),
      propose: () => Promise.resolve('token'),
    },
    header: () => undefined,
  } as unknown as AuthMember;
  const service = new AuthService(server, {} as CallerIdentity, undefined);
  const ask = (name: string, password: string, peer: string): Promise<string> =>
    service.authenticate({ name, password }, { peer } as CallContext).then(
      ({ token }) => token,
      (error: unknown) => errorMessage(error),
    );

  for (let guess = 0; guess < failureLimits.perKey; guess++) {
    expect(await ask('root', `guess ${guess}`, `10.0.0.7:${1024 + guess}`)).toMatch(
      'authentication failed',
    );
  }
  expect(checked).toBe(failureLimits.perKey);
  expect(await ask('root', 'right', '10.0.0.7:9')).toMatch('too many requests');
  expect(checked).toBe(failureLimits.perKey);
  expect(await ask('other', 'right', '10.0.0.7:9')).toBe('token');
  expect(await ask('root', 'right', '10.0.0.8:9')).toBe('token');
  clock.advance(failureLimits.windowMs);
  expect(await ask('root', 'right', '10.0.0.7:9')).toBe('token');
});
