import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import { ManualClock } from '../../lib/clock.js';
import { failureLimits } from '../../lib/net-limits.js';
import type { ApiClient } from '../types.js';
import { ApiError } from '../types.js';
import type { DoorAttributes, DoorCredentials } from './delegated-access.js';
import { agentTimes, DelegatedAccess } from './delegated-access.js';
import { reviewsAtOnce, reviewsKept, reviewsOfAddressAtOnce } from './limits.js';

type Answer = (kind: string, spec: Record<string, unknown>) => object | Promise<object>;

const metrics: DoorAttributes = { verb: 'get', path: '/metrics' };
const jane = { username: 'jane', groups: ['dev', 'system:authenticated'] };

function access(answer: Answer, allowAnonymous = false) {
  const clock = new ManualClock();
  const asked: { readonly kind: string; readonly spec: Record<string, unknown> }[] = [];
  const create = async (_: unknown, object: unknown): Promise<KubeObject> => {
    const { kind, spec } = object as { kind: string; spec: Record<string, unknown> };
    asked.push({ kind, spec });
    return { ...(object as KubeObject), status: await answer(kind, spec) } as KubeObject;
  };
  const client = { create } as unknown as Pick<ApiClient, 'create'>;
  const options = { client, clock, times: agentTimes, allowAnonymous };
  return { door: new DelegatedAccess(options), clock, asked };
}

const bearer = (token: string, address = '10.0.0.9'): DoorCredentials => ({
  certificate: undefined,
  authorization: token === '' ? '' : `Bearer ${token}`,
  address,
});

const here = { address: '10.0.0.9' };

const valid: Answer = (kind) =>
  kind === 'TokenReview' ? { authenticated: true, user: jane } : { allowed: true };

describe('who asks', () => {
  test('a client certificate names its user, and nobody is asked', async () => {
    const { door, asked } = access(valid);
    const certificate = {
      commonName: 'system:node:n',
      organizations: ['system:nodes'],
      uris: [],
      dnsNames: [],
    };
    const user = await door.userOf({ ...bearer('x'), certificate });
    expect(user).toEqual({
      username: 'system:node:n',
      groups: ['system:nodes', 'system:authenticated'],
    });
    expect(asked).toEqual([]);
  });

  test('a token is reviewed once in two minutes', async () => {
    const { door, clock, asked } = access(valid);
    expect(await door.userOf(bearer('t'))).toEqual(jane);
    clock.advance(119_999);
    expect(await door.userOf(bearer('t'))).toEqual(jane);
    expect(asked).toEqual([{ kind: 'TokenReview', spec: { token: 't' } }]);
    clock.advance(1);
    await door.userOf(bearer('t'));
    expect(asked).toHaveLength(2);
  });

  test('what a review tells of a user goes on into the next', async () => {
    const user = { ...jane, uid: 'u1', extra: { 'authentication.kubernetes.io/pod-name': ['p'] } };
    const { door, asked } = access((kind) =>
      kind === 'TokenReview' ? { authenticated: true, user } : { allowed: true },
    );
    await door.mustBeAllowed(await door.userOf(bearer('t')), metrics, here);
    const { username, ...rest } = user;
    expect(asked[1]?.spec).toEqual({ user: username, ...rest, nonResourceAttributes: metrics });
  });

  test.each<[string, DoorCredentials]>([
    ['a token of nobody', bearer('bad')],
    ['a token that says yes and names nobody', bearer('nameless')],
    ['no credentials', bearer('')],
    ['another scheme', { ...bearer(''), authorization: 'Basic amFuZTp4' }],
    ['a token that is longer than any', bearer('x'.repeat(33_000))],
  ])('%s: 401', async (_, credentials) => {
    const { door } = access((_kind, { token }) => ({
      authenticated: token === 'nameless',
      user: { username: '' },
    }));
    await expect(door.userOf(credentials)).rejects.toMatchObject({ status: 401 });
  });

  test('anonymous is a user where the door lets him be one, but for wrong tokens', async () => {
    const { door } = access(() => ({}), true);
    expect(await door.userOf(bearer(''))).toEqual({
      username: 'system:anonymous',
      groups: ['system:unauthenticated'],
    });
    await expect(door.userOf(bearer('bad'))).rejects.toMatchObject({ status: 401 });
    const basic = { ...bearer(''), authorization: 'Basic amFuZTp4' };
    await expect(door.userOf(basic)).rejects.toMatchObject({ status: 401 });
  });

  test('an API server that does not answer knows nobody, and is asked again', async () => {
    let isThere = false;
    const { door } = access(() => {
      if (!isThere) throw new ApiError(503, 'ServiceUnavailable', 'no master');
      return { authenticated: true, user: jane };
    });
    await expect(door.userOf(bearer('t'))).rejects.toMatchObject({ status: 401 });
    isThere = true;
    expect(await door.userOf(bearer('t'))).toEqual(jane);
  });

  test('who guesses is asked about no more for a while, and others still are', async () => {
    const { door, clock, asked } = access((_, { token }) => ({
      authenticated: token === 't',
      user: jane,
    }));
    for (let n = 0; n < failureLimits.perKey; n++) {
      await expect(door.userOf(bearer(`guess-${n}`))).rejects.toMatchObject({ status: 401 });
    }
    await expect(door.userOf(bearer('t'))).rejects.toMatchObject({ status: 429 });
    expect(asked).toHaveLength(failureLimits.perKey);
    expect(await door.userOf(bearer('t', '10.0.0.8'))).toEqual(jane);
    clock.advance(failureLimits.windowMs);
    expect(await door.userOf(bearer('t'))).toEqual(jane);
  });
});

