/** The past of objects is read with the rights to list them; times of revisions by who is known at all. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { formatMicroTime, parseTime } from '../../src/api/facts/time.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Answer, IdentityRig, Person } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
const merge = 'application/merge-patch+json';
const nowMs = systemClock().nowMs();

let rig: IdentityRig;
let first = '';

async function made(path: string, body: object): Promise<Answer> {
  const answer = await rig.admin.ask('POST', path, { body });
  if (answer.code !== 201) throw new Error(`${path}: ${answer.message}`);
  return answer;
}

/** The list of one object at a revision. */
function past(person: Person, resource: string, name: string, revision: string): Promise<Answer> {
  const query = new URLSearchParams({
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: revision,
    resourceVersionMatch: 'Exact',
  });
  return person.ask('GET', `/api/v1/namespaces/default/${resource}?${query.toString()}`);
}

/** Renews the scheduler's lease at a time. */
async function renew(secondsAgo: number): Promise<void> {
  const body = { spec: { renewTime: formatMicroTime(nowMs - secondsAgo * 1000) } };
  const { code, message } = await rig.admin.ask('PATCH', `${leases}/kube-scheduler`, {
    type: merge,
    body,
  });
  if (code !== 200) throw new Error(message);
}

beforeAll(async () => {
  rig = await startIdentityRig();
  await made(leases, { metadata: { name: 'kube-scheduler' }, spec: { holderIdentity: 'm' } });
  await renew(600);
  for (const kind of ['configmaps', 'secrets']) {
    const { body } = await made(`/api/v1/namespaces/default/${kind}`, {
      metadata: { name: 'shop' },
      data: { colour: 'Ymx1ZQ==' },
    });
    first = (body['metadata'] as { resourceVersion: string }).resourceVersion;
  }
  await renew(300);
  for (const kind of ['configmaps', 'secrets']) {
    const data = { colour: 'Z3JlZW4=' };
    await rig.admin.ask('PATCH', `/api/v1/namespaces/default/${kind}/shop`, {
      type: merge,
      body: { data },
    });
    await made(`/api/v1/namespaces/default/${kind}`, { metadata: { name: 'shop-2' } });
  }
  await renew(0);
  await made(`${rbac}/roles`, {
    metadata: { name: 'config-reader' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
  });
  await made(`${rbac}/rolebindings`, {
    metadata: { name: 'config-reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'config-reader' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
  });
}, 60_000);

afterAll(() => rig.stop());

const coloursOf = ({ body }: Answer): unknown[] =>
  (body['items'] as { metadata: { name: string }; data?: { colour: string } }[]).map(
    ({ metadata, data }) => [metadata.name, data?.colour],
  );

test('an exact list that names one object holds that object as it was, and no other', async () => {
  expect(coloursOf(await past(rig.admin, 'configmaps', 'shop', first))).toEqual([
    ['shop', 'Ymx1ZQ=='],
  ]);
  expect(coloursOf(await past(rig.admin, 'configmaps', 'shop-2', first))).toEqual([]);
  const before = await past(rig.admin, 'configmaps', 'shop', '2');
  expect(coloursOf(before)).toEqual([]);
});

test('who may list now may list the past, of that and of nothing else', async () => {
  const reader = await rig.person('reader');
  expect(coloursOf(await past(reader, 'configmaps', 'shop', first))).toHaveLength(1);
  expect((await past(reader, 'secrets', 'shop', first)).code).toBe(403);
  const stranger = await rig.person('stranger');
  expect((await past(stranger, 'configmaps', 'shop', first)).code).toBe(403);
});

test('times of revisions are for who is known, and tell nothing else', async () => {
  const stranger = await rig.person('stranger');
  const { code, body } = await stranger.ask('GET', '/trireme/revisions');
  expect(code).toBe(200);
  expect(Object.keys(body).sort()).toEqual(['oldest', 'revision', 'time']);
  expect((await rig.anybody.ask('GET', '/trireme/revisions')).code).toBe(403);
});

test('a time has the revision that was the present one, and back', async () => {
  const ask = async (query: string): Promise<{ revision: string; time: string }> =>
    (await rig.admin.ask('GET', `/trireme/revisions?${query}`)).body as {
      revision: string;
      time: string;
    };
  const at = new Date(nowMs - 400_000).toISOString();
  const then = await ask(`at=${at}`);
  expect(Number(then.revision)).toBeGreaterThanOrEqual(Number(first));
  expect(coloursOf(await past(rig.admin, 'configmaps', 'shop', then.revision))).toEqual([
    ['shop', 'Ymx1ZQ=='],
  ]);
  expect(coloursOf(await past(rig.admin, 'configmaps', 'shop-2', then.revision))).toEqual([]);
  const back = await ask(`revision=${then.revision}`);
  expect(parseTime(back.time)).toBeLessThanOrEqual(nowMs - 400_000);
});

test.each([
  ['at=yesterday', 400],
  ['revision=-1', 400],
  ['revision=x', 400],
])('%s is refused', async (query, code) => {
  expect((await rig.admin.ask('GET', `/trireme/revisions?${query}`)).code).toBe(code);
});
