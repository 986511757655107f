/** Attempts of namespaced users and writers of roles to get more than their own rights, and limits of accounts. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { IdentityRig } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';

const v1 = '/api/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const merge = 'application/merge-patch+json';

let rig: IdentityRig;

beforeAll(async () => {
  rig = await startIdentityRig();
}, 30_000);

afterAll(() => rig.stop());

async function make(path: string, body: object): Promise<void> {
  const { code, message } = await rig.admin.ask('POST', path, { body });
  if (code !== 201) throw new Error(`${path}: ${message}`);
}

describe('roles', () => {
  const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }];
  const role = (name: string, more: object = {}): object => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    ...more,
  });

  test('nobody makes a part of others of a role that is more than they hold', async () => {
    await make(`${rbac}/clusterroles`, role('reader-of-all', { rules }));
    await make(
      `${rbac}/clusterroles`,
      role('role-writer', {
        rules: [
          {
            apiGroups: ['rbac.authorization.k8s.io'],
            resources: ['clusterroles'],
            verbs: ['create', 'get', 'patch', 'update'],
          },
          {
            apiGroups: ['rbac.authorization.k8s.io'],
            resources: ['clusterroles'],
            resourceNames: ['one'],
            verbs: ['escalate'],
          },
        ],
      }),
    );
    await make(`${rbac}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'role-writer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'role-writer' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'role-writer' }],
    });
    const writer = await rig.person('role-writer');
    const change = (body: object): Promise<{ code: number; message: string }> =>
      writer.ask('PATCH', `${rbac}/clusterroles/reader-of-all`, { type: merge, body });
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const answers = [
      await change({ metadata: { labels } }),
      await change({ metadata: { finalizers: ['example.com/x'] } }),
      // The right to escalate one role is none to make it.
      await writer.ask('POST', `${rbac}/clusterroles`, { body: role('one', { rules }) }),
      await writer.ask('POST', `${rbac}/clusterroles`, {
        body: role('sum', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: {} }] } }),
      }),
    ];
    expect(answers.map(({ code }) => code)).toEqual([403, 200, 403, 403]);
    expect(answers[0]?.message).toContain(
      'is attempting to grant RBAC permissions not currently held',
    );
    expect(answers[3]?.message).toContain(
      'must have cluster-admin privileges to use the aggregationRule',
    );
  });
});

test('an account that limits its Secrets, and a mirror pod that others make or unmake', async () => {
  await make(`${v1}/namespaces/default/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: 'limited',
      annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
    },
  });
  const pod = (name: string, spec: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { serviceAccountName: 'limited', containers: [{ name: 'c', image: 'i' }], ...spec },
  });
  const pods = `${v1}/namespaces/default/pods`;
  const volumes = [{ name: 'v', secret: { secretName: 'x' } }];
  const refused = await rig.admin.ask('POST', pods, { body: pod('limited', { volumes }) });
  expect([refused.code, refused.message]).toEqual([
    403,
    'pods "limited" is forbidden: volume with secret.secretName="x" is not allowed because service account limited does not reference that secret',
  ]);
  await make(pods, pod('plain', {}));
  const made = await rig.admin.ask('PATCH', `${pods}/plain`, {
    type: merge,
    body: { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } },
  });
  expect([made.code, made.message]).toEqual([
    422,
    expect.stringContaining('may not remove or update mirror pod annotation'),
  ]);
});
