import { expect, test } from '@jest/globals';
import type { StoreMember } from '../../master/cluster/store-admin.js';
import type { MemberStep } from './own-member.js';
import { nextMemberStep } from './own-member.js';

function member(id: bigint, fields: Partial<StoreMember> = {}): StoreMember {
  const address = `https://10.0.0.${id}`;
  return {
    id,
    name: `m${id}`,
    peerUrls: [`${address}:2380`],
    clientUrls: [`${address}:2379`],
    learner: false,
    ...fields,
  };
}

const peerUrl = 'https://10.0.0.2:2380';
const moved = member(2n, { peerUrls: ['https://10.0.0.9:2380'] });
const joining = member(2n, { name: '', learner: true, clientUrls: [] });

test.each<[string, StoreMember[], bigint | undefined, MemberStep]>([
  ['it votes, and is reached', [member(1n), member(2n)], 2n, { step: 'none' }],
  ['it does not answer yet', [member(1n), member(2n)], undefined, { step: 'none' }],
  ['it is not known yet', [member(1n)], undefined, { step: 'wait' }],
  ['it learns', [member(1n), joining], undefined, { step: 'promote', member: joining }],
  ['its address has changed', [member(1n), moved], 2n, { step: 'move', member: moved }],
  // Who it is, only itself can say: another may have the address that it had.
  ['its address has changed, and it does not answer', [moved], undefined, { step: 'wait' }],
  [
    'another had its address',
    [member(3n, { peerUrls: [peerUrl] }), moved],
    2n,
    { step: 'move', member: moved },
  ],
])('the next step when %s', (_name, members, id, step) => {
  expect(nextMemberStep(members, { id, peerUrl })).toEqual(step);
});
