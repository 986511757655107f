import { expect, test } from '@jest/globals';
import type { Draft } from '../testkit/api-bench.js';
import { ApiBench } from '../testkit/api-bench.js';
import { RbacAuthorizer } from './rbac.js';

const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' };

test('the reason names the binding, its role and the subject that it holds for', async () => {
  const bench = await ApiBench.create();
  const add = async (object: object): Promise<void> => {
    await bench.add(object as Draft);
  };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  await add({ apiVersion, kind: 'ClusterRole', metadata: { name: 'r' }, rules });
  await add({
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'all' },
    roleRef: role,
    subjects: [{ kind: 'Group', name: 'devs' }],
  });
  await add({
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'one', namespace: 'ns' },
    roleRef: role,
    subjects: [
      { kind: 'User', name: 'alice' },
      { kind: 'ServiceAccount', name: 'robot' },
    ],
  });
  const rbac = new RbacAuthorizer(bench.objects.watchCache);
  const reasonFor = (name: string, ...groups: string[]): string | undefined =>
    rbac.authorize({
      user: { name, groups },
      verb: 'get',
      group: '',
      version: 'v1',
      resource: 'pods',
      subresource: '',
      namespace: 'ns',
      name: 'p',
      path: '',
      isResource: true,
    })?.reason;
  expect(reasonFor('bob', 'devs')).toBe(
    'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "r" to Group "devs"',
  );
  expect(reasonFor('alice')).toBe(
    'RBAC: allowed by RoleBinding "one/ns" of ClusterRole "r" to User "alice"',
  );
  expect(reasonFor('system:serviceaccount:ns:robot')).toBe(
    'RBAC: allowed by RoleBinding "one/ns" of ClusterRole "r" to ServiceAccount "robot/ns"',
  );
  expect(reasonFor('carol')).toBeUndefined();
});
