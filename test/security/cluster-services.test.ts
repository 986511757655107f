/** The gRPC services beside the verbs: what the audit log says of them, and whom a caller may be. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ResourcesDefinition } from '../../src/gen/apiserver.js';
import { BootstrapDefinition, ClusterDefinition } from '../../src/gen/cluster.js';
import { Code } from '../../src/lib/grpc/index.js';
import { until } from '../../src/lib/http2/testkit/raw-peer.js';
import { createSigningRequest } from '../../src/lib/pki/certificates.js';
import type { IdentityRig } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';

let rig: IdentityRig;

beforeAll(async () => {
  rig = await startIdentityRig();
}, 30_000);

afterAll(() => rig.stop());

async function join(token: string, nodeName: string): Promise<void> {
  const client = await createSigningRequest({ commonName: nodeName, usages: ['client'] });
  const serving = await createSigningRequest({ commonName: nodeName, usages: ['server'] });
  const csr = Buffer.from(client.request);
  const servingCsr = Buffer.from(serving.request);
  const metadata = new Map([['authorization', `Bearer ${token}`]]);
  const bootstrap = rig.anybody.channel().client(BootstrapDefinition);
  await bootstrap.joinWorker({ nodeName, csr, servingCsr, former: undefined }, { metadata });
}

test('joining and the cluster service leave events in the audit log', async () => {
  const cluster = rig.admin.channel().client(ClusterDefinition);
  const { token } = await cluster.createToken({ ttlSeconds: 60, usages: ['worker'] });
  const [id = ''] = token.split('.');
  await join(token, 'audited');
  await expect(join(`${id}.0123456789abcdef`, 'other')).rejects.toMatchObject({
    code: Code.Unauthenticated,
  });
  const somebody = (await rig.person('somebody')).channel().client(ClusterDefinition);
  await expect(somebody.status({})).rejects.toMatchObject({ code: Code.PermissionDenied });
  for await (const _ of cluster.watch({})) break;

  const services = /^\/trireme\.cluster\.v1\.(.*)/;
  const events = (): readonly unknown[][] =>
    rig.audit().flatMap(({ requestURI, verb, user, responseStatus }) => {
      const [, method] = services.exec(requestURI) ?? [];
      return method === undefined ? [] : [[method, verb, user.username, responseStatus.code]];
    });
  await until(() => events().length >= 5, 'the event of the watch');
  expect(events()).toEqual([
    ['Cluster/CreateToken', 'createtoken', 'kubernetes-admin', 200],
    ['Bootstrap/JoinWorker', 'joinworker', `system:bootstrap:${id}`, 200],
    // A caller without the token's secret is not its user.
    ['Bootstrap/JoinWorker', 'joinworker', undefined, 401],
    ['Cluster/Status', 'status', 'somebody', 403],
    ['Cluster/Watch', 'watch', 'kubernetes-admin', 499],
  ]);
});

test('what the members tell is passed on to those who may see the status of the cluster alone', async () => {
  const observed = async (caller: IdentityRig['admin']): Promise<string | undefined> => {
    const client = caller.channel().client(ClusterDefinition);
    for await (const { what } of client.observe({ cursors: [] })) return what?.$case;
    return undefined;
  };
  await expect(observed(rig.admin)).resolves.toBe('view');
  await expect(observed(await rig.person('curious'))).rejects.toMatchObject({
    code: Code.PermissionDenied,
  });
  await expect(observed(rig.anybody)).rejects.toMatchObject({ code: Code.Unauthenticated });
});

test.each(['impersonate-user', 'impersonate-group', 'impersonate-uid'])(
  'who asks over gRPC to be somebody else, by %s, is refused, and does not act as himself',
  async (field) => {
    const metadata = new Map([[field, 'u']]);
    const channel = rig.admin.channel();
    const named = { resource: 'namespaces', namespace: '', name: 'default', subresource: '' };
    const ref = { group: '', version: 'v1', ...named };
    const api = channel.client(ResourcesDefinition);
    const cluster = channel.client(ClusterDefinition);
    await api.get({ ref, resourceVersion: '' });
    const calls = [
      () => api.get({ ref, resourceVersion: '' }, { metadata }),
      () => cluster.status({}, { metadata }),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: Code.InvalidArgument,
        message: 'impersonation is not served over gRPC',
      });
    }
  },
);
