import { beforeEach, describe, expect, test } from '@jest/globals';
import type { PolicyRule } from '../../../api/types/policy.js';
import type { Attributes } from '../authz/attributes.js';
import { chain } from '../authz/authorizers.js';
import { RbacAuthorizer } from '../authz/rbac.js';
import type { UserInfo } from '../registry/types.js';
import type { Asked, Draft } from '../testkit/api-bench.js';
import { ApiBench, refusal, somebody } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { rbacEscalation } from './rbac-escalation.js';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const group = 'rbac.authorization.k8s.io';

let bench: ApiBench;
let plugin: AdmissionPlugin;
/** The questions to the authorizer, as `verb resource name`. */
let asked: string[];
/** The answers that are yes. */
let granted: Set<string>;

beforeEach(async () => {
  bench = await ApiBench.create();
  [asked, granted] = [[], new Set()];
  const authorize = ({ verb, resource, name }: Attributes) => {
    const question = `${verb} ${resource} ${name}`.trim();
    asked.push(question);
    return granted.has(question) ? { allowed: true, reason: '' } : undefined;
  };
  plugin = rbacEscalation(new RbacAuthorizer(bench.watchCache), chain([{ authorize }]));
});

const rule = (verbs: string[], ...resources: string[]): PolicyRule => ({
  verbs,
  apiGroups: [''],
  resources,
});
const role = (name: string, rules: readonly PolicyRule[], more: object = {}) => ({
  apiVersion,
  kind: 'Role',
  metadata: { name, namespace: 'ns' },
  rules,
  ...more,
});
const clusterRole = (name: string, rules: readonly PolicyRule[], more: object = {}) => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
  ...more,
});
const binding = (to: string, kind = 'ClusterRole', more: object = {}) => ({
  apiVersion,
  kind: 'RoleBinding',
  metadata: { name: 'b', namespace: 'ns' },
  roleRef: { apiGroup: group, kind, name: to },
  subjects: [{ kind: 'User', apiGroup: group, name: 'jane' }],
  ...more,
});
const clusterBinding = (to: string) => ({
  ...binding(to),
  kind: 'ClusterRoleBinding',
  metadata: { name: 'b' },
});

/** Gives jane these rules, in the namespace `ns`. */
const hold = (...rules: PolicyRule[]): Promise<void> =>
  bench.add(role('held', rules), {
    ...binding('held', 'Role'),
    metadata: { name: 'holds', namespace: 'ns' },
  });

const write = (draft: object, more: Asked = {}): Promise<string | undefined> =>
  refusal(plugin, bench.request(draft as Draft, more));

const words = (...missing: string[]): string =>
  'user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions ' +
  `not currently held:\n${missing.join('\n')}`;
const getPods = '{APIGroups:[""], Resources:["pods"], Verbs:["get"]}';
const listPods = '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}';

