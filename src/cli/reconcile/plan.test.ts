import { expect, test } from '@jest/globals';
import type { ClusterRole, PolicyRule, RoleBinding } from '../../api/types/policy.js';
import { planBinding, planRole, planWords } from './plan.js';

const add = { removePermissions: false, removeSubjects: false };
const exact = { removePermissions: true, removeSubjects: true };
const rule = (verbs: string[], resources = ['pods']): PolicyRule => ({
  verbs,
  apiGroups: [''],
  resources,
});
const role = (rules: PolicyRule[], metadata: object = {}): ClusterRole => ({
  metadata: { name: 'a', ...metadata },
  rules,
});
const binding = (names: string[], roleName = 'r', metadata: object = {}): RoleBinding => ({
  metadata: { name: 'a', ...metadata },
  roleRef: { apiGroup: 'g', kind: 'Role', name: roleName },
  subjects: names.map((name) => ({ kind: 'User', apiGroup: 'g', name })),
});

test('permissions count, not the rules in which they stand', () => {
  const held = role([rule(['get', 'list'], ['pods', 'services'])]);
  const wanted = role([rule(['get']), rule(['list']), rule(['get', 'list'], ['services'])]);
  for (const extras of [add, exact]) {
    const plan = planRole(held, wanted, extras);
    expect([plan.operation, plan.object]).toEqual(['none', held]);
    expect(planWords(plan, extras)).toBe('');
  }
});

test('what is too much stays, unless it is to go', () => {
  const [held, wanted] = [role([rule(['get', 'delete'])]), role([rule(['get'])])];
  expect(planRole(held, wanted, add).operation).toBe('none');
  expect(planRole(held, wanted, exact)).toMatchObject({
    operation: 'update',
    object: { rules: [rule(['get'])] },
    extraRules: [rule(['delete'])],
  });
});

test('labels and annotations that are there stay as they are', () => {
  const held = role([], { labels: { a: 'old' }, resourceVersion: '7' });
  const wanted = role([], { labels: { a: 'new', b: 'c' } });
  const plan = planRole(held, wanted, exact);
  expect(plan.operation).toBe('update');
  expect(plan.object.metadata).toEqual({
    name: 'a',
    labels: { a: 'old', b: 'c' },
    resourceVersion: '7',
  });
});

test('the rules of a sum are not counted as too many', () => {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
  const held = { ...role([rule(['get'])]), aggregationRule };
  expect(planRole(held, { ...role([]), aggregationRule }, exact).operation).toBe('none');
  const turned = planRole(held, role([rule(['get'])]), add);
  expect([turned.operation, turned.object.aggregationRule]).toEqual(['update', undefined]);
  const other = { clusterRoleSelectors: [{ matchLabels: { c: 'd' } }] };
  const replaced = planRole(held, { ...role([]), aggregationRule: other }, exact);
  expect(replaced.object.aggregationRule).toEqual(other);
});

test('a subject that is named twice is added once', () => {
  const plan = planBinding(binding(['a']), binding(['b', 'b', 'a']), add);
  expect(plan.object.subjects?.map(({ name }) => name)).toEqual(['a', 'b']);
});

test('a binding to another role is made anew, without the old one’s version', () => {
  const plan = planBinding(binding(['a'], 'old', { uid: 'u' }), binding(['a'], 'new'), add);
  expect(plan.operation).toBe('recreate');
  expect(plan.object.metadata).toEqual({ name: 'a' });
});

test('an object whose owner wants it left alone is told of', () => {
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  const plan = planBinding(binding(['a'], 'r', { annotations }), binding(['b']), add);
  expect(plan.isProtected).toBe(true);
  expect(planWords(plan, add)).toBe(
    '\treconciliation required update, but object opted out (rbac.authorization.kubernetes.io/autoupdate: false)\n' +
      '\tmissing subjects added:\n\t\t{Kind:User APIGroup:g Name:b Namespace:}\n',
  );
});