describe('who may', () => {
  test.each<[DoorAttributes, object]>([
    [metrics, { nonResourceAttributes: { verb: 'get', path: '/metrics' } }],
    [
      { verb: 'get', resource: 'nodes', subresource: 'metrics', name: 'n' },
      {
        resourceAttributes: {
          group: '',
          version: 'v1',
          verb: 'get',
          resource: 'nodes',
          subresource: 'metrics',
          name: 'n',
        },
      },
    ],
  ])('%j is asked for', async (attributes, wanted) => {
    const { door, asked } = access(valid);
    await door.mustBeAllowed(jane, attributes, here);
    expect(asked).toEqual([
      { kind: 'SubjectAccessReview', spec: { user: 'jane', groups: jane.groups, ...wanted } },
    ]);
  });

  test('a yes holds for five minutes, a no for half of one', async () => {
    let allowed = false;
    const { door, clock, asked } = access(() => ({ allowed }));
    await expect(door.mustBeAllowed(jane, metrics, here)).rejects.toMatchObject({ status: 403 });
    allowed = true;
    clock.advance(29_999);
    await expect(door.mustBeAllowed(jane, metrics, here)).rejects.toMatchObject({ status: 403 });
    clock.advance(1);
    await door.mustBeAllowed(jane, metrics, here);
    allowed = false;
    clock.advance(299_999);
    await door.mustBeAllowed(jane, metrics, here);
    clock.advance(1);
    await expect(door.mustBeAllowed(jane, metrics, here)).rejects.toMatchObject({ status: 403 });
    expect(asked).toHaveLength(3);
  });

  test('an answer is of that user and that wish only', async () => {
    const { door, asked } = access((_, spec) => ({ allowed: spec['user'] === 'jane' }));
    await door.mustBeAllowed(jane, metrics, here);
    await expect(
      door.mustBeAllowed({ ...jane, username: 'joe' }, metrics, here),
    ).rejects.toMatchObject({
      status: 403,
    });
    await door.mustBeAllowed({ ...jane, groups: [] }, metrics, here);
    await door.mustBeAllowed(jane, { ...metrics, verb: 'put' }, here);
    expect(asked).toHaveLength(4);
  });

  test('the group of the masters may without a review', async () => {
    const { door, asked } = access(() => ({ allowed: false }));
    await door.mustBeAllowed({ username: 'x', groups: ['system:masters'] }, metrics, here);
    expect(asked).toEqual([]);
  });

  test('an API server that does not answer lets nobody in', async () => {
    const { door } = access(() => {
      throw new ApiError(503, 'ServiceUnavailable', 'no master');
    });
    const refusal = { status: 500, message: 'no master' };
    await expect(door.mustBeAllowed(jane, metrics, here)).rejects.toMatchObject(refusal);
  });

  test('so many reviews are under way at once, of one address fewer', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { door } = access(async () => {
      await held;
      return { allowed: true };
    });
    const ask = (name: string, address: string): Promise<void> =>
      door.mustBeAllowed({ username: name }, metrics, { address });
    const asking: Promise<void>[] = [];
    for (let host = 0; host < reviewsAtOnce / reviewsOfAddressAtOnce; host++) {
      const address = `10.0.0.${host}`;
      for (let n = 0; n < reviewsOfAddressAtOnce; n++) {
        asking.push(ask(`u${host}-${n}`, address));
      }
      await expect(ask('one', address)).rejects.toMatchObject({ status: 429 });
    }
    await expect(ask('one', '10.0.0.99')).rejects.toMatchObject({ status: 429 });
    // Who asks for what is asked already waits with the others.
    asking.push(ask('u0-0', '10.0.0.99'));
    release();
    await Promise.all(asking);
    await ask('one', '10.0.0.99');
  });

  test('who shows nothing may not have path after path asked about', async () => {
    const { door, clock, asked } = access(() => ({ allowed: false }), true);
    const at = (address: string) => bearer('', address);
    const user = await door.userOf(at('10.0.0.9'));
    const ask = (path: string, address = '10.0.0.9'): Promise<void> =>
      door.mustBeAllowed(user, { verb: 'get', path }, { address });
    for (let n = 0; n < failureLimits.perKey; n++) {
      await expect(ask(`/${n}`)).rejects.toMatchObject({ status: 403 });
    }
    await expect(ask('/more')).rejects.toMatchObject({ status: 429 });
    expect(asked).toHaveLength(failureLimits.perKey);
    // Others, those with a token, and what is known, are still answered.
    await expect(ask('/more', '10.0.0.8')).rejects.toMatchObject({ status: 403 });
    await expect(ask(`/${failureLimits.perKey - 1}`)).rejects.toMatchObject({ status: 403 });
    await expect(door.mustBeAllowed(jane, metrics, here)).rejects.toMatchObject({ status: 403 });
    clock.advance(failureLimits.windowMs);
    await expect(ask('/more')).rejects.toMatchObject({ status: 403 });
  });

  test('many who ask the same at once are one question', async () => {
    const { door, asked } = access(valid);
    const users = await Promise.all(
      Array.from({ length: 40 }, (_, n) => door.userOf(bearer('t', `10.0.1.${n}`))),
    );
    expect(users).toEqual(users.map(() => jane));
    await Promise.all(users.map((user) => door.mustBeAllowed(user, metrics, here)));
    expect(asked.map(({ kind }) => kind)).toEqual(['TokenReview', 'SubjectAccessReview']);
  });

  test('of very many answers the oldest are forgotten', async () => {
    const { door, asked } = access(valid);
    const ask = (n: number): Promise<void> =>
      door.mustBeAllowed({ username: `u${n}` }, metrics, here);
    for (let n = 0; n <= reviewsKept; n++) await ask(n);
    await ask(reviewsKept);
    expect(asked).toHaveLength(reviewsKept + 1);
    await ask(0);
    expect(asked).toHaveLength(reviewsKept + 2);
  });
});
