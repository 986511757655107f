/** Rules of signing: join tokens, renewals, certificate requests, tokens, reviews, impersonation. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { BootstrapDefinition, ClusterDefinition } from '../../src/gen/cluster.js';
import { systemClock } from '../../src/lib/clock.js';
import { Code } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { createSigningRequest } from '../../src/lib/pki/certificates.js';
import { publicKeyHash } from '../../src/lib/pki/public-key-hash.js';
import { joinCluster } from '../../src/worker/join/join.js';
import type { IdentityRig, Person } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';

const v1 = '/api/v1';
const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const authn = '/apis/authentication.k8s.io/v1';
const authz = '/apis/authorization.k8s.io/v1';
const merge = 'application/merge-patch+json';

let rig: IdentityRig;

beforeAll(async () => {
  rig = await startIdentityRig();
}, 30_000);

afterAll(() => rig.stop());

async function make(path: string, body: object): Promise<Record<string, unknown>> {
  const { code, message, body: made } = await rig.admin.ask('POST', path, { body });
  if (code !== 201) throw new Error(`${path}: ${message}`);
  return made;
}

/** A join token, made as an administrator makes it. */
async function joinToken(...usages: string[]): Promise<string> {
  const cluster = rig.admin.channel().client(ClusterDefinition);
  return (await cluster.createToken({ ttlSeconds: 60, usages })).token;
}

/** Asks to join as `nodeName`, with a serving certificate for `hosts`. */
async function join(
  token: string,
  nodeName: string,
  hosts: readonly string[] = [],
  requests?: Requests,
): ReturnType<ReturnType<typeof bootstrapOf>['joinWorker']> {
  const { csr, servingCsr } = requests ?? (await signingRequests(hosts));
  return bootstrapOf(rig.anybody).joinWorker(
    { nodeName, csr, servingCsr, former: undefined },
    { metadata: new Map([['authorization', `Bearer ${token}`]]) },
  );
}

interface Requests {
  readonly csr: Buffer;
  readonly servingCsr: Buffer;
}

/** Requests that ask for more than anybody gets. */
async function signingRequests(hosts: readonly string[]): Promise<Requests> {
  const identity = { commonName: 'system:node:other', organizations: ['system:masters'] };
  const client = await createSigningRequest({ ...identity, usages: ['client'] });
  const serving = await createSigningRequest({ ...identity, hosts, usages: ['server'] });
  return { csr: Buffer.from(client.request), servingCsr: Buffer.from(serving.request) };
}

function bootstrapOf(person: Person) {
  return person.channel().client(BootstrapDefinition);
}

