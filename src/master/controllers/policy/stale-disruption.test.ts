import { expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { msUntilStale } from './stale-disruption.js';

const at = '2026-01-01T00:00:00Z';
const pod = (status: string, reason = 'EvictionByEvictionAPI', phase = 'Running'): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [] },
  status: {
    phase,
    conditions: [{ type: 'DisruptionTarget', status, reason, lastTransitionTime: at }],
  },
});

test.each([
  ['is about to go', pod('True'), 30, 90_000],
  ['should have gone', pod('True'), 120, 0],
  ['should have gone long ago', pod('True'), 999, 0],
  ['need not go', pod('False'), 999, undefined],
  ['is ended by its node', pod('True', 'TerminationByKubelet'), 999, undefined],
  ['has ended', pod('True', 'X', 'Failed'), 999, undefined],
  ['is going', { ...pod('True'), metadata: { name: 'p', deletionTimestamp: at } }, 999, undefined],
])('a pod that %s', (_, object, seconds, leftMs) => {
  expect(msUntilStale(object, Date.parse(at) + seconds * 1000)).toBe(leftMs);
});
