import type { PolicyRule } from '../../../api/types/policy.js';
import { describe, expect, test } from '@jest/globals';
import { ruleText, uncovered } from './escalation.js';

const pods: PolicyRule = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };
const everything: PolicyRule = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };

describe('rules cover rules', () => {
  test.each<[string, PolicyRule[], PolicyRule[], string[]]>([
    ['the same rule', [pods], [pods], []],
    ['everything', [everything], [pods], []],
    ['nothing held', [], [pods], ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']],
    [
      'one verb too many',
      [pods],
      [{ ...pods, verbs: ['get', 'delete'] }],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'],
    ],
    [
      'all names where one is held',
      [{ ...pods, resourceNames: ['a'] }],
      [pods],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}'],
    ],
    ['one name where all are held', [pods], [{ ...pods, resourceNames: ['a'] }], []],
    [
      'subresources by wildcard',
      [{ apiGroups: [''], resources: ['*/scale'], verbs: ['get'] }],
      [{ apiGroups: [''], resources: ['pods/scale'], verbs: ['get'] }],
      [],
    ],
    [
      'resources do not cover paths',
      [everything],
      [{ nonResourceURLs: ['/x'], verbs: ['get'] }],
      ['{NonResourceURLs:["/x"], Verbs:["get"]}'],
    ],
    [
      'paths by prefix',
      [{ nonResourceURLs: ['/x*'], verbs: ['get'] }],
      [{ nonResourceURLs: ['/x/y'], verbs: ['get'] }],
      [],
    ],
  ])('%s', (_name, held, wanted, missing) => {
    expect(uncovered(held, wanted).map(ruleText)).toEqual(missing);
  });
});