describe('a role', () => {
  test('grants what its writer holds', async () => {
    await hold(rule(['get', 'list'], 'pods'));
    expect(await write(role('r', [rule(['get'], 'pods')]))).toBeUndefined();
    expect(await write(role('r', []))).toBeUndefined();
  });

  test('grants nothing else, and says what', async () => {
    await hold(rule(['get'], 'pods'));
    const refused = await write(role('r', [rule(['list', 'get'], 'pods')]));
    expect(refused).toBe(`403 roles.${group} "r" is forbidden: ${words(listPods)}`);
  });

  test('of the cluster is not covered by rights in a namespace', async () => {
    await hold(rule(['get'], 'pods'));
    expect(await write(clusterRole('r', [rule(['get'], 'pods')]))).toBe(
      `403 clusterroles.${group} "r" is forbidden: ${words(getPods)}`,
    );
  });

  test('is anything for those who may escalate it', async () => {
    granted.add('escalate roles r');
    expect(await write(role('r', [rule(['*'], '*')]))).toBeUndefined();
    expect(asked).toEqual(['escalate roles r']);
    expect(await write(role('other', [rule(['get'], 'pods')]))).toMatch(/^403 /);
  });

  test('that takes in others may come to hold anything', async () => {
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    const text =
      `403 clusterroles.${group} "r" is forbidden: ` +
      'must have cluster-admin privileges to use the aggregationRule';
    const taking = clusterRole('r', [], { aggregationRule });
    expect(await write(taking)).toBe(text);
    // Nor may the rule be taken away, which would keep what the role holds.
    expect(await write(clusterRole('r', []), { old: taking })).toBe(text);
  });

  test('may change its owners and finalizers, and nothing else, without the rights in it', async () => {
    const old = role('r', [rule(['get'], 'pods')]);
    const refused = `403 roles.${group} "r" is forbidden: ${words(getPods)}`;
    const changed = (metadata: object): Promise<string | undefined> =>
      write({ ...old, metadata: { ...old.metadata, ...metadata } }, { old });
    expect(await changed({ ownerReferences: [{ kind: 'A', name: 'b' }] })).toBeUndefined();
    expect(await changed({ finalizers: ['example.com/a'] })).toBeUndefined();
    expect(await changed({})).toBeUndefined();
    expect(await changed({ labels: { a: 'b' } })).toBe(refused);
    expect(await changed({ annotations: { a: 'b' } })).toBe(refused);
  });
});

describe('a binding', () => {
  beforeEach(() => bench.add(clusterRole('reader', [rule(['get'], 'pods')])));
  const refused = `403 rolebindings.${group} "b" is forbidden: ${words(getPods)}`;

  test('gives the rights of a role to others by those who hold them', async () => {
    expect(await write(binding('reader'))).toBe(refused);
    await hold(rule(['get'], 'pods'));
    expect(await write(binding('reader'))).toBeUndefined();
    // In the whole cluster they are more.
    expect(await write(clusterBinding('reader'))).toBe(
      `403 clusterrolebindings.${group} "b" is forbidden: ${words(getPods)}`,
    );
  });

  test('is for those who may bind that role', async () => {
    granted.add('bind clusterroles reader');
    expect(await write(binding('reader'))).toBeUndefined();
    await bench.add(role('own', [rule(['list'], 'pods')]));
    expect(await write(binding('own', 'Role'))).toMatch(/^403 /);
    granted.add('bind roles own');
    expect(await write(binding('own', 'Role'))).toBeUndefined();
  });

  test('to a role that is not there waits for somebody who may bind it', async () => {
    expect(await write(binding('gone'))).toBe(`404 clusterroles.${group} "gone" not found`);
    expect(await write(binding('gone', 'Role'))).toBe(`404 roles.${group} "gone" not found`);
    granted.add('bind roles gone');
    expect(await write(binding('gone', 'Role'))).toBeUndefined();
  });

  test('gives them to somebody else by those who hold them only', async () => {
    const old = binding('reader');
    const more = { subjects: [...old.subjects, { kind: 'Group', name: 'all' }] };
    expect(await write(binding('reader', 'ClusterRole', more), { old })).toBe(refused);
    const owners = { metadata: { ...old.metadata, ownerReferences: [{ kind: 'A', name: 'b' }] } };
    expect(await write(binding('reader', 'ClusterRole', owners), { old })).toBeUndefined();
  });
});

test('masters, removals and other kinds are not its concern', () => {
  const draft = role('r', [rule(['*'], '*')]) as Draft;
  const master: UserInfo = { name: 'root', groups: ['system:masters'] };
  expect(plugin.handles(bench.request(draft, { user: master }))).toBe(false);
  expect(plugin.handles(bench.request(draft, { operation: 'DELETE', old: draft }))).toBe(false);
  const pod: Draft = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } };
  expect(plugin.handles(bench.request(pod, { user: somebody }))).toBe(false);
});
