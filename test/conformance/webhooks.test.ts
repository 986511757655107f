/** What admission webhooks are shown of subresources, deletions and namespaces, at a running API server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';

interface Question {
  readonly uid: string;
  readonly operation: string;
  readonly subResource?: string;
  readonly kind: object;
  readonly object: { readonly kind: string } | null;
}

let doors: TwoDoors;
let admin: Identity;
let hooks: https.Server;
let answer: (question: Question) => object = () => ({ allowed: true });
let asked: Question[] = [];

const core = '/api/v1/namespaces/default';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

const write = (
  method: string,
  path: string,
  body?: object,
  type = 'application/json',
): Promise<DoorAnswer> =>
  doors.rest(admin, method, path, {
    body,
    headers: {
      'content-type': type,
      ...(body === undefined
        ? {}
        : { 'content-length': String(Buffer.byteLength(JSON.stringify(body))) }),
    },
  });
const succeeds = ({ code, text }: DoorAnswer, wanted: number): void => {
  expect([code, code === wanted ? '' : text]).toEqual([wanted, '']);
};
const pod = (name: string): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
  const clock = systemClock();
  const ca = await createCertificateAuthority({ commonName: 'hooks', clock });
  const subject = { commonName: 'hook', hosts: ['127.0.0.1'], usages: ['server'] as const };
  hooks = https.createServer(
    await issueCertificate({ ca, clock, subject }),
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { request: question } = JSON.parse(Buffer.concat(chunks).toString()) as {
          request: Question;
        };
        asked.push(question);
        const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
        const body = { ...review, response: { uid: question.uid, ...answer(question) } };
        response.end(JSON.stringify(body));
      });
    },
  );
  await new Promise<void>((resolve) => {
    hooks.listen(0, '127.0.0.1', resolve);
  });
  const { port } = hooks.address() as AddressInfo;
  const account = { metadata: { name: 'default' } };
  succeeds(await write('POST', `${core}/serviceaccounts`, account), 201);
  const everything = {
    apiGroups: ['*'],
    apiVersions: ['*'],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: [
      'pods/*',
      'pods',
      'deployments/*',
      'deployments',
      'serviceaccounts/*',
      'namespaces',
    ],
  };
  const configuration = {
    metadata: { name: 'test' },
    webhooks: [
      {
        name: 'hook.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: {
          url: `https://127.0.0.1:${port}/`,
          caBundle: Buffer.from(ca.cert).toString('base64'),
        },
        rules: [
          everything,
          {
            ...everything,
            apiGroups: ['autoscaling'],
            apiVersions: ['v1'],
            resources: ['horizontalpodautoscalers'],
          },
        ],
      },
    ],
  };
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  succeeds(await write('POST', path, configuration), 201);
}, 60_000);

afterAll(async () => {
  hooks.closeAllConnections();
  hooks.close();
  await doors.stop();
});

/** What the hook is asked while this runs. */
async function questions(work: () => Promise<DoorAnswer>, code: number): Promise<Question[]> {
  asked = [];
  succeeds(await work(), code);
  return asked;
}

test('a scale is an update of deployments/scale with Scales, and may be changed', async () => {
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const spec = { selector: { matchLabels: { a: 'b' } }, template };
  succeeds(await write('POST', deployments, { metadata: { name: 'd' }, spec }), 201);
  const patch = Buffer.from('[{"op":"replace","path":"/spec/replicas","value":7}]').toString(
    'base64',
  );
  answer = () => ({ allowed: true, patchType: 'JSONPatch', patch });
  const merge = 'application/merge-patch+json';
  const seen = await questions(
    () => write('PATCH', `${deployments}/d/scale`, { spec: { replicas: 3 } }, merge),
    200,
  );
  answer = () => ({ allowed: true });
  expect(seen).toMatchObject([
    {
      operation: 'UPDATE',
      subResource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
      object: { kind: 'Scale', spec: { replicas: 3 } },
      oldObject: { kind: 'Scale', spec: { replicas: 1 } },
      options: { kind: 'UpdateOptions' },
    },
  ]);
  const { text } = await write('GET', `${deployments}/d`);
  expect(JSON.parse(text)).toMatchObject({ spec: { replicas: 7 } });
});

test('a binding is a create of pods/binding', async () => {
  succeeds(await write('POST', `${core}/pods`, pod('bound')), 201);
  const body = { metadata: { name: 'bound' }, target: { name: 'node' } };
  const seen = await questions(() => write('POST', `${core}/pods/bound/binding`, body), 201);
  expect(seen).toMatchObject([
    {
      operation: 'CREATE',
      subResource: 'binding',
      name: 'bound',
      namespace: 'default',
      kind: { group: '', version: 'v1', kind: 'Binding' },
      object: { kind: 'Binding', metadata: { name: 'bound' }, target: { name: 'node' } },
      oldObject: null,
      options: { kind: 'CreateOptions' },
    },
  ]);
});

