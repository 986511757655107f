/** An API server that another one is behind: discovery, requests, watches and upgrades pass; who asks is told truly. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import * as https from 'node:https';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ConfigMap } from '../../src/api/types/core.js';
import { delay, systemClock } from '../../src/lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { KeyPair } from '../../src/lib/pki/certificates.js';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';
import type { Ran } from './lib/run-program.js';
import { runProgram } from './lib/run-program.js';
import { SampleServer } from './lib/sample-server.js';

const clock = systemClock();
const deadlineMs = 40_000;
const base = '/apis/sample.example.com/v1';
const widgets = `${base}/namespaces/default/widgets`;

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

(canRun ? describe : describe.skip)('aggregation', () => {
  let server: ApiserverHarness;
  let sample: SampleServer;
  let ca: KeyPair;

  /** Beside the event loop: the sample server runs on it. */
  function run(args: readonly string[], input = ''): Promise<Ran> {
    return runProgram('kubectl', args, { env: { KUBECONFIG: server.kubeconfig }, input });
  }

  const kubectl = (args: string, input = ''): Promise<Ran> => run(args.split(' '), input);

  function pair(): { cert: Buffer; key: Buffer } {
    const file = (name: string): Buffer => readFileSync(join(server.pki, name));
    return { cert: file('admin.crt'), key: file('admin.key') };
  }

  function request(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    identity: { cert?: Buffer; key?: Buffer } = pair(),
  ): Promise<Answer> {
    const options = { method, headers, ca: readFileSync(join(server.pki, 'ca.crt')), ...identity };
    return new Promise((resolve, reject) => {
      const sent = https.request(`${server.url}${path}`, options, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ code: response.statusCode ?? 0, text, headers: response.headers }),
        );
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const endMs = clock.monotonicMs() + deadlineMs;
    while (!(await holds())) {
      if (clock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}`);
      await delay(clock, 100);
    }
  }

  const apply = async (object: object): Promise<void> => {
    const ran = await run(['apply', '-f', '-'], JSON.stringify(object));
    if (ran.code !== 0) throw new Error(ran.err);
  };

  beforeAll(async () => {
    server = await startHarness();
    ca = await createCertificateAuthority({ commonName: 'sample-ca', clock });
    const subject = {
      commonName: 'sample',
      hosts: ['sample.default.svc'],
      usages: ['server'] as const,
    };
    const { cert, key } = await issueCertificate({ ca, subject, clock });
    const { out } = await kubectl(
      'get configmap -n kube-system extension-apiserver-authentication -o json',
    );
    const config = JSON.parse(out) as ConfigMap;
    sample = new SampleServer({
      cert,
      key,
      ca: config.data?.['requestheader-client-ca-file'] ?? '',
      allowedNames: JSON.parse(config.data?.['requestheader-allowed-names'] ?? '[]') as string[],
    });
    const port = await sample.listen();
    await apply({
      kind: 'Service',
      apiVersion: 'v1',
      metadata: { name: 'sample' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    });
    await apply({
      kind: 'APIService',
      apiVersion: 'apiregistration.k8s.io/v1',
      metadata: { name: 'v1.sample.example.com' },
      spec: {
        group: 'sample.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: Buffer.from(ca.cert).toString('base64'),
        service: { namespace: 'default', name: 'sample', port },
      },
    });
    const waited = await kubectl('wait apiservice/v1.sample.example.com --for=condition=Available');
    expect(waited).toMatchObject({ code: 0 });
  }, 90_000);

  afterAll(async () => {
    await sample?.stop();
    await server?.stop();
  }, 60_000);

  test('each group and version has its APIService, local ones too', async () => {
    await until('local APIServices', async () =>
      /v1\.apps +Local +True/.test((await kubectl('get apiservices')).out),
    );
    const { out } = await kubectl('get apiservices');
    expect(out).toMatch(/^NAME +SERVICE +AVAILABLE +AGE\n/);
    expect(out).toMatch(/^v1\. +Local +True/m);
    expect(out).toMatch(/^v1\.sample\.example\.com +default\/sample +True/m);
    expect(out).not.toContain('apiregistration');
    const label = await kubectl('get apiservice v1.apps -o jsonpath={.metadata.labels}');
    expect(label.out).toBe('{"kube-aggregator.kubernetes.io/automanaged":"onstart"}');
  });

  test('kubectl finds, makes, lists and deletes what the other server has', async () => {
    expect(
      (await kubectl('api-resources --api-group=sample.example.com --no-headers')).out,
    ).toMatch(/^widgets +wdg +sample\.example\.com\/v1 +true +Widget\n$/);
    const widget = { kind: 'Widget', apiVersion: 'sample.example.com/v1', metadata: { name: 'a' } };
    expect((await kubectl('create --validate=false -f -', JSON.stringify(widget))).out).toBe(
      'widget.sample.example.com/a created\n',
    );
    expect((await kubectl('get wdg -o name')).out).toBe('widget.sample.example.com/a\n');
    expect((await kubectl('get widget b')).err).toBe(
      'Error from server (NotFound): widgets.sample.example.com "b" not found\n',
    );
    expect((await kubectl('delete widget a --wait=false')).code).toBe(0);
    const asked = sample.askers.find(({ path }) => path === widgets);
    expect(asked).toMatchObject({
      user: 'kubernetes-admin',
      groups: 'system:masters, system:authenticated',
    });
  });

  test('discovery of both forms and OpenAPI have it', async () => {
    const groups = JSON.parse((await request('GET', '/apis')).text) as {
      groups: { name: string }[];
    };
    expect(groups.groups.map(({ name }) => name)).toContain('sample.example.com');
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const aggregated = JSON.parse((await request('GET', '/apis', { accept })).text) as {
      items: { metadata: { name: string }; versions: unknown }[];
    };
    const found = aggregated.items.find(({ metadata }) => metadata.name === 'sample.example.com');
    expect(found?.versions).toEqual([
      {
        version: 'v1',
        freshness: 'Current',
        resources: [
          expect.objectContaining({
            resource: 'widgets',
            scope: 'Namespaced',
            subresources: [expect.objectContaining({ subresource: 'exec', verbs: ['create'] })],
          }),
        ],
      },
    ]);
    const second = JSON.parse((await request('GET', '/openapi/v2')).text) as {
      paths: Record<string, unknown>;
      definitions: Record<string, unknown>;
    };
    expect(second.paths[`${base}/namespaces/{namespace}/widgets`]).toBeDefined();
    expect(second.paths['/apis/other.example.com/v1/']).toBeUndefined();
    expect(second.definitions['com.example.sample.v1.Widget']).toBeDefined();
    expect(second.definitions['Unused']).toBeUndefined();
    const third = (await request('GET', '/openapi/v3')).text;
    expect(third).toContain(
      `"apis/sample.example.com/v1":{"serverRelativeURL":"/openapi/v3${base}?hash=ABC"}`,
    );
    expect((await request('GET', `/openapi/v3${base}?hash=ABC`)).text).toContain(
      '"openapi":"3.0.0"',
    );
  });

  test('what a client says of who asks is not passed on', async () => {
    const headers = {
      'x-remote-user': 'system:apiserver',
      'x-remote-group': 'system:masters',
      'x-remote-extra-a': 'b',
      authorization: 'Bearer stolen',
    };
    sample.askers.length = 0;
    const { authorization: _, ...named } = headers;
    expect((await request('GET', widgets, named)).code).toBe(200);
    expect(sample.askers.map(({ user }) => user)).toEqual(['kubernetes-admin']);
    // Without a certificate they are nobody's word, here and behind.
    const nobody = await request('GET', widgets, named, {});
    expect(nobody.code).toBe(403);
    expect(nobody.text).toContain('User \\"system:anonymous\\" cannot list resource');
    expect((await request('GET', widgets, headers, {})).code).toBe(401);
    expect(sample.askers).toHaveLength(1);
    const self = await request('GET', '/api/v1/namespaces', named, {});
    expect(self.code).toBe(403);
  });

  test('a watch passes as it happens, and an upgrade joins both ends', async () => {
    const lines: string[] = [];
    const options = { ca: readFileSync(join(server.pki, 'ca.crt')), ...pair() };
    const watch = https.get(`${server.url}${widgets}?watch=1`, options, (response) => {
      response.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
      response.on('error', () => undefined);
    });
    watch.on('error', () => undefined);
    await until('the watch', () => sample.watcherCount === 1);
    const widget = { kind: 'Widget', apiVersion: 'sample.example.com/v1', metadata: { name: 'w' } };
    await kubectl('create --validate=false -f -', JSON.stringify(widget));
    await until('its event', () => lines.length === 1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'ADDED', object: { kind: 'Widget' } });
    watch.destroy();
    await until('its end', () => sample.watcherCount === 0);

    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const socket = await new Promise<Duplex>((resolve, reject) => {
      const path = `${widgets}/w/exec`;
      const sent = https.request(`${server.url}${path}`, { ...options, method: 'POST', headers });
      sent.on('upgrade', (_, upgraded) => resolve(upgraded));
      sent.on('response', ({ statusCode }) => reject(new Error(String(statusCode))));
      sent.on('error', reject);
      sent.end();
    });
    const echoed = new Promise<string>((resolve) =>
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    socket.write('hello');
    expect(await echoed).toBe('hello');
    socket.destroy();
  });

  test('a server that is away: 503, and the condition says why', async () => {
    const other = await createCertificateAuthority({ commonName: 'other', clock });
    const patch = { spec: { caBundle: Buffer.from(other.cert).toString('base64') } };
    await run([
      'patch',
      'apiservice',
      'v1.sample.example.com',
      '--type=merge',
      '-p',
      JSON.stringify(patch),
    ]);
    await until('the condition', async () =>
      (await kubectl('get apiservice v1.sample.example.com')).out.includes(
        'False (FailedDiscoveryCheck)',
      ),
    );
    const away = await request('GET', widgets);
    expect([away.code, away.text]).toEqual([503, 'service unavailable\n']);
    expect((await kubectl('get --raw /apis/sample.example.com')).out).toContain('"version":"v1"');
    await kubectl('delete service sample');
    await until('the other condition', async () =>
      (await kubectl('get apiservice v1.sample.example.com')).out.includes(
        'False (ServiceNotFound)',
      ),
    );
    await kubectl('delete apiservice v1.sample.example.com');
    expect((await request('GET', widgets)).code).toBe(404);
  });
});
