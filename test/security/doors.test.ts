/**
 * The authorized action is the one that is performed, over REST and over gRPC: each test is an attack that succeeded
 * over one of them, or an event that no watcher was told of.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as http2 from 'node:http2';
import * as tls from 'node:tls';
import type { AgentDefinition } from '../../src/gen/agent.js';
import type { ResourceRef } from '../../src/gen/apiserver.js';
import type { Handlers } from '../../src/lib/grpc/index.js';
import type { Identity } from './two-doors.js';
import { heard, startAgent, startWebhook, told, TwoDoors } from './two-doors.js';

const noSuch = 'the server could not find the requested resource';

let doors: TwoDoors;
let admin: Identity;
let node: Identity;
let lead: Identity;
let scaler: Identity;

function ref(resource: string, fields: Partial<ResourceRef> = {}): ResourceRef {
  return {
    group: '',
    version: 'v1',
    resource,
    namespace: '',
    name: '',
    subresource: '',
    ...fields,
  };
}

const list = { labelSelector: '', fieldSelector: '', resourceVersion: '' };
const page = { ...list, resourceVersionMatch: '', limit: 0, continue: '' };
const deletion = { deleteOptions: Buffer.alloc(0), labelSelector: '', fieldSelector: '' };

async function make(path: string, object: object): Promise<void> {
  const answer = await doors.rest(admin, 'POST', path, { body: object });
  if (answer.code !== 201) throw new Error(`${path}: ${answer.text}`);
}

function binding(name: string, role: string, namespace: string): [string, object] {
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const where = namespace === '' ? '' : `/namespaces/${namespace}`;
  return [
    `/apis/rbac.authorization.k8s.io/v1${where}/${kind.toLowerCase()}s`,
    {
      metadata: { name: `${name}-${role.replace(/:/g, '-')}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    },
  ];
}

function secret(name: string): object {
  return { metadata: { name }, stringData: { password: `of ${name}` } };
}

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
  node = await doors.identity('system:node:n1', 'system:nodes');
  lead = await doors.identity('lead');
  scaler = await doors.identity('scaler');
  await make('/api/v1/namespaces', { metadata: { name: 'team' } });
  await make('/api/v1/namespaces/team/serviceaccounts', { metadata: { name: 'default' } });
  await make('/api/v1/namespaces/team/secrets', secret('site'));
  await make('/api/v1/namespaces/team/secrets', secret('other'));
  await make('/apis/networking.k8s.io/v1/namespaces/team/ingresses', {
    metadata: { name: 'web' },
    spec: {
      tls: [{ hosts: ['a.example'], secretName: 'site' }],
      defaultBackend: { service: { name: 'web', port: { number: 80 } } },
    },
  });
  await make(...binding('lead', 'cluster-admin', 'team'));
  await make('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'scale' },
    rules: [{ apiGroups: ['*'], resources: ['*/scale'], verbs: ['*'] }],
  });
  await make(...binding('scaler', 'scale', ''));
}, 60_000);

afterAll(async () => {
  await doors.stop();
});

