/**
 * The output and the exit codes of the client commands: `testdata/*.txt` are transcripts against the cluster of
 * `testdata/cluster.yaml`.
 */
import { expect, test } from '@jest/globals';
import { ClusterDefinition } from '../gen/cluster.js';
import { clusterStatus } from './testkit/cluster-status.js';
import { FakeCluster, testdata } from './testkit/fake-cluster.js';
import type { ExtraAnswers } from './testkit/fake-kube.js';
import { checkTranscript } from './testkit/transcript.js';

// Descriptions show times of the machine's zone.
process.env['TZ'] = 'UTC';
const logPath = 'GET /api/v1/namespaces/default/pods/web-0/log';

test.each(['help', 'usage', 'get-tables', 'get', 'describe', 'changes', 'rollout', 'containers'])(
  '%s',
  async (name) => {
    const cluster = await FakeCluster.load(testdata('cluster.yaml'));
    cluster.extra = { [logPath]: ({ query }) => `${JSON.stringify(query)}\n` };
    const { is, should } = await checkTranscript(testdata(`${name}.txt`), cluster);
    expect(is).toBe(should);
  },
);

test('dashboard', async () => {
  const cluster = await FakeCluster.load(testdata('cluster.yaml'));
  const account = '/api/v1/namespaces/kube-system/serviceaccounts/dashboard';
  const token = (name: string): ExtraAnswers => ({
    [`POST ${account}-${name}/token`]: ({ body }) => {
      const { spec } = body as { spec: { expirationSeconds: number } };
      const expirationTimestamp = `in ${spec.expirationSeconds} s`;
      return { status: { token: `a.token.of-${name}`, expirationTimestamp } };
    },
  });
  cluster.extra = { ...token('cluster-admin'), ...token('view'), ...token('system-nodes') };
  const { is, should } = await checkTranscript(testdata('dashboard.txt'), cluster);
  expect(is).toBe(should);
});

test('cluster', async () => {
  const cluster = await FakeCluster.load(testdata('cluster.yaml'));
  cluster.answer(ClusterDefinition, {
    status: () => Promise.resolve(clusterStatus()),
    createToken: ({ ttlSeconds }: { ttlSeconds: number }) =>
      Promise.resolve({
        token: 'abcdef.0123456789abcdef',
        caHash: 'sha256:00ff',
        expires: new Date(Date.UTC(2026, 0, 1, 12, 0, ttlSeconds)).toISOString(),
      }),
  });
  const { is, should } = await checkTranscript(testdata('cluster.txt'), cluster);
  expect(is).toBe(should);
  expect(cluster.requests.filter((request) => request !== undefined)).toEqual([
    {},
    {},
    { ttlSeconds: 86_400, usages: ['worker'] },
    { ttlSeconds: 60, usages: ['worker', 'master'] },
  ]);
});