describe('a join token for workers', () => {
  test('gives a certificate of one node, whatever the request says', async () => {
    const token = await joinToken('worker');
    const hosts = [
      'fresh',
      '127.0.0.1',
      '10.88.1.11',
      'api.example.com',
      '10.96.0.1',
      'kubernetes',
    ];
    const { certificate, servingCertificate } = await join(token, 'fresh', hosts);
    const client = new X509Certificate(certificate);
    expect(client.subject.split('\n')).toEqual(['O=system:nodes', 'CN=system:node:fresh']);
    expect(client.subjectAltName).toBeUndefined();
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    const serving = new X509Certificate(servingCertificate);
    expect(serving.subject.split('\n')).toEqual(['O=system:nodes', 'CN=system:node:fresh']);
    // 127.0.0.1 is where the request came from, and a master's address: it stays the master's.
    expect(serving.subjectAltName).toBe('DNS:fresh');
    expect(serving.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test.each([
    ['a node that is there', 'taken', Code.AlreadyExists],
    ['a master', 'master-1', Code.AlreadyExists],
    ["a master's further name", 'api.example.com', Code.AlreadyExists],
    ["the API's service", 'kubernetes.default.svc', Code.AlreadyExists],
    ['this machine', 'localhost', Code.AlreadyExists],
    ['an address', '10.88.1.11', Code.InvalidArgument],
    ['nobody', '', Code.InvalidArgument],
  ])('does not give the name of %s', async (_name, nodeName, code) => {
    if (nodeName === 'taken') {
      await make(`${v1}/nodes`, { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } });
    }
    const token = await joinToken('worker');
    await expect(join(token, nodeName)).rejects.toMatchObject({ code });
  });

  test('lets a worker in that knows the authority by its hash only', async () => {
    const caHash = publicKeyHash(rig.read('ca.crt'));
    const target = { servers: [rig.address], token: await joinToken('worker'), caHash };
    const shared = { hosts: ['127.0.0.1', 'joins'], clock: systemClock(), log: silentLogger };
    const { certificate, ca } = await joinCluster({ target, nodeName: 'joins', ...shared });
    expect(new X509Certificate(certificate).checkIssued(new X509Certificate(ca))).toBe(true);
    const wrong = { ...target, caHash: `sha256:${'0'.repeat(64)}` };
    const signal = { ...shared, clock: { ...shared.clock, monotonicMs: () => Infinity } };
    await expect(joinCluster({ target: wrong, nodeName: 'late', ...signal })).rejects.toMatchObject(
      {
        code: Code.Unavailable,
      },
    );
  });

  test('gives a name once, and again to the same machine', async () => {
    const token = await joinToken('worker');
    const [one, other] = [await signingRequests(['twice']), await signingRequests(['twice'])];
    await expect(join(token, 'twice', [], one)).resolves.toBeDefined();
    await expect(join(token, 'twice', [], one)).resolves.toBeDefined();
    await expect(join(token, 'twice', [], other)).rejects.toMatchObject({
      code: Code.AlreadyExists,
      message: expect.stringContaining('kubectl -n kube-system delete lease join-twice'),
    });
  });

  test("gives a deleted node's name", async () => {
    await make(`${v1}/nodes`, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'gone' } });
    const token = await joinToken('worker');
    await expect(join(token, 'gone')).rejects.toMatchObject({ code: Code.AlreadyExists });
    await rig.admin.ask('DELETE', `${v1}/nodes/gone`);
    await expect(join(token, 'gone')).resolves.toBeDefined();
  });

  test("does not give the masters' keys", async () => {
    const metadata = new Map([['authorization', `Bearer ${await joinToken('worker')}`]]);
    const master = { name: 'm', address: '', peerUrl: 'https://10.0.0.1:2380', clientUrl: '' };
    await expect(bootstrapOf(rig.anybody).joinMaster(master, { metadata })).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
  });

  test('opens nothing at the API', async () => {
    const token = await joinToken('worker');
    const asks = await Promise.all([
      rig.anybody.ask('GET', `${v1}/namespaces/kube-system/secrets`, { token }),
      rig.anybody.ask('POST', csrs, { token, body: {} }),
    ]);
    expect(asks.map(({ code }) => code)).toEqual([403, 403]);
  });

  test.each<[string, Record<string, string>]>([
    ['another group', { 'auth-extra-groups': 'system:masters' }],
    [
      'one group too many',
      { 'auth-extra-groups': 'system:bootstrappers:trireme:workers,system:masters' },
    ],
    ['an expiration that nobody can read', { expiration: 'tomorrow' }],
    ['an expiration that has passed', { expiration: '2020-01-01T00:00:00Z' }],
    ['another id', { 'token-id': 'zzzzzz' }],
    ['no usage', { 'usage-bootstrap-authentication': '' }],
  ])('is worth nothing with %s', async (_name, fields) => {
    const data = {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:trireme:workers',
      ...fields,
    };
    await make(`${v1}/namespaces/kube-system/secrets`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bootstrap-token-abcdef' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: data,
    });
    const token = 'abcdef.0123456789abcdef';
    const { code } = await rig.anybody.ask('GET', `${v1}/nodes`, { token });
    expect(code).toBe(401);
    await expect(join(token, 'any')).rejects.toMatchObject({ code: Code.Unauthenticated });
    await rig.admin.ask('DELETE', `${v1}/namespaces/kube-system/secrets/bootstrap-token-abcdef`);
  });
});

