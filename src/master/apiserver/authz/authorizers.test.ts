import { expect, test } from '@jest/globals';
import type { Attributes, Authorizer } from './attributes.js';
import { chain, superuserAuthorizer } from './authorizers.js';

const attributes: Attributes = {
  user: { name: 'jane', groups: ['system:authenticated'] },
  verb: 'get',
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'default',
  name: '',
  path: '',
};

function opinion(reason: string): Authorizer {
  return { authorize: () => ({ allowed: undefined, reason }) };
}

function slow(authorizer: Authorizer): Authorizer {
  return { authorize: async (asked) => authorizer.authorize(asked) };
}

const refuses: Authorizer = { authorize: () => ({ allowed: false, reason: 'never' }) };
const allows: Authorizer = { authorize: () => ({ allowed: true, reason: 'rule' }) };

test('the first opinion counts, whether an authorizer answers at once or later', async () => {
  const root = { ...attributes, user: { name: 'root', groups: ['system:masters'] } };
  expect(chain([superuserAuthorizer, refuses]).decide(root)).toEqual({ allowed: true, reason: '' });
  expect(chain([superuserAuthorizer, refuses]).decide(attributes)).toMatchObject({
    allowed: false,
  });
  for (const wrap of [slow, (same: Authorizer) => same]) {
    const first = chain([wrap(opinion('a')), wrap(allows), refuses]);
    expect(await first.decide(attributes)).toEqual({ allowed: true, reason: 'rule' });
    const none = chain([wrap(refuses), allows]);
    expect(await none.decide(attributes)).toEqual({ allowed: false, reason: 'never' });
  }
});

test('without an opinion the answer is no, with all reasons in their order', async () => {
  const asked = [opinion('a'), slow(opinion('b')), opinion(''), slow(opinion('')), opinion('c')];
  expect(await chain(asked).decide(attributes)).toEqual({ allowed: false, reason: 'a\nb\nc' });
  expect(await chain([]).decide(attributes)).toEqual({ allowed: false, reason: '' });
});

test('an authorizer that fails fails the decision', async () => {
  const failing = slow({
    authorize: () => {
      throw new Error('no store');
    },
  });
  await expect(chain([opinion(''), failing, allows]).decide(attributes)).rejects.toThrow(
    'no store',
  );
});
