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

test('a password of more bytes than bcrypt reads is refused, for a new user and an old one', async () => {
  const proposed: unknown[] = [];
  const server = {
    config: { clock: new ManualClock(), bcryptCost: cheapest },
    auth: { enabled: false, checkAdmin: () => undefined },
    requests: {
      propose: (kind: string) => {
        proposed.push(kind);
        return Promise.resolve();
      },
    },
    header: () => undefined,
  } as unknown as AuthMember;
  const identity = { of: () => undefined, admin: () => undefined } as unknown as CallerIdentity;
  const service = new AuthService(server, identity, undefined);
  const context = {} as CallContext;
  const problem = 'bcrypt: password length exceeds 72 bytes';
  const longest = `${'p'.repeat(70)}é`;
  const user = { name: 'u', hashedPassword: '', options: undefined };
  await expect(service.userAdd({ ...user, password: `${longest}p` }, context)).rejects.toThrow(
    problem,
  );
  await expect(
    service.userChangePassword({ ...user, password: `${longest}p` }, context),
  ).rejects.toThrow(problem);
  expect(proposed).toEqual([]);
  await service.userAdd({ ...user, password: longest }, context);
  expect(proposed).toEqual(['authUserAdd']);
});

test('without a new password the hash that the client made is taken, and no text that is none', async () => {
  const proposed: unknown[] = [];
  const users: Record<string, { noPassword: boolean }> = { none: { noPassword: true } };
  const server = {
    config: { clock: new ManualClock(), bcryptCost: cheapest },
    auth: {
      enabled: false,
      checkAdmin: () => undefined,
      user: (name: string) => users[name] ?? { noPassword: false },
    },
    requests: {
      linearizable: <T>(read: () => T) => Promise.resolve(read()),
      propose: (_kind: string, _bytes: unknown, request: { hashedPassword: string }) =>
        Promise.resolve(proposed.push(request.hashedPassword)),
    },
    header: () => undefined,
  } as unknown as AuthMember;
  const identity = { of: () => undefined, admin: () => undefined } as unknown as CallerIdentity;
  const service = new AuthService(server, identity, undefined);
  const change = (name: string, hashedPassword: string): Promise<unknown> =>
    service.userChangePassword({ name, password: '', hashedPassword }, {} as CallContext);
  await change('u', Buffer.from('$2a$04$hash').toString('base64'));
  await change('u', '');
  await change('none', '?');
  expect(proposed).toEqual(['$2a$04$hash', '', '']);
  await expect(change('u', 'pw')).rejects.toThrow('password was given for no password user');
});