test('a certificate for serving says nothing about who calls', async () => {
  const server = await rig.server('kubernetes-admin', 'system:masters');
  const { code, message } = await server.ask('GET', `${v1}/namespaces/kube-system/secrets`);
  expect([401, 403]).toContain(code);
  if (code === 403) expect(message).toContain('User "system:anonymous" cannot list');
  const node = await rig.server('system:node:n', 'system:nodes');
  const { request } = await createSigningRequest({ commonName: 'x', usages: ['client'] });
  await expect(bootstrapOf(node).renew({ csr: Buffer.from(request) })).rejects.toMatchObject({
    code: Code.PermissionDenied,
  });
});

test("a node renews its own certificate only, without a master's address", async () => {
  const node = await rig.person('system:node:renewing', 'system:nodes');
  const { request } = await createSigningRequest({
    commonName: 'kube-apiserver',
    hosts: ['10.88.1.11', 'kubernetes', 'renewing', 'other'],
    usages: ['server'],
  });
  const { certificate } = await bootstrapOf(node).renew({ csr: Buffer.from(request) });
  const { subject, subjectAltName } = new X509Certificate(certificate);
  expect(subject.split('\n')).toEqual(['O=system:nodes', 'CN=system:node:renewing']);
  expect(subjectAltName).toBe('DNS:renewing');
  const user = await rig.person('system:node:renewing');
  for (const person of [user, rig.anybody]) {
    await expect(bootstrapOf(person).renew({ csr: Buffer.from(request) })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  }
});

describe('certificate requests', () => {
  const clientSigner = 'kubernetes.io/kube-apiserver-client';

  async function grant(user: string, ...rules: readonly object[]): Promise<void> {
    const name = user;
    await make(`${rbac}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    });
    await make(`${rbac}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    });
  }

  const certificates = 'certificates.k8s.io';
  const writes = {
    apiGroups: [certificates],
    resources: [
      'certificatesigningrequests',
      'certificatesigningrequests/approval',
      'certificatesigningrequests/status',
    ],
    verbs: ['create', 'get', 'patch', 'update'],
  };
  const approved = {
    status: {
      conditions: [{ type: 'Approved', status: 'True', reason: 'r', message: 'm' }],
    },
  };

  async function ask(
    name: string,
    commonName: string,
    ...organizations: string[]
  ): Promise<object> {
    const { request } = await createSigningRequest({
      commonName,
      organizations,
      usages: ['client'],
    });
    return {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: clientSigner,
        usages: ['client auth'],
      },
    };
  }

  test('are approved and signed by those only who may for the signer', async () => {
    await make(csrs, await ask('a', 'jane'));
    const writer = await rig.person('writer');
    await grant('writer', writes);
    const patch = { type: merge, body: approved };
    const answers = [
      await writer.ask('PATCH', `${csrs}/a/approval`, patch),
      await writer.ask('PATCH', `${csrs}/a/status`, patch),
      await writer.ask('PATCH', `${csrs}/a/status`, {
        type: merge,
        body: { status: { certificate: rig.read('ca.crt').toString('base64') } },
      }),
    ];
    expect(answers.map(({ code }) => code)).toEqual([403, 422, 403]);
    expect(answers.map(({ message }) => message)).toEqual([
      `certificatesigningrequests.certificates.k8s.io "a" is forbidden: user not permitted to approve requests with signerName "${clientSigner}"`,
      expect.stringContaining('updates may not add a condition of type "Approved"'),
      expect.stringContaining(
        `user not permitted to sign requests with signerName "${clientSigner}"`,
      ),
    ]);
    const approver = await rig.person('approver');
    await grant('approver', writes, {
      apiGroups: [certificates],
      resources: ['signers'],
      resourceNames: ['kubernetes.io/*'],
      verbs: ['approve'],
    });
    expect((await approver.ask('PATCH', `${csrs}/a/approval`, patch)).code).toBe(200);
    const undone = await approver.ask('PATCH', `${csrs}/a/approval`, {
      type: merge,
      body: { status: { conditions: null } },
    });
    expect(undone.message).toContain('updates may not remove a condition of type "Approved"');
  });

  test('for an administrator are refused', async () => {
    const { code, message } = await rig.admin.ask('POST', csrs, {
      body: await ask('root', 'kube-apiserver-kubelet-client', 'system:masters'),
    });
    expect([code, message]).toEqual([
      403,
      `certificatesigningrequests.certificates.k8s.io "root" is forbidden: use of ${clientSigner} signer with system:masters group is not allowed`,
    ]);
  });
});