test('an eviction is a create of pods/eviction, and no deletion', async () => {
  succeeds(await write('POST', `${core}/pods`, pod('evicted')), 201);
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'evicted' },
    deleteOptions: { gracePeriodSeconds: 0 },
  };
  answer = () => ({ allowed: false, status: { message: 'stay' } });
  const refused = await write('POST', `${core}/pods/evicted/eviction`, body);
  expect(refused.message).toBe('admission webhook "hook.example.com" denied the request: stay');
  answer = () => ({ allowed: true });
  const seen = await questions(() => write('POST', `${core}/pods/evicted/eviction`, body), 201);
  expect(seen).toMatchObject([
    {
      operation: 'CREATE',
      subResource: 'eviction',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      object: { kind: 'Eviction', deleteOptions: { gracePeriodSeconds: 0 } },
    },
  ]);
  expect((await write('GET', `${core}/pods/evicted`)).code).toBe(404);
});

test('a token is a create of serviceaccounts/token', async () => {
  const body = { spec: { audiences: ['a'] } };
  const path = `${core}/serviceaccounts/default/token`;
  const seen = await questions(() => write('POST', path, body), 201);
  expect(seen).toMatchObject([
    {
      operation: 'CREATE',
      subResource: 'token',
      kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
      object: { kind: 'TokenRequest', spec: { audiences: ['a'] } },
    },
  ]);
});

test('a deletion shows its options', async () => {
  succeeds(await write('POST', `${core}/pods`, pod('deleted')), 201);
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    gracePeriodSeconds: 5,
    propagationPolicy: 'Background',
  };
  const seen = await questions(() => write('DELETE', `${core}/pods/deleted`, body), 200);
  expect(seen).toMatchObject([
    {
      operation: 'DELETE',
      object: null,
      oldObject: { kind: 'Pod', metadata: { name: 'deleted' } },
      options: {
        kind: 'DeleteOptions',
        apiVersion: 'meta.k8s.io/v1',
        gracePeriodSeconds: 5,
        propagationPolicy: 'Background',
      },
    },
  ]);
});

test('the namespace of a Namespace is its name', async () => {
  const body = { metadata: { name: 'team' } };
  const made = await questions(() => write('POST', '/api/v1/namespaces', body), 201);
  expect(made).toMatchObject([{ operation: 'CREATE', name: 'team', namespace: 'team' }]);
});

/** `pkg/admission/plugin/webhook/generic/webhook.go`: an equivalent resource that a rule names. */
test('an autoscaler of v2 is shown and changed as one of v1, which the rule names', async () => {
  const autoscalers = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const target = { type: 'Utilization', averageUtilization: 60 };
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  const change = [{ op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 70 }];
  const patch = Buffer.from(JSON.stringify(change)).toString('base64');
  answer = () => ({ allowed: true, patchType: 'JSONPatch', patch });
  let made: DoorAnswer | undefined;
  const seen = await questions(async () => {
    const spec = { scaleTargetRef, maxReplicas: 3, metrics };
    made = await write('POST', autoscalers, { metadata: { name: 'h' }, spec });
    return made;
  }, 201);
  answer = () => ({ allowed: true });
  const kind = 'HorizontalPodAutoscaler';
  const resource = 'horizontalpodautoscalers';
  expect(seen).toMatchObject([
    {
      kind: { group: 'autoscaling', version: 'v1', kind },
      resource: { group: 'autoscaling', version: 'v1', resource },
      requestKind: { group: 'autoscaling', version: 'v2', kind },
      requestResource: { group: 'autoscaling', version: 'v2', resource },
      object: { apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 60 } },
    },
  ]);
  expect(JSON.parse(made?.text ?? '')).toMatchObject({
    apiVersion: 'autoscaling/v2',
    spec: { metrics: [{ resource: { target: { averageUtilization: 70 } } }] },
  });
});

test('a policy of another version judges the object in that version', async () => {
  const group = '/apis/admissionregistration.k8s.io/v1';
  const rule = {
    apiGroups: ['autoscaling'],
    apiVersions: ['v1'],
    operations: ['CREATE'],
    resources: ['horizontalpodautoscalers'],
  };
  const policy = {
    metadata: { name: 'p' },
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [
        {
          expression: 'object.spec.targetCPUUtilizationPercentage < 50',
          messageExpression: 'request.kind.version + " of " + request.requestKind.version',
        },
      ],
    },
  };
  const binding = {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'] },
  };
  succeeds(await write('POST', `${group}/validatingadmissionpolicies`, policy), 201);
  succeeds(await write('POST', `${group}/validatingadmissionpolicybindings`, binding), 201);
  const autoscalers = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers?dryRun=All';
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const body = { metadata: { name: 'j' }, spec: { scaleTargetRef, maxReplicas: 3 } };
  const refused = await write('POST', autoscalers, body);
  expect([refused.code, refused.message]).toEqual([422, expect.stringContaining('v1 of v2')]);
});
