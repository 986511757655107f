/** The official JavaScript client against the API server. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as k8s from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiserverHarness } from '../cluster/apiserver-harness.js';
import { canRun, startHarness } from '../cluster/apiserver-harness.js';

const suite = canRun ? describe : describe.skip;
const namespace = 'default';
const pod = (name: string): k8s.V1Pod => ({
  metadata: { name, labels: { app: 'one' } },
  spec: { containers: [{ name: 'c', image: 'nginx' }] },
});

suite('@kubernetes/client-node', () => {
  let server: ApiserverHarness;
  let config: k8s.KubeConfig;
  let core: k8s.CoreV1Api;
  let apps: k8s.AppsV1Api;

  beforeAll(async () => {
    server = await startHarness();
    server.kubectl(['create', 'serviceaccount', 'default']);
    const read = (name: string): string => readFileSync(join(server.pki, name)).toString('base64');
    config = new k8s.KubeConfig();
    config.loadFromClusterAndUser(
      { name: 'test', server: server.url, caData: read('ca.crt'), skipTLSVerify: false },
      { name: 'admin', certData: read('admin.crt'), keyData: read('admin.key') },
    );
    core = config.makeApiClient(k8s.CoreV1Api);
    apps = config.makeApiClient(k8s.AppsV1Api);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  /** The Status of a call that must fail. */
  const failure = async (call: Promise<unknown>): Promise<k8s.V1Status> => {
    try {
      await call;
    } catch (error) {
      expect(error).toBeInstanceOf(k8s.ApiException);
      const { body } = error as k8s.ApiException<string>;
      return JSON.parse(body) as k8s.V1Status;
    }
    throw new Error('the call should have failed');
  };

  test('creates, reads, replaces, lists and deletes', async () => {
    const made = await core.createNamespacedPod({ namespace, body: pod('one') });
    expect(made.status?.phase).toBe('Pending');
    expect(made.spec?.terminationGracePeriodSeconds).toBe(30);
    const read = await core.readNamespacedPod({ namespace, name: 'one' });
    expect(read.metadata?.uid).toBe(made.metadata?.uid);
    expect(read.metadata?.creationTimestamp).toBeInstanceOf(Date);
    if (read.metadata !== undefined) read.metadata.labels = { app: 'two' };
    const replaced = await core.replaceNamespacedPod({ namespace, name: 'one', body: read });
    expect(replaced.metadata?.labels).toEqual({ app: 'two' });
    const list = await core.listNamespacedPod({ namespace, labelSelector: 'app=two' });
    expect(list.items.map((item) => item.metadata?.name)).toEqual(['one']);
    await core.deleteNamespacedPod({ namespace, name: 'one' });
    const status = await failure(core.readNamespacedPod({ namespace, name: 'one' }));
    expect(status).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'pods "one" not found',
    });
  });

  test('a stale replace is a conflict, a second create exists already, a wrong one is invalid', async () => {
    const body = { metadata: { name: 'map' }, data: { a: '1' } };
    const made = await core.createNamespacedConfigMap({ namespace, body });
    expect(await failure(core.createNamespacedConfigMap({ namespace, body }))).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
    });
    made.data = { a: '2' };
    await core.replaceNamespacedConfigMap({ namespace, name: 'map', body: made });
    const stale = core.replaceNamespacedConfigMap({ namespace, name: 'map', body: made });
    expect(await failure(stale)).toMatchObject({ code: 409, reason: 'Conflict' });
    const wrong = core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'A_' } } });
    const status = await failure(wrong);
    expect(status).toMatchObject({ code: 422, reason: 'Invalid' });
    expect(status.details?.causes?.[0]?.field).toBe('metadata.name');
  });

  test('patches: merge, JSON, strategic and apply; the scale subresource', async () => {
    const name = 'web';
    const template = {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    };
    const spec = { replicas: 1, selector: { matchLabels: { app: name } }, template };
    await apps.createNamespacedDeployment({ namespace, body: { metadata: { name }, spec } });
    const patch = (body: unknown, type: string): Promise<k8s.V1Deployment> =>
      apps.patchNamespacedDeployment(
        {
          namespace,
          name,
          body,
          fieldManager: 'test',
          ...(type.includes('apply') ? { force: true } : {}),
        },
        k8s.setHeaderOptions('Content-Type', type),
      );
    const merged = await patch({ spec: { replicas: 2 } }, k8s.PatchStrategy.MergePatch);
    expect(merged.spec?.replicas).toBe(2);
    const step = [{ op: 'replace', path: '/spec/replicas', value: 3 }];
    expect((await patch(step, k8s.PatchStrategy.JsonPatch)).spec?.replicas).toBe(3);
    const added = { spec: { template: { spec: { containers: [{ name: 'd', image: 'x' }] } } } };
    const strategic = await patch(added, k8s.PatchStrategy.StrategicMergePatch);
    expect(strategic.spec?.template.spec?.containers.map((c) => c.name)).toEqual(['d', 'c']);
    const applied = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 5 } };
    expect((await patch(applied, k8s.PatchStrategy.ServerSideApply)).spec?.replicas).toBe(5);
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name });
    expect(scale.spec?.replicas).toBe(5);
  });

  test('an informer sees what is there, what comes and what goes', async () => {
    const seen: string[] = [];
    const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/secrets`, () =>
      core.listNamespacedSecret({ namespace }),
    );
    const wanted = ['add one', 'add two', 'update two', 'delete one'];
    const all = new Promise<void>((resolve, reject) => {
      for (const verb of ['add', 'update', 'delete'] as const) {
        informer.on(verb, (object) => {
          seen.push(`${verb} ${object.metadata?.name ?? ''}`);
          if (seen.length === wanted.length) resolve();
        });
      }
      informer.on('error', reject);
    });
    const make = (name: string): Promise<k8s.V1Secret> =>
      core.createNamespacedSecret({ namespace, body: { metadata: { name } } });
    await make('one');
    await informer.start();
    const two = await make('two');
    two.stringData = { a: 'b' };
    await core.replaceNamespacedSecret({ namespace, name: 'two', body: two });
    await core.deleteNamespacedSecret({ namespace, name: 'one' });
    await all;
    await informer.stop();
    expect(seen).toEqual(wanted);
  });

  test('logs of a pod without a node are refused in words', async () => {
    await core.createNamespacedPod({ namespace, body: pod('quiet') });
    const status = await failure(core.readNamespacedPodLog({ namespace, name: 'quiet' }));
    expect(status.code).toBe(400);
    const missing = await failure(core.readNamespacedPodLog({ namespace, name: 'missing' }));
    expect(missing).toMatchObject({ code: 404, reason: 'NotFound' });
  });

  test('any object by its kind, and discovery of the version', async () => {
    const objects = k8s.KubernetesObjectApi.makeApiClient(config);
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace } };
    const made: k8s.KubernetesObject = await objects.create(map);
    expect(made.metadata?.resourceVersion).toMatch(/^\d+$/);
    await objects.delete(map);
    const version = await config.makeApiClient(k8s.VersionApi).getCode();
    expect([version.major, version.minor]).toEqual(['1', '33']);
  });
});
