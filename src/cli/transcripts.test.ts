/**
 * The output and the exit codes of the client commands: `testdata/*.txt` are transcripts against the cluster of
 * `testdata/cluster.yaml`.
 */
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../api/object.js';
import { resources } from '../client/resources.js';
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

/** A token as its Secret. */
function token(id: string, expires: string, group: string): KubeObject {
  const fields = {
    'token-id': id,
    'token-secret': 'never printed',
    expiration: expires,
    'auth-extra-groups': `system:bootstrappers:trireme:${group}`,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    ),
  } as KubeObject;
}

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
    transferLeader: ({ to }: { to: string }) => Promise.resolve({ from: 'master-1', to }),
    removeMember: ({ name }: { name: string }) => Promise.resolve({ name, id: 0xabc3n }),
    promoteMember: () => Promise.resolve({ name: '', id: 0xabc4n }),
  });
  await cluster.api.create(resources.secrets, token('abcdef', '1970-01-01T01:00:00Z', 'workers'));
  await cluster.api.create(resources.secrets, token('zyxwvu', '1969-12-31T00:00:00Z', 'masters'));
  await cluster.api.create(resources.secrets, token('qwerty', 'tomorrow', 'workers'));
  const { is, should } = await checkTranscript(testdata('cluster.txt'), cluster);
  expect(is).toBe(should);
  expect(cluster.requests.filter((request) => request !== undefined)).toEqual([
    {},
    {},
    { ttlSeconds: 86_400, usages: ['worker'] },
    { ttlSeconds: 60, usages: ['worker', 'master'] },
    { to: 'master-2' },
    { to: 'master-1' },
    {},
    { ttlSeconds: 600, usages: ['master'] },
    { name: 'master-3' },
    { name: 'abc4' },
  ]);
});
