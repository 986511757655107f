import { resources } from './resources.js';
import type { KubeObject } from '../api/object.js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../lib/clock.js';
import type { GrpcServer } from '../lib/grpc/index.js';
import { Code, createGrpcServer, GrpcError } from '../lib/grpc/index.js';
import { silentLogger } from '../lib/log.js';
import { ResourcesDefinition } from '../gen/apiserver.js';
import { FakeApi } from './testkit/fake.js';
import type { ApiClient, Change } from './index.js';
import { ApiError, createApiClient, createInformerFactory, runLeaderElection } from './index.js';

const log = silentLogger;

async function eventually(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error('it never came to hold');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('informer', () => {
  const pod = (name: string, node: string): KubeObject => ({
    metadata: { name, namespace: 'a', labels: { node } },
  });

  test('tells each change once, keeps its indexes, and reads anew when the watch is too old', async () => {
    const api = new FakeApi();
    await api.create(resources.pods, pod('one', 'n1'));
    const factory = createInformerFactory({ client: api, clock: systemClock(), log });
    const informer = factory.informer<KubeObject>(resources.pods);
    informer.addIndex('node', (object) => [object.metadata.labels?.['node'] ?? '']);
    const seen: string[] = [];
    informer.onChange((change: Change<KubeObject>) => {
      seen.push(`${change.type} ${change.object.metadata.name}`);
    });
    await factory.waitForSync();
    await api.create(resources.pods, pod('two', 'n1'));
    await eventually(() => informer.byIndex('node', 'n1').length === 2);
    await api.patch(
      resources.pods,
      { namespace: 'a', name: 'two' },
      'application/merge-patch+json',
      {
        metadata: { labels: { node: 'n2' } },
      },
    );
    await api.delete(resources.pods, { namespace: 'a', name: 'one' });
    await eventually(() => informer.byIndex('node', 'n1').length === 0);
    expect(informer.byIndex('node', 'n2').map((object) => object.metadata.name)).toEqual(['two']);
    expect(seen).toEqual(['add one', 'add two', 'update two', 'delete one']);
    expect(informer.list('a')).toHaveLength(1);
    expect(informer.list('b')).toHaveLength(0);
    factory.stop();
  });

  test('a watch that expired: the difference is told, the same object made anew included', async () => {
    const api = new FakeApi();
    await api.create(resources.pods, pod('gone', 'n1'));
    await api.create(resources.pods, pod('again', 'n1'));
    let watches = 0;
    const original = api.watch.bind(api);
    let cut: () => void = () => undefined;
    api.watch = async function* <T extends KubeObject>(
      resource: Parameters<typeof original>[0],
      options: Parameters<typeof original>[1],
    ) {
      watches += 1;
      if (watches === 1) {
        const stop = new AbortController();
        cut = () => stop.abort();
        yield* original<T>(resource, { ...options, signal: stop.signal });
        await api.delete(resources.pods, { namespace: 'a', name: 'gone' });
        await api.delete(resources.pods, { namespace: 'a', name: 'again' });
        await api.create(resources.pods, pod('again', 'n2'));
        throw new ApiError(410, 'Expired', 'too old resource version');
      }
      yield* original<T>(resource, options);
    };
    const factory = createInformerFactory({ client: api, clock: systemClock(), log });
    const informer = factory.informer<KubeObject>(resources.pods);
    await factory.waitForSync();
    const seen: string[] = [];
    informer.onChange((change) => seen.push(`${change.type} ${change.object.metadata.name}`));
    cut();
    await eventually(() => seen.length >= 5);
    expect(seen).toEqual(['add gone', 'add again', 'delete gone', 'delete again', 'add again']);
    factory.stop();
  });
});

describe('leader election', () => {
  test('one leads; when it is silent for the lease, the other takes over; a release is taken at once', async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const leading = new Set<string>();
    const frozen = new Set<string>();
    const start = (identity: string): AbortController => {
      const stop = new AbortController();
      const update: FakeApi['update'] = async (resource, object, options) => {
        if (frozen.has(identity)) throw new ApiError(503, 'ServiceUnavailable', 'cut off');
        return api.update(resource, object, options);
      };
      const client: ApiClient = {
        get: (resource, key) => api.get(resource, key),
        list: (resource, options) => api.list(resource, options),
        create: (resource, object, options) => api.create(resource, object, options),
        update,
        updateStatus: (resource, object) => api.updateStatus(resource, object),
        patch: (...parameters) => api.patch(...parameters),
        delete: (resource, key, options) => api.delete(resource, key, options),
        watch: (resource, options) => api.watch(resource, options),
        close: () => undefined,
      };
      void runLeaderElection(
        {
          client,
          name: 'test',
          identity,
          clock,
          log,
          lead: async ({ signal }) => {
            leading.add(identity);
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            leading.delete(identity);
          },
        },
        stop.signal,
      );
      return stop;
    };
    const passTime = async (ms: number): Promise<void> => {
      for (let past = 0; past < ms; past += 100) {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        clock.advance(100);
        expect(leading.size).toBeLessThanOrEqual(1);
      }
    };
    start('a');
    await passTime(200);
    const stopB = start('b');
    await passTime(2000);
    expect([...leading]).toEqual(['a']);
    frozen.add('a');
    await passTime(8000);
    expect([...leading]).toEqual(['b']);
    frozen.delete('a');
    stopB.abort();
    await passTime(1500);
    expect([...leading]).toEqual(['a']);
  });
});

describe('fail-over between masters', () => {
  const servers: GrpcServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  async function master(name: string, onCreate: () => void): Promise<string> {
    const server = createGrpcServer({ log });
    const refuse = (): never => {
      throw new GrpcError(Code.Unimplemented, 'not in this test');
    };
    server.addService(ResourcesDefinition, {
      get: () => ({ object: Buffer.from(JSON.stringify({ metadata: { name } })) }),
      create: () => {
        onCreate();
        return new Promise(() => undefined);
      },
      update: refuse,
      patch: refuse,
      delete: refuse,
      deleteCollection: refuse,
      list: refuse,
      watch: refuse,
    });
    servers.push(server);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    return `127.0.0.1:${port}`;
  }

  test('a dead master is passed over, and a write of unknown outcome is not repeated', async () => {
    let creates = 0;
    const first = await master('first', () => {
      creates += 1;
      void servers[0]?.close({ graceMs: 0 });
    });
    const second = await master('second', () => {
      creates += 1;
    });
    const client = createApiClient({
      servers: ['127.0.0.1:1', first, second],
      log,
      clock: systemClock(),
    });
    const got = await client.get<KubeObject>(resources.pods, { namespace: 'a', name: 'x' });
    expect(got.metadata.name).toBe('first');
    await expect(
      client.create<KubeObject>(resources.pods, { metadata: { name: 'x', namespace: 'a' } }),
    ).rejects.toMatchObject({ name: 'ApiError', reason: 'ServiceUnavailable', definite: false });
    const next = await client.get<KubeObject>(resources.pods, { namespace: 'a', name: 'x' });
    expect(next.metadata.name).toBe('second');
    client.close();
    expect(creates).toBe(1);
  });
});
