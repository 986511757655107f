/** Writes at their edges, at a running API server: what a status may change, what stays, what is dropped. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSigningRequest } from '../../src/lib/pki/certificates.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';

interface Stored {
  readonly metadata: Record<string, unknown>;
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

let doors: TwoDoors;
let admin: Identity;

beforeAll(async () => {
  doors = await TwoDoors.start();
  admin = await doors.identity('admin', 'system:masters');
  await write('POST', `${core}/serviceaccounts`, { metadata: { name: 'default' } });
}, 60_000);

afterAll(() => doors.stop());

const core = '/api/v1/namespaces/default';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const merge = 'application/merge-patch+json';
const apply = 'application/apply-patch+yaml';

const write = (
  method: string,
  path: string,
  body?: object,
  type = 'application/json',
): Promise<DoorAnswer> =>
  doors.rest(admin, method, path, { body, headers: { 'content-type': type } });
const read = ({ text }: DoorAnswer): Stored => JSON.parse(text) as Stored;
const succeeds = ({ code, text }: DoorAnswer, wanted: number): void => {
  expect([code, code === wanted ? '' : text]).toEqual([wanted, '']);
};
const pod = (name: string, spec: object = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const deployment = (name: string, spec: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
    },
  },
});

test('a patch of the status of a deployment changes neither labels nor spec', async () => {
  succeeds(await write('POST', deployments, deployment('status')), 201);
  const patch = {
    metadata: { labels: { x: 'y' }, finalizers: ['a/b'] },
    spec: { replicas: 9 },
    status: { replicas: 2 },
  };
  const patched = await write('PATCH', `${deployments}/status/status`, patch, merge);
  succeeds(patched, 200);
  const { metadata, spec, status } = read(patched);
  expect([metadata['labels'], metadata['finalizers'], metadata['generation']]).toEqual([
    undefined,
    ['a/b'],
    1,
  ]);
  expect([spec['replicas'], status]).toEqual([1, { replicas: 2 }]);
});

test('a status is applied, and its fields are noted under it', async () => {
  succeeds(await write('POST', deployments, deployment('applied')), 201);
  const config = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'applied' },
    status: { replicas: 3 },
  };
  const applied = await write(
    'PATCH',
    `${deployments}/applied/status?fieldManager=s`,
    config,
    apply,
  );
  succeeds(applied, 200);
  expect(read(applied)).toMatchObject({ spec: { replicas: 1 }, status: { replicas: 3 } });
  expect(read(applied).metadata['managedFields']).toContainEqual(
    expect.objectContaining({ manager: 's', operation: 'Apply', subresource: 'status' }),
  );
});

test('a status of a custom object brings no metadata along', async () => {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const definition = {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'things', kind: 'Thing' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } },
        },
      ],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  succeeds(await write('POST', definitions, definition), 201);
  const things = '/apis/example.com/v1/namespaces/default/things';
  for (let code = 404; code !== 200;) ({ code } = await write('GET', things));
  const thing = { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' } };
  succeeds(await write('POST', things, { ...thing, spec: { a: 1 } }), 201);
  const patch = {
    metadata: { labels: { x: 'y' }, annotations: { x: 'y' }, finalizers: ['a/b'] },
    spec: { a: 2 },
    status: { b: 3 },
  };
  const patched = read(await write('PATCH', `${things}/t/status`, patch, merge));
  expect([patched.spec, patched.status]).toEqual([{ a: 1 }, { b: 3 }]);
  for (const field of ['labels', 'annotations', 'finalizers']) {
    expect(patched.metadata).not.toHaveProperty(field);
  }
});

test('a service that becomes a name gives its addresses back', async () => {
  const spec = { type: 'LoadBalancer', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' };
  const made = await write('POST', `${core}/services`, { metadata: { name: 'name' }, spec });
  succeeds(made, 201);
  const { metadata, spec: stored } = read(made);
  const next = { ...stored, type: 'ExternalName', externalName: 'a.example.com' };
  const put = await write('PUT', `${core}/services/name`, { metadata, spec: next });
  succeeds(put, 200);
  for (const field of [
    'clusterIP',
    'clusterIPs',
    'ipFamilies',
    'ipFamilyPolicy',
    'internalTrafficPolicy',
    'externalTrafficPolicy',
    'allocateLoadBalancerNodePorts',
  ]) {
    expect(read(put).spec).not.toHaveProperty(field);
  }
  expect(read(put).spec['ports']).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
});

test('a pending pod that is put from its manifest keeps its priority and tolerations', async () => {
  const plain = { automountServiceAccountToken: false, serviceAccountName: 'default' };
  const first = await write('POST', `${core}/pods`, pod('manifest', plain));
  succeeds(first, 201);
  const next = pod('manifest', { ...plain, containers: [{ name: 'c', image: 'next' }] });
  const put = await write('PUT', `${core}/pods/manifest`, next);
  succeeds(put, 200);
  const { priority, tolerations, preemptionPolicy } = read(first).spec;
  expect(read(put).spec).toMatchObject({ priority, tolerations, preemptionPolicy });
});

test('a template on the host network may leave the ports of the host out, a pod gets them', async () => {
  const containers = [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }];
  const spec = { hostNetwork: true, containers };
  succeeds(await write('POST', deployments, deployment('host', spec)), 201);
  const made = read(await write('POST', `${core}/pods`, pod('host', spec)));
  expect(made.spec['containers']).toMatchObject([{ ports: [{ containerPort: 80, hostPort: 80 }] }]);
  const other = [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 81 }] }];
  const refused = await write(
    'POST',
    deployments,
    deployment('other', { ...spec, containers: other }),
  );
  expect([refused.code, refused.message]).toEqual([
    422,
    'Deployment.apps "other" is invalid: spec.template.spec.containers[0].ports[0].hostPort: ' +
      'Invalid value: 81: must match `containerPort` when `hostNetwork` is true',
  ]);
});

test.each([
  ['poddisruptionbudgets', '/apis/policy/v1/namespaces/default', { spec: { minAvailable: 1 } }],
  ['events', core, { involvedObject: { namespace: 'default' } }],
])('%s have any name that is a segment of a path', async (plural, root, body) => {
  const named = (name: string): Promise<DoorAnswer> =>
    write('POST', `${root}/${plural}?dryRun=All`, { metadata: { name }, ...body });
  succeeds(await named('A_b:c'), 201);
  expect((await named('a%b')).message).toContain(
    `metadata.name: Invalid value: "a%b": may not contain '%'`,
  );
});

test('an applied list has each key once', async () => {
  const config = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'twice' },
    spec: { ports: [{ port: 80 }, { port: 80 }] },
  };
  const answer = await write('PATCH', `${core}/services/twice?fieldManager=m`, config, apply);
  expect([answer.code, answer.message]).toEqual([
    500,
    'failed to create typed patch object (/twice; /v1, Kind=Service): ' +
      '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]',
  ]);
});

test('the status of a certificate request brings annotations along', async () => {
  // test/e2e/auth/certificates.go, "patching /status".
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const made = await createSigningRequest({ commonName: 'jane', usages: [] });
  const request = Buffer.from(made.request).toString('base64');
  const spec = { request, signerName: 'example.com/e2e', usages: ['client auth'] };
  succeeds(await write('POST', path, { metadata: { name: 'noted' }, spec }), 201);
  for (const subresource of ['approval', 'status']) {
    const patch = { metadata: { annotations: { [subresource]: 'true' } } };
    succeeds(await write('PATCH', `${path}/noted/${subresource}`, patch, merge), 200);
  }
  const { metadata } = read(await write('GET', `${path}/noted`));
  expect(metadata['annotations']).toEqual({ approval: 'true', status: 'true' });
});

test('an applied text has each field once, where validation is strict', async () => {
  // test/e2e/apimachinery/field_validation.go, "should detect duplicates in a CR when preserving unknown fields".
  const head = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: repeated\ndata:\n';
  const config = Buffer.from(`${head}  foo: foo1\n  foo: foo2\n`);
  const path = `${core}/configmaps/repeated?fieldManager=m`;
  const strict = await write('PATCH', `${path}&fieldValidation=Strict`, config, apply);
  expect([strict.code, strict.message]).toEqual([
    400,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n' +
      '  line 7: key "foo" already set in map',
  ]);
  succeeds(await write('PATCH', path, config, apply), 201);
});

test('an object that is to be made has no resourceVersion', async () => {
  const metadata = { name: 'versioned', resourceVersion: '5' };
  const answer = await write('POST', `${core}/configmaps`, { metadata });
  expect([answer.code, answer.message]).toEqual([
    500,
    'resourceVersion should not be set on objects to be created',
  ]);
  const lease = { metadata, spec: { holderIdentity: 'me' } };
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  succeeds(await write('PUT', `${leases}/versioned`, lease), 201);
  const zero = { metadata: { ...metadata, resourceVersion: '0' } };
  succeeds(await write('POST', `${core}/configmaps`, zero), 201);
});

test('a schedule that is never due is taken, and one that is none is not', async () => {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
  const make = (schedule: string): Promise<DoorAnswer> =>
    write('POST', '/apis/batch/v1/namespaces/default/cronjobs?dryRun=All', {
      metadata: { name: 'cron' },
      spec: { schedule, jobTemplate: { spec: { template } } },
    });
  succeeds(await make('59 23 31 2 *'), 201);
  succeeds(await make('@every 1h30m'), 201);
  expect((await make('60 * * * *')).message).toBe(
    'CronJob.batch "cron" is invalid: spec.schedule: Invalid value: "60 * * * *": ' +
      'end of range (60) above maximum (59): 60',
  );
});

test('an object that replaces another has its name', async () => {
  const { code, message } = await write('PUT', `${core}/configmaps/nameless`, { data: { a: 'b' } });
  expect([code, message]).toEqual([
    400,
    'the name of the object (nameless based on URL) was undeterminable: name must be provided',
  ]);
});
