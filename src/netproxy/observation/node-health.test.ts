import { expect, test } from '@jest/globals';
import type { Node } from '../../api/types/core.js';
import type { NodeHealthFacts } from './node-health.js';
import { nodeHealth } from './node-health.js';

const nowMs = Date.UTC(2026, 10, 30, 2, 0, 1, 500);
const now = '2026-11-30T02:00:01.5Z';
const synced = '2026-11-30T02:00:00Z';
const usual: NodeHealthFacts = { nowMs, behindMs: 0, syncedAtMs: nowMs - 1500, node: undefined };
const node = (fields: Partial<Node>): Node => ({ metadata: { name: 'n' }, spec: {}, ...fields });

test.each<[string, Partial<NodeHealthFacts>, 200 | 503, string, boolean]>([
  ['nothing waits', {}, 200, now, true],
  ['before the first sync', { syncedAtMs: undefined }, 200, now, true],
  ['a change waits for a minute', { behindMs: 60_000 }, 200, now, true],
  ['a change waits for longer', { behindMs: 60_001 }, 503, synced, true],
  ['a node that stays', { node: node({}) }, 200, now, true],
  [
    'a node with another taint',
    { node: node({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }) },
    200,
    now,
    true,
  ],
  [
    'a node that the autoscaler removes',
    {
      node: node({
        spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] },
      }),
    },
    503,
    synced,
    false,
  ],
  [
    'a node that is being deleted',
    { node: node({ metadata: { name: 'n', deletionTimestamp: '2026-11-30T02:00:00Z' } }) },
    503,
    synced,
    false,
  ],
])('/healthz: %s', (_, facts, status, lastUpdated, nodeEligible) => {
  const { syncedAtMs, behindMs } = { ...usual, ...facts };
  const healthy = behindMs <= 60_000;
  const families =
    syncedAtMs === undefined
      ? ''
      : `,"status":{"IPv4":{"lastUpdated":"${synced}","healthy":${healthy}}}`;
  // The order and the spaces are Kubernetes 1.33's.
  expect(nodeHealth('/healthz', { ...usual, ...facts })).toEqual({
    status,
    body:
      `{"lastUpdated":"${lastUpdated}","currentTime":"${now}","nodeEligible":${nodeEligible},` +
      `"healthy":${healthy}${families}}`,
  });
});

test('/livez is about the rules alone', () => {
  const leaving = node({ metadata: { name: 'n', deletionTimestamp: '2026-11-30T02:00:00Z' } });
  const body = (lastUpdated: string, healthy: boolean): string =>
    `{"lastUpdated":"${lastUpdated}","currentTime":"${now}","healthy":${healthy},` +
    `"status":{"IPv4":{"lastUpdated":"${synced}","healthy":${healthy}}}}`;
  expect(nodeHealth('/livez', { ...usual, node: leaving })).toEqual({
    status: 200,
    body: body(now, true),
  });
  expect(nodeHealth('/livez', { ...usual, behindMs: 61_000 })).toEqual({
    status: 503,
    body: body(synced, false),
  });
  const never = { ...usual, behindMs: 61_000, syncedAtMs: undefined };
  expect(nodeHealth('/livez', never).body).toContain('"lastUpdated":"0001-01-01T00:00:00Z"');
});