describe('tokens of service accounts', () => {
  const issuer = 'https://kubernetes.default.svc.cluster.local';

  async function request(
    account: string,
    spec: object,
  ): Promise<{ token: string; message: string; code: number }> {
    const { code, message, body } = await rig.admin.ask(
      'POST',
      `${v1}/namespaces/default/serviceaccounts/${account}/token`,
      { body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } },
    );
    const { token = '' } = (body['status'] ?? {}) as { token?: string };
    return { code, message, token };
  }

  beforeAll(async () => {
    for (const name of ['app', 'boss']) {
      await make(`${v1}/namespaces/default/serviceaccounts`, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name },
      });
    }
    await make(`${v1}/nodes`, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'bound' } });
    await make(`${v1}/namespaces/default/pods`, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { serviceAccountName: 'app', containers: [{ name: 'c', image: 'none' }] },
    });
  });

  test('are not bound to a pod of another account, nor to anything else', async () => {
    const pod = { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } };
    expect(await request('boss', pod)).toMatchObject({
      code: 400,
      message:
        'cannot bind token for serviceaccount "boss" to pod running with different serviceaccount name.',
    });
    const other = { boundObjectRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'p' } };
    expect(await request('app', other)).toMatchObject({
      code: 400,
      message: 'cannot bind token to object of type apps/v1, Kind=Deployment',
    });
    expect((await request('app', pod)).code).toBe(201);
  });

  test('end with the Node that they are bound to', async () => {
    const { token } = await request('app', {
      boundObjectRef: { apiVersion: 'v1', kind: 'Node', name: 'bound' },
    });
    const look = async (): Promise<number> =>
      (await rig.anybody.ask('GET', '/api', { token })).code;
    expect(await look()).toBe(200);
    await rig.admin.ask('DELETE', `${v1}/nodes/bound`);
    expect(await look()).toBe(401);
  });

  test('are reviewed for the audiences that they have', async () => {
    const review = async (token: string, ...audiences: string[]): Promise<unknown> =>
      (
        await rig.admin.ask('POST', `${authn}/tokenreviews`, {
          body: {
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenReview',
            spec: { token, audiences },
          },
        })
      ).body['status'];
    const { token } = await request('app', { audiences: ['vault', 'other'] });
    expect(await review(token, 'vault', 'stranger')).toMatchObject({
      authenticated: true,
      audiences: ['vault'],
    });
    expect(await review(token, 'stranger')).toMatchObject({ error: expect.anything() });
    expect(await review(token)).toMatchObject({ error: expect.anything() });
    const own = await request('app', {});
    expect(await review(own.token)).toMatchObject({ authenticated: true, audiences: [issuer] });
  });
});

describe('reviews and impersonation', () => {
  test('a review in one namespace is about that namespace', async () => {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'LocalSubjectAccessReview',
      spec: {
        user: 'u',
        resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'kube-system' },
      },
    };
    const path = `${authz}/namespaces/default/localsubjectaccessreviews`;
    const { code, message } = await rig.admin.ask('POST', path, { body });
    expect([code, message]).toEqual([
      422,
      '.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: ' +
        'Invalid value: "kube-system": must match metadata.namespace',
    ]);
  });

  test('a group with a comma in its name is one group', async () => {
    const whoAmI = async (headers: Record<string, string | string[]>): Promise<unknown> => {
      const { body } = await rig.admin.ask('POST', `${authn}/selfsubjectreviews`, {
        headers: { 'impersonate-user': 'u', ...headers },
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      });
      return (body['status'] as { userInfo?: unknown } | undefined)?.userInfo;
    };
    expect(await whoAmI({ 'impersonate-group': ['a,system:masters', 'b'] })).toMatchObject({
      groups: ['a,system:masters', 'b', 'system:authenticated'],
    });
    expect(
      await whoAmI({ 'impersonate-uid': '7', 'impersonate-extra-a%2Fb': ['x, y', 'z'] }),
    ).toMatchObject({ uid: '7', extra: { 'a/b': ['x, y', 'z'] } });
  });
});
