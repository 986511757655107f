import { expect, test } from '@jest/globals';
import type { Status } from '../../raft/index.js';
import { debugVars } from './debug-vars.js';

const status: Status = {
  id: 0x8e9en,
  term: 2,
  vote: 0x8e9en,
  leader: 0x8e9en,
  role: 'leader',
  commit: 5,
  applied: 4,
  firstIndex: 1,
  lastIndex: 5,
  stableIndex: 5,
  leadTransferee: 0n,
  pendingSnapshot: 0,
  confState: {
    voters: [0x8e9en],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
  progress: [
    {
      id: 0x8e9en,
      match: 5,
      next: 6,
      state: 'replicate',
      recentActive: true,
      isLearner: false,
      pendingSnapshot: 0,
      inflightMsgs: 0,
      paused: false,
    },
  ],
};

function read(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

test('a leader tells what etcd tells of Raft, ids in hexadecimal', () => {
  expect(read(debugVars(status))['raft.status']).toEqual({
    id: '8e9e',
    term: 2,
    vote: '8e9e',
    commit: 5,
    lead: '8e9e',
    raftState: 'StateLeader',
    applied: 4,
    progress: { '8e9e': { match: 5, next: 6, state: 'StateReplicate' } },
    leadtransferee: '0',
  });
});

test('the process tells its command line, its files and its memory, in the order of names', () => {
  const vars = read(debugVars(status));
  expect(Object.keys(vars)).toEqual([
    'cmdline',
    'file_descriptor_limit',
    'memstats',
    'raft.status',
  ]);
  expect(vars['cmdline']).toEqual(process.argv);
  expect(vars['memstats']).toMatchObject({ Alloc: expect.any(Number), Sys: expect.any(Number) });
});
