/** A stolen worker's certificate: what it opens beyond its own node. Nothing, at either door. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentDefinition } from '../../src/gen/agent.js';
import { ResourcesDefinition } from '../../src/gen/apiserver.js';
import { BootstrapDefinition, ClusterDefinition } from '../../src/gen/cluster.js';
import { Code } from '../../src/lib/grpc/index.js';
import { createSigningRequest } from '../../src/lib/pki/certificates.js';
import type { Answer, IdentityRig, Person } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';
import {
  bound,
  inA,
  ingresses,
  merge,
  nodeAttacks,
  object,
  pod,
  token,
  v1,
} from './lib/node-attacks.js';

describe('a stolen certificate of the node n1', () => {
  let rig: IdentityRig;
  let n1: Person;
  const uids = new Map<string, string>();

  const make = async (path: string, body: object): Promise<void> => {
    const { code, message, body: made } = await rig.admin.ask('POST', path, { body });
    if (code !== 201) throw new Error(`${path}: ${message}`);
    const { name = '', uid = '' } = made['metadata'] as { name?: string; uid?: string };
    uids.set(`${path.split('/').at(-1)}/${name}`, uid);
  };

  beforeAll(async () => {
    rig = await startIdentityRig();
    n1 = await rig.person('system:node:n1', 'system:nodes');
    for (const name of ['a', 'b']) await make(`${v1}/namespaces`, object('Namespace', name));
    for (const name of ['n1', 'n2']) await make(`${v1}/nodes`, object('Node', name));
    for (const name of ['default', 'own', 'other']) {
      await make(`${inA}/serviceaccounts`, object('ServiceAccount', name));
    }
    for (const [home, name] of [
      ['a', 'own'],
      ['a', 'other'],
      ['b', 'own'],
    ]) {
      await make(`${v1}/namespaces/${home}/secrets`, object('Secret', name ?? ''));
    }
    await make(`${inA}/pods`, pod('own', 'n1', 'own', 'own'));
    await make(`${inA}/pods`, pod('other', 'n2', 'other', 'other'));
    await make(ingresses, {
      metadata: { name: 'web' },
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    });
    await make(`${v1}/persistentvolumes`, {
      ...object('PersistentVolume', 'pv', {
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          local: { path: '/x' },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [
                    { key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] },
                  ],
                },
              ],
            },
          },
        },
      }),
    });
  }, 30_000);

  afterAll(() => rig.stop());

  test('its own things are open to it', async () => {
    const codes = async (
      ...asked: readonly (readonly [string, string, object?])[]
    ): Promise<number[]> => {
      const found: number[] = [];
      for (const [method, path, options = {}] of asked) {
        found.push((await n1.ask(method, path, options)).code);
      }
      return found;
    };
    const status = { metadata: { labels: {} }, status: { message: 'hello' } };
    expect(
      await codes(
        ['GET', `${v1}/nodes/n1`],
        ['GET', `${inA}/secrets/own`],
        ['GET', `${inA}/secrets?fieldSelector=metadata.name%3Down`],
        ['GET', `${v1}/pods?fieldSelector=spec.nodeName%3Dn1`],
        ['PATCH', `${inA}/pods/own/status`, { type: merge, body: status }],
        ['PATCH', `${ingresses}/web/status`, { type: merge, body: { status: {} } }],
        ['PATCH', `${v1}/nodes/n1/status`, { type: merge, body: { status: {} } }],
        ['PATCH', `${v1}/nodes/n1`, { type: merge, body: { metadata: { labels: { x: 'y' } } } }],
      ),
    ).toEqual([200, 200, 200, 200, 200, 200, 200, 200]);
  });

  test.each(nodeAttacks)('does not give %s', async (_name, method, path, options, wanted) => {
    const about = JSON.stringify(options)
      .replaceAll('"name":"own","uid":"UID"', `"name":"own","uid":"${uids.get('pods/own')}"`)
      .replaceAll('"name":"other","uid":"UID"', `"name":"other","uid":"${uids.get('pods/other')}"`)
      .replaceAll('"UID"', `"${uids.get('nodes/n1')}"`);
    const answer: Answer = await n1.ask(method, path, JSON.parse(about) as object);
    expect(answer.message).toContain(wanted);
    expect(answer.code).toBe(403);
  });

  test("does not draw on the disruption budget of another node's pods", async () => {
    const budgets = '/apis/policy/v1/namespaces/a/poddisruptionbudgets';
    await make(budgets, {
      ...object('PodDisruptionBudget', 'all', { spec: { minAvailable: 1, selector: {} } }),
      apiVersion: 'policy/v1',
    });
    const status = { disruptionsAllowed: 1, observedGeneration: 1, currentHealthy: 2 };
    const admin = (path: string, body: object): Promise<Answer> =>
      rig.admin.ask('PATCH', path, { type: merge, body });
    await admin(`${budgets}/all/status`, { status });
    await admin(`${inA}/pods/other/status`, { status: { phase: 'Running' } });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'other' } };
    const { code } = await n1.ask('POST', `${inA}/pods/other/eviction`, { body: eviction });
    expect(code).toBe(403);
    const { body } = await rig.admin.ask('GET', `${budgets}/all`);
    expect(body['status']).toMatchObject({ disruptionsAllowed: 1 });
  });

  test('does not give a certificate of another name', async () => {
    const { request } = await createSigningRequest({
      commonName: 'system:node:n2',
      organizations: ['system:nodes'],
      usages: ['client'],
    });
    const { code, message } = await n1.ask(
      'POST',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      {
        body: {
          apiVersion: 'certificates.k8s.io/v1',
          kind: 'CertificateSigningRequest',
          metadata: { name: 'n2' },
          spec: {
            request: Buffer.from(request).toString('base64'),
            signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
            usages: ['digital signature', 'client auth'],
          },
        },
      },
    );
    expect([code, message]).toEqual([
      403,
      expect.stringContaining('can only create a node CSR with CN=system:node:n1'),
    ]);
  });

  test('gives a token for its own pod only, for the audience that the pod asks for', async () => {
    const uid = uids.get('pods/own') ?? '';
    const { code, message } = await n1.ask('POST', `${inA}/serviceaccounts/own/token`, {
      body: token(bound('own', uid)),
    });
    expect([message, code]).toEqual(['', 201]);
  });

  const ref = {
    group: '',
    version: 'v1',
    resource: 'secrets',
    subresource: '',
    namespace: '',
    name: '',
  };

  test('opens as little at the gRPC door', async () => {
    const resources = n1.channel().client(ResourcesDefinition);
    const get = (more: Partial<typeof ref>): Promise<unknown> =>
      resources.get({ ref: { ...ref, ...more }, resourceVersion: '' });
    await expect(get({ namespace: 'a', name: 'own' })).resolves.toBeDefined();
    for (const more of [
      { namespace: 'a', name: 'other' },
      { namespace: 'b', name: 'own' },
      { namespace: 'a', name: 'own', subresource: 'scale' },
      { name: 'own' },
    ]) {
      await expect(get(more)).rejects.toMatchObject({ code: Code.PermissionDenied });
    }
    const agent = n1.channel().client(AgentDefinition);
    const logs = async (): Promise<void> => {
      const container = {
        namespace: 'a',
        pod: 'other',
        container: 'c',
        podUid: '',
        containerId: '',
      };
      for await (const _ of agent.logs({ container } as never)) break;
    };
    await expect(logs()).rejects.toMatchObject({ code: Code.PermissionDenied });
    const bootstrap = n1.channel().client(BootstrapDefinition);
    const none = Buffer.alloc(0);
    const worker = { nodeName: 'n3', csr: none, servingCsr: none, former: undefined };
    const master = { name: 'm', address: '', peerUrl: 'https://10.0.0.1:2380', clientUrl: '' };
    await expect(bootstrap.joinWorker(worker)).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    await expect(bootstrap.joinMaster(master)).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    const cluster = n1.channel().client(ClusterDefinition);
    await expect(cluster.status({})).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(cluster.createToken({ ttlSeconds: 60, usages: ['worker'] })).rejects.toMatchObject(
      { code: Code.PermissionDenied },
    );
  });
});