describe("a node's certificate", () => {
  test('lists and watches the Secret that an Ingress names, by a name or a selector, and gets that one', async () => {
    const api = doors.grpc(node);
    for (const request of [
      { ...list, ref: ref('secrets', { namespace: 'team', name: 'site' }) },
      { ...list, ref: ref('secrets', { namespace: 'team' }), fieldSelector: 'metadata.name=site' },
    ]) {
      const names: string[] = [];
      for await (const { objects } of api.list({ ...page, ...request })) {
        for (const bytes of objects) names.push(nameOf(bytes));
      }
      expect(names).toEqual(['site']);
      const seen: string[] = [];
      for await (const { events } of api.watch({ ...request, allowBookmarks: true })) {
        for (const event of events) seen.push(`${event.type} ${nameOf(event.object)}`);
        if (seen.at(-1)?.startsWith('3') === true) break;
      }
      expect(seen).toEqual(['0 site', '3 ']);
    }
    const path = '/api/v1/namespaces/team/secrets?fieldSelector=metadata.name%3Dsite';
    const { text } = await doors.rest(node, 'GET', path);
    const { items } = JSON.parse(text) as { items: { metadata: { name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['site']);
  });

  test('reads no other Secret by List, Watch or DeleteCollection', async () => {
    const api = doors.grpc(node);
    for (const where of [
      { namespace: 'team', name: 'other' },
      { namespace: 'team' },
      {},
      { name: 'site' },
      { namespace: '', name: 'team/site' },
      { namespace: 'team', name: '../team/other' },
    ]) {
      const target = { ref: ref('secrets', where) };
      const answers = [
        await heard(api.list({ ...page, ...target })),
        await heard(api.watch({ ...list, ...target, allowBookmarks: true })),
        await told(api.deleteCollection({ ...deletion, ...target, options: undefined })),
      ];
      expect(answers.map(({ reason }) => reason).filter((r) => r === '')).toEqual([]);
    }
    const named = { ref: ref('secrets', { namespace: 'team', name: 'site' }) };
    expect(
      await told(api.deleteCollection({ ...deletion, ...named, options: undefined })),
    ).toMatchObject({ code: 403 });
    const mismatch = { ...list, ...named, fieldSelector: 'metadata.name=other' };
    expect(await heard(api.list({ ...page, ...mismatch }))).toMatchObject({
      code: 400,
      message: "fieldSelector metadata.name doesn't match requested name",
    });
  });
});

test('a deletecollection with a name takes that object only', async () => {
  await make('/api/v1/namespaces/team/configmaps', { metadata: { name: 'gone' } });
  await make('/api/v1/namespaces/team/configmaps', { metadata: { name: 'kept' } });
  const named = { ref: ref('configmaps', { namespace: 'team', name: 'gone' }) };
  const answer = await told(
    doors.grpc(lead).deleteCollection({ ...deletion, ...named, options: undefined }),
  );
  expect(answer.code).toBe(200);
  const { text } = await doors.rest(lead, 'GET', '/api/v1/namespaces/team/configmaps');
  expect(text).toContain('"kept"');
  expect(text).not.toContain('"gone"');
});

test('cluster-admin of one namespace does nothing to kinds of the cluster', async () => {
  const request = await doors.rest(
    admin,
    'POST',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    {
      body: {
        metadata: { name: 'csr' },
        spec: {
          request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n').toString('base64'),
          signerName: 'example.com/signer',
          usages: ['client auth'],
        },
      },
    },
  );
  const name = request.code === 201 ? 'csr' : 'absent';
  const group = 'certificates.k8s.io';
  const target = ref('certificatesigningrequests', { group, namespace: 'team', name });
  const api = doors.grpc(lead);
  const object = Buffer.from(request.code === 201 ? request.text : '{}');
  const approval = { ...target, subresource: 'approval' };
  const none = { options: undefined };
  const grpc = [
    await told(api.get({ ref: target, resourceVersion: '' })),
    await told(api.update({ ref: approval, object, ...none })),
    await told(api.delete({ ...deletion, ref: target, ...none })),
    await heard(api.list({ ...page, ref: { ...target, name: '' } })),
    await told(
      api.get({ ref: ref('nodes', { namespace: 'team', name: 'n' }), resourceVersion: '' }),
    ),
  ];
  const path = `/apis/${group}/v1/namespaces/team/certificatesigningrequests`;
  const rest = [
    await doors.rest(lead, 'GET', `${path}/${name}`),
    await doors.rest(lead, 'PUT', `${path}/${name}/approval`, { body: {} }),
    await doors.rest(lead, 'DELETE', `${path}/${name}`),
    await doors.rest(lead, 'GET', path),
    await doors.rest(lead, 'GET', '/api/v1/namespaces/team/nodes/n'),
  ];
  for (const answer of [...grpc, ...rest]) {
    expect(answer).toMatchObject({ code: 404, message: noSuch });
  }
  const withoutNamespace = { ref: { ...target, namespace: '' }, resourceVersion: '' };
  expect(await told(api.get(withoutNamespace))).toMatchObject({ code: 403 });
});

test('a subresource that a kind does not have is not found, whatever a role says', async () => {
  const api = doors.grpc(scaler);
  for (const resource of ['secrets', '*', 'pods/x', 'configmaps']) {
    const target = ref(resource, { namespace: 'team', name: 'site', subresource: 'scale' });
    expect(await told(api.get({ ref: target, resourceVersion: '' }))).toMatchObject({ code: 404 });
  }
  for (const path of ['secrets/site/scale', '*/site/scale', 'secrets%2Fsite%2Fscale']) {
    const answer = await doors.rest(scaler, 'GET', `/api/v1/namespaces/team/${path}`);
    expect(answer).toMatchObject({ code: 404, message: noSuch });
  }
  const whole = ref('secrets', { namespace: 'team', name: 'site' });
  expect(await told(api.get({ ref: whole, resourceVersion: '' }))).toMatchObject({ code: 403 });
  const hidden = ref('deployments', { version: 'apps/v1', namespace: 'team' });
  expect(await heard(doors.grpc(lead).list({ ...page, ref: hidden }))).toMatchObject({ code: 404 });
});

describe('a request leaves its event', () => {
  test('over gRPC, refused ones and watches too', async () => {
    const api = doors.grpc(lead);
    const target = ref('secrets', { namespace: 'kube-system', name: 'audited-1' });
    await told(api.get({ ref: target, resourceVersion: '' }));
    const watched = ref('configmaps', { namespace: 'team' });
    for await (const _ of api.watch({ ...list, ref: watched, allowBookmarks: true })) break;
    const events = await doors.audit(
      (e) => e.verb === 'watch' && e.user.username === 'lead' && e.stage === 'ResponseComplete',
    );
    expect(events.find((e) => e.objectRef?.['name'] === 'audited-1')).toMatchObject({
      stage: 'ResponseComplete',
      verb: 'get',
      user: { username: 'lead', groups: ['system:authenticated'] },
      sourceIPs: ['127.0.0.1'],
      requestURI: '/trireme.api.v1.Resources/Get',
      objectRef: { resource: 'secrets', namespace: 'kube-system', apiVersion: 'v1' },
      responseStatus: { code: 403, reason: 'Forbidden' },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
    });
    const stages = events
      .filter((e) => e.verb === 'watch' && e.user.username === 'lead')
      .map(({ stage, auditID }) => ({ stage, auditID }));
    expect(stages.map(({ stage }) => stage)).toEqual(['ResponseStarted', 'ResponseComplete']);
    expect(stages[0]?.auditID).toBe(stages[1]?.auditID);
  });

  test('when nobody could be authenticated, and when somebody speaks for another', async () => {
    await doors.rest({ token: 'nobody.knows.it' }, 'GET', '/api/v1/secrets?audited-2');
    const headers = { 'impersonate-user': 'lead', 'user-agent': 'audited/3' };
    await doors.rest(admin, 'GET', '/api/v1/secrets?audited-3', { headers });
    const events = await doors.audit((e) => e.userAgent === 'audited/3');
    expect(events.find((e) => e.requestURI.endsWith('audited-2'))).toMatchObject({
      user: {},
      responseStatus: { code: 401, reason: 'Unauthorized' },
    });
    expect(events.find((e) => e.userAgent === 'audited/3')).toMatchObject({
      user: { username: 'admin' },
      impersonatedUser: { username: 'lead' },
      responseStatus: { code: 403 },
    });
  });
});

describe('a connection to a pod', () => {
  const reviews: Record<string, unknown>[] = [];
  let stop: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const handlers: Handlers<typeof AgentDefinition> = {
      async logs(_request, stream) {
        stream.send({ data: Buffer.from('a line\n') });
        await stream.drained();
      },
      async exec(stream) {
        for await (const { kind } of stream) {
          if (kind?.$case !== 'start') continue;
          const text = kind.value.command.join(' ');
          stream.send({ kind: { $case: 'stdout', value: Buffer.from(text) } });
          stream.send({ kind: { $case: 'exit', value: { code: 0, error: '' } } });
          return;
        }
      },
      attach: () => Promise.resolve(),
      portForward: () => Promise.resolve(),
      stats: () => ({ summary: Buffer.from('{}') }),
    };
    const agent = await startAgent(doors, 'n1', handlers);
    const hook = await startWebhook(doors, ({ request }) => {
      reviews.push(request);
      const { command } = request['object'] as { command?: string[] };
      return { allowed: command?.includes('forbidden') !== true };
    });
    stop = [() => agent.stop(), () => hook.stop()];
    await make('/api/v1/nodes', {
      metadata: { name: 'n1' },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: agent.port } },
      },
    });
    await make('/api/v1/namespaces/team/pods', {
      metadata: { name: 'p' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    });
    await make('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
      metadata: { name: 'connections' },
      webhooks: [
        {
          name: 'connections.example.com',
          clientConfig: { url: hook.url, caBundle: Buffer.from(doors.ca.cert).toString('base64') },
          rules: [
            {
              operations: ['CONNECT'],
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['pods/*', 'nodes/*'],
            },
          ],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    });
  });

  afterAll(async () => {
    for (const end of stop) await end();
  });

  /** Runs a command over the gRPC door. */
  async function run(command: readonly string[]): Promise<string> {
    const call = doors.agent(lead).exec();
    const container = { namespace: 'team', pod: 'p', uid: '', container: '' };
    const streams = { stdin: false, stdout: true, stderr: true, tty: false };
    const start = { container, command: [...command], ...streams };
    call.send({ kind: { $case: 'start', value: start } });
    const { text, message } = await heard(call);
    return message === '' ? text : message;
  }

  /** The first bytes of the answer to an upgrade at the REST door. */
  function upgrade(path: string): Promise<string> {
    const { restPort: port, ca } = doors;
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port, ca: ca.cert, ...lead.certificate });
      socket.once('error', reject);
      socket.once('data', (bytes: Buffer) => {
        socket.destroy();
        resolve(bytes.toString());
      });
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\nUser-Agent: audited/4\r\n\r\n',
      );
    });
  }

  test('is shown to webhooks as CONNECT, at both doors', async () => {
    expect(await run(['echo', 'hello'])).toContain('"exit"');
    expect(await run(['forbidden'])).toContain('denied the request');
    const exec = '/api/v1/namespaces/team/pods/p/exec?stdout=1&command=';
    expect(await upgrade(`${exec}echo`)).toMatch(/^HTTP\/1.1 101 /);
    expect(await upgrade(`${exec}forbidden`)).toContain('denied the request');
    await doors.rest(lead, 'GET', '/api/v1/namespaces/team/pods/p/proxy/some/path');
    await doors.rest(admin, 'GET', '/api/v1/nodes/n1/proxy/stats/summary');
    expect(reviews).toHaveLength(6);
    expect(reviews[0]).toMatchObject({
      operation: 'CONNECT',
      kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'exec',
      name: 'p',
      namespace: 'team',
      object: {
        kind: 'PodExecOptions',
        apiVersion: 'v1',
        stdout: true,
        stderr: true,
        command: ['echo', 'hello'],
      },
      oldObject: null,
      options: null,
    });
    expect(reviews[0]?.['object']).not.toHaveProperty('metadata');
    expect(reviews.slice(4).map(({ object }) => object)).toMatchObject([
      { kind: 'PodProxyOptions', path: '/some/path' },
      { kind: 'NodeProxyOptions', path: '/stats/summary' },
    ]);
  });

  test('leaves events of its beginning and its end, at both doors', async () => {
    await run(['audited-5']);
    await upgrade('/api/v1/namespaces/team/pods/p/exec?stdout=1&command=audited-6');
    const events = await doors.audit(
      (e) => e.requestURI.endsWith('audited-6') && e.stage === 'ResponseComplete',
    );
    const of = (door: (uri: string) => boolean): string[] =>
      events
        .filter((e) => e.objectRef?.['subresource'] === 'exec' && door(e.requestURI))
        .map((e) => `${e.stage} ${e.verb} ${e.responseStatus.code}`);
    expect(of((uri) => uri.endsWith('audited-6'))).toEqual([
      'ResponseStarted get 101',
      'ResponseComplete get 101',
    ]);
    expect(of((uri) => uri === '/trireme.agent.v1.Agent/Exec').slice(-2)).toEqual([
      'ResponseStarted create 200',
      'ResponseComplete create 200',
    ]);
  });
});

test('bodies that never come hold up nobody else', async () => {
  const { restPort, ca } = doors;
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const sessions = Array.from({ length: 11 }, () =>
    http2.connect(`https://127.0.0.1:${restPort}`, { ca: ca.cert, ...lead.certificate }),
  );
  try {
    for (const session of sessions) {
      session.on('error', () => undefined);
      const begun = Array.from({ length: 20 }, () => {
        const fields = { 'content-type': 'application/json', 'content-length': '1000' };
        const request = session.request({ ':method': 'POST', ':path': path, ...fields });
        request.on('error', () => undefined);
        return new Promise((resolve) => request.write('{', resolve));
      });
      await Promise.all(begun);
      await new Promise((resolve, reject) => {
        session.ping((error) => (error === null ? resolve(undefined) : reject(error)));
      });
    }
    const body = { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } };
    for (let round = 0; round < 3; round++) {
      expect(await doors.rest(lead, 'POST', path, { body })).toMatchObject({ code: 201 });
    }
  } finally {
    for (const session of sessions) session.destroy();
  }
});

function nameOf(object: Buffer): string {
  const { metadata } = JSON.parse(object.toString()) as { metadata: { name?: string } };
  return metadata.name ?? '';
}
