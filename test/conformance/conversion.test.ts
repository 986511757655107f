/** Custom resources of several versions, converted by a webhook or by none, at a running API server. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { WatchEventType } from '../../src/gen/apiserver.js';
import { systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { DoorAnswer, Identity } from '../security/two-doors.js';
import { TwoDoors } from '../security/two-doors.js';

interface Custom {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
}

interface Review {
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly Custom[];
  };
}

type Response = (review: Review) => object;

/** v1 has `hostPort: "a:1"`, v2 has `host: "a"` and `port: "1"`. */
function convert(object: Custom, apiVersion: string): Custom {
  const { spec = {} } = object;
  if (apiVersion.endsWith('/v2')) {
    const [host = '', port = ''] = String(spec['hostPort']).split(':');
    return { ...object, apiVersion, spec: { host, port } };
  }
  const hostPort = `${String(spec['host'])}:${String(spec['port'])}`;
  return { ...object, apiVersion, spec: { hostPort } };
}

const success: Response = ({ request: { uid, desiredAPIVersion, objects } }) => ({
  uid,
  result: { status: 'Success' },
  convertedObjects: objects.map((object) => convert(object, desiredAPIVersion)),
});

describe('versions of custom resources', () => {
  let doors: TwoDoors;
  let admin: Identity;
  let hooks: https.Server;
  let url = '';
  let caBundle = '';
  let respond: Response = success;
  const reviews: Review['request'][] = [];

  beforeAll(async () => {
    doors = await TwoDoors.start();
    admin = await doors.identity('admin', 'system:masters');
    const clock = systemClock();
    const ca = await createCertificateAuthority({ commonName: 'hooks', clock });
    const subject = { commonName: 'hook', hosts: ['127.0.0.1'], usages: ['server'] as const };
    caBundle = Buffer.from(ca.cert).toString('base64');
    hooks = https.createServer(
      await issueCertificate({ ca, clock, subject }),
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
          reviews.push(review.request);
          const head = { kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' };
          response.end(JSON.stringify({ ...head, response: respond(review) }));
        });
      },
    );
    await new Promise<void>((resolve) => {
      hooks.listen(0, '127.0.0.1', resolve);
    });
    url = `https://127.0.0.1:${(hooks.address() as AddressInfo).port}/convert`;
    await define('gadgets', 'Gadget', {
      strategy: 'Webhook',
      webhook: { clientConfig: { url, caBundle }, conversionReviewVersions: ['v2', 'v1'] },
    });
    await define('plains', 'Plain', { strategy: 'None' });
  }, 60_000);

  afterAll(async () => {
    hooks.closeAllConnections();
    hooks.close();
    await doors.stop();
  });

  const ask = (method: string, path: string, body?: unknown, type = ''): Promise<DoorAnswer> =>
    doors.rest(admin, method, path, {
      body,
      ...(type === '' ? {} : { headers: { 'content-type': type } }),
    });

  async function define(plural: string, kind: string, conversion: object): Promise<void> {
    const text = { type: 'string' };
    const schema = (properties: object): object => ({
      openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
    });
    const made = await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `${plural}.example.com` },
      spec: {
        group: 'example.com',
        names: { plural, kind, singular: kind.toLowerCase() },
        scope: 'Namespaced',
        conversion,
        versions: [
          { name: 'v1', served: true, storage: true, schema: schema({ hostPort: text }) },
          {
            name: 'v2',
            served: true,
            storage: false,
            schema: schema({ host: text, port: text, extra: { ...text, default: 'x' } }),
            selectableFields: [{ jsonPath: '.spec.host' }],
          },
        ],
      },
    });
    expect(made.message).toBe('');
    for (let code = 404; code !== 200; code = (await ask('GET', of('v2', plural))).code);
  }

  const of = (version: string, plural = 'gadgets'): string =>
    `/apis/example.com/${version}/namespaces/default/${plural}`;
  const body = (version: string, name: string, spec: object, kind = 'Gadget'): object => ({
    apiVersion: `example.com/${version}`,
    kind,
    metadata: { name },
    spec,
  });
  const read = ({ text }: DoorAnswer): Custom => JSON.parse(text) as Custom;
  const specs = ({ text }: DoorAnswer): unknown[] =>
    (JSON.parse(text) as { items: Custom[] }).items.map(({ spec }) => spec);

  test('what is written in one version is read in every one', async () => {
    const made = await ask('POST', of('v2'), body('v2', 'a', { host: 'h', port: '1' }));
    expect([made.code, read(made)]).toMatchObject([
      201,
      { apiVersion: 'example.com/v2', spec: { host: 'h', port: '1' } },
    ]);
    const old = read(await ask('GET', `${of('v1')}/a`));
    expect(old).toMatchObject({ apiVersion: 'example.com/v1', spec: { hostPort: 'h:1' } });
    expect(old.metadata['uid']).toBe(read(made).metadata['uid']);
    expect(specs(await ask('GET', of('v2')))).toEqual([{ host: 'h', port: '1' }]);
    expect(specs(await ask('GET', of('v1')))).toEqual([{ hostPort: 'h:1' }]);
  });

  test('the store holds the stored version, and readers share one call', async () => {
    const { kvs } = await doors.store.range({
      start: '/registry/example.com/gadgets/',
      end: '/registry/example.com/gadgets0',
      limit: 10,
    });
    expect(JSON.parse(kvs[0]?.value.toString() ?? '')).toMatchObject({
      apiVersion: 'example.com/v1',
      spec: { hostPort: 'h:1' },
    });
    await ask('GET', `${of('v2')}/a`);
    const asked = reviews.length;
    await Promise.all([ask('GET', `${of('v2')}/a`), ask('GET', of('v2')), ask('GET', of('v1'))]);
    expect(reviews).toHaveLength(asked);
  });

  test('updates, patches and applies see their own version', async () => {
    const path = `${of('v2')}/a`;
    const present = read(await ask('GET', path));
    const put = await ask('PUT', path, { ...present, spec: { host: 'h', port: '2' } });
    expect([put.code, read(put).spec]).toEqual([200, { host: 'h', port: '2' }]);
    const merged = await ask(
      'PATCH',
      path,
      { spec: { host: 'g' } },
      'application/merge-patch+json',
    );
    expect(read(merged).spec).toEqual({ host: 'g', port: '2' });
    const applied = await ask(
      'PATCH',
      `${path}?fieldManager=test&force=true`,
      body('v2', 'a', { port: '3' }),
      'application/apply-patch+yaml',
    );
    expect([applied.code, read(applied).spec]).toEqual([200, { host: 'g', port: '3' }]);
    expect(read(await ask('GET', `${of('v1')}/a`)).spec).toEqual({ hostPort: 'g:3' });
    const dry = await ask('POST', `${of('v2')}?dryRun=All`, body('v2', 'dry', { host: 'd' }));
    expect([dry.code, read(dry).spec]).toEqual([201, { host: 'd', extra: 'x' }]);
  });

  test('watches tell every change in their version, in order', async () => {
    const list = JSON.parse((await ask('GET', of('v2'))).text) as { metadata: object };
    const { resourceVersion } = list.metadata as { resourceVersion: string };
    const events = watched(resourceVersion, 3);
    await ask('POST', of('v1'), body('v1', 'w', { hostPort: 'w:1' }));
    const merge = 'application/merge-patch+json';
    await ask('PATCH', `${of('v1')}/w`, { spec: { hostPort: 'w:2' } }, merge);
    await ask('DELETE', `${of('v1')}/w`);
    const told = (await events).map(({ type, object }) => [type, object.apiVersion, object.spec]);
    expect(told).toEqual([
      [WatchEventType.ADDED, 'example.com/v2', { host: 'w', port: '1' }],
      [WatchEventType.MODIFIED, 'example.com/v2', { host: 'w', port: '2' }],
      [WatchEventType.DELETED, 'example.com/v2', { host: 'w', port: '2' }],
    ]);
  });

  test('a watch ends with the error of its webhook', async () => {
    await ask('POST', of('v1'), body('v1', 'e', { hostPort: 'e:1' }));
    respond = ({ request }) => ({ uid: request.uid, result: { status: 'Failed', message: 'no' } });
    const [first] = await watched('', 1);
    respond = success;
    await ask('DELETE', `${of('v1')}/e`);
    expect(first).toMatchObject({
      type: WatchEventType.ERROR,
      object: { message: 'conversion webhook for example.com/v1, Kind=Gadget failed: no' },
    });
  });

  /** The first events of a watch of v2. */
  async function watched(
    resourceVersion: string,
    count: number,
  ): Promise<{ type: WatchEventType; object: Custom }[]> {
    const told: { type: WatchEventType; object: Custom }[] = [];
    const target = { group: 'example.com', version: 'v2', resource: 'gadgets' };
    const request = {
      ref: { ...target, namespace: 'default', name: '', subresource: '' },
      labelSelector: '',
      fieldSelector: '',
      resourceVersion,
      allowBookmarks: false,
    };
    for await (const { events } of doors.grpc(admin).watch(request)) {
      for (const { type, object } of events) {
        told.push({ type, object: JSON.parse(object.toString()) as Custom });
      }
      if (told.length >= count) break;
    }
    return told;
  }

  test('selectors see the version that is asked for; pages go on', async () => {
    for (const name of ['b', 'c', 'd']) {
      await ask('POST', of('v1'), body('v1', name, { hostPort: `${name}:1` }));
    }
    const chosen = await ask('GET', `${of('v2')}?fieldSelector=spec.host%3Dc`);
    expect(specs(chosen)).toEqual([{ host: 'c', port: '1' }]);
    const names: unknown[] = [];
    for (let token = ''; ;) {
      const page = await ask('GET', `${of('v2')}?limit=2&continue=${token}`);
      const { items, metadata } = JSON.parse(page.text) as {
        items: Custom[];
        metadata: { continue?: string };
      };
      names.push(items.map((item) => item.spec?.['host']));
      token = metadata.continue ?? '';
      if (token === '') break;
    }
    expect(names).toEqual([
      ['g', 'b'],
      ['c', 'd'],
    ]);
  });

  const failures: readonly (readonly [string, Response, string])[] = [
    [
      'a refusal',
      ({ request }) => ({ uid: request.uid, result: { status: 'Failed', message: 'no' } }),
      ' failed: no',
    ],
    [
      'no status',
      ({ request }) => ({ uid: request.uid, result: {} }),
      " failed: response.result.status was '', not 'Success'",
    ],
    [
      'too few',
      ({ request }) => ({
        uid: request.uid,
        result: { status: 'Success' },
        convertedObjects: [],
      }),
      ' returned 0 objects, expected 1',
    ],
    [
      'the wrong version',
      ({ request }) => ({
        uid: request.uid,
        result: { status: 'Success' },
        convertedObjects: request.objects,
      }),
      ' returned invalid object at index 0: invalid groupVersion ' +
        '(expected example.com/v2, received example.com/v1)',
    ],
    [
      'another name',
      (review) => altered(review, (metadata) => ({ ...metadata, name: 'other' })),
      ' returned invalid object: must have the same name: fresh != other',
    ],
    [
      'a label that is none',
      (review) => altered(review, (metadata) => ({ ...metadata, labels: { a: 1 } })),
      ' returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object',
    ],
  ];

  function altered({ request }: Review, change: (metadata: Custom['metadata']) => object): object {
    const convertedObjects = request.objects.map((object) => {
      const converted = convert(object, request.desiredAPIVersion);
      return { ...converted, metadata: change(converted.metadata) };
    });
    return { uid: request.uid, result: { status: 'Success' }, convertedObjects };
  }

  test.each(failures)('%s is an error', async (_name, response, text) => {
    await ask('POST', of('v1'), body('v1', 'fresh', { hostPort: 'f:1' }));
    respond = response;
    const failed = await ask('GET', `${of('v2')}/fresh`);
    const listed = await ask('GET', `${of('v2')}?fieldSelector=metadata.name%3Dfresh`);
    respond = success;
    const message = `conversion webhook for example.com/v1, Kind=Gadget${text}`;
    expect([failed.code, failed.message]).toEqual([500, message]);
    expect([listed.code, listed.message]).toEqual([500, message]);
    expect((await ask('GET', `${of('v2')}/fresh`)).code).toBe(200);
    await ask('DELETE', `${of('v1')}/fresh`);
  });

  test('a webhook changes labels and annotations, and no other metadata', async () => {
    await ask('POST', of('v1'), body('v1', 'm', { hostPort: 'm:1' }));
    respond = (review) =>
      altered(review, (metadata) => ({
        name: metadata['name'],
        namespace: metadata['namespace'],
        uid: metadata['uid'],
        labels: { made: 'up' },
        generation: 7,
      }));
    const got = read(await ask('GET', `${of('v2')}/m`));
    respond = success;
    expect(got.metadata).toMatchObject({ generation: 1, labels: { made: 'up' } });
    expect(got.metadata['creationTimestamp']).toBeDefined();
  });

  test('a write that cannot be converted is not stored', async () => {
    respond = ({ request }) => ({ uid: request.uid, result: { status: 'Failed', message: 'no' } });
    const refused = await ask('POST', of('v2'), body('v2', 'never', { host: 'h' }));
    respond = success;
    expect([refused.code, refused.message]).toEqual([
      500,
      'conversion webhook for example.com/v2, Kind=Gadget failed: no',
    ]);
    expect((await ask('GET', `${of('v1')}/never`)).code).toBe(404);
  });

  test('without a webhook fields of other versions are dropped, and only the stored one has defaults', async () => {
    const made = await ask('POST', of('v2', 'plains'), body('v2', 'p', { host: 'h' }, 'Plain'));
    expect([made.code, read(made).apiVersion, read(made).spec]).toEqual([
      201,
      'example.com/v2',
      {},
    ]);
    await ask('POST', of('v1', 'plains'), body('v1', 'q', { hostPort: 'q:1' }, 'Plain'));
    expect(read(await ask('GET', `${of('v2', 'plains')}/q`))).toMatchObject({
      apiVersion: 'example.com/v2',
      spec: {},
    });
    expect(read(await ask('GET', `${of('v1', 'plains')}/q`)).spec).toEqual({ hostPort: 'q:1' });
  });
});
