/**
 * The dashboard's door: its files are for everybody and hold nothing, what it shows is for those whose roles allow it.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'node:http2';
import * as https from 'node:https';
import { gunzipSync } from 'node:zlib';
import type { IdentityRig } from './lib/identity-rig.js';
import { startIdentityRig } from './lib/identity-rig.js';

let rig: IdentityRig;

interface Page {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Without credentials, as a browser asks. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Page> {
  const { restPort: port } = rig;
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, ca: rig.read('ca.crt') };
    const request = https.request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          code: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

/** The files that the page names. */
async function namedFiles(): Promise<string[]> {
  const { body } = await get('/ui/');
  return [...body.toString().matchAll(/(?:src|href)="(\/ui\/[^"]+)"/g)].map(
    ([, path = '']) => path,
  );
}

beforeAll(async () => {
  rig = await startIdentityRig();
}, 60_000);

afterAll(async () => {
  await rig.stop();
});

describe('the files', () => {
  test('are there for everybody, with their types', async () => {
    const page = await get('/ui/');
    expect(page.code).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const files = await namedFiles();
    expect(files.map((path) => path.replace(/-[A-Z0-9]{8}\./, '-HASH.')).toSorted()).toEqual([
      '/ui/icon.svg',
      '/ui/main-HASH.css',
      '/ui/main-HASH.js',
    ]);
    const types = await Promise.all(
      files.map(async (path) => (await get(path)).headers['content-type']),
    );
    expect(types.map(String).toSorted()).toEqual([
      'image/svg+xml',
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
    ]);
    expect(await get('/ui')).toMatchObject({ code: 301, headers: { location: '/ui/' } });
  });

  test('let a browser run and load nothing else, and be framed by nobody', async () => {
    for (const path of ['/ui/', ...(await namedFiles()), '/ui/none', '/ui']) {
      const { headers } = await get(path);
      const policy = String(headers['content-security-policy']);
      expect(policy).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/,
      );
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
    }
    const { body } = await get('/ui/');
    expect(body.toString()).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
  });

  test('are kept by browsers where their names have a hash, and asked for anew else', async () => {
    for (const path of await namedFiles()) {
      const { headers } = await get(path);
      const kept = path.includes('main-') ? 'public, max-age=31536000, immutable' : 'no-cache';
      expect(headers['cache-control']).toBe(kept);
    }
    const first = await get('/ui/');
    expect(first.headers['cache-control']).toBe('no-cache');
    const tag = String(first.headers['etag']);
    const again = await get('/ui/', { 'if-none-match': `"other", W/${tag}` });
    expect(again).toMatchObject({ code: 304, headers: { etag: tag } });
    expect(again.body).toHaveLength(0);
    expect(await get('/ui/', { 'if-none-match': '"other"' })).toMatchObject({ code: 200 });
  });

  test('come compressed to those that take it, and plain to others', async () => {
    for (const path of ['/ui/', ...(await namedFiles())]) {
      const plain = await get(path);
      const coded = await get(path, { 'accept-encoding': 'br, gzip' });
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(coded.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(coded.body)).toEqual(plain.body);
    }
    const head = await get('/ui/', {}, 'HEAD');
    expect(head).toMatchObject({ code: 200, body: Buffer.alloc(0) });
  });

  test('leave the connection of HTTP/2 open, as answers to strangers else do not', async () => {
    const session = connect(`https://127.0.0.1:${rig.restPort}`, { ca: rig.read('ca.crt') });
    const ask = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path });
        stream.on('response', (headers) => resolve(headers[':status'] ?? 0));
        stream.on('error', reject);
        stream.resume();
        stream.end();
      });
    try {
      for (const path of ['/ui/', ...(await namedFiles()), '/ui/'])
        expect(await ask(path)).toBe(200);
      expect(await ask('/version')).toBe(200);
      await new Promise<void>((resolve) => {
        if (session.closed) resolve();
        else session.once('close', resolve);
      });
    } finally {
      session.destroy();
    }
  });

  test('are those of the table, whatever a path looks like', async () => {
    const others = [
      '/ui/../api/v1/secrets',
      '/ui/%2e%2e/%2e%2e/etc/passwd',
      '/ui/..%2fpackage.json',
      '/ui//',
      '/ui/index.html',
      '/ui/icon.svg/',
      '/ui/__proto__',
      '/ui/constructor',
      '/uix',
    ];
    for (const path of others) {
      const { code, body } = await get(path);
      expect(code === 404 || code === 403 ? path : `${path}: ${code} ${body.toString()}`).toBe(
        path,
      );
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect(await get('/ui/', {}, method)).toMatchObject({
        code: 405,
        headers: { allow: 'GET, HEAD' },
      });
    }
  });
});

describe('the data', () => {
  test('is not for those who show no credentials', async () => {
    for (const path of ['/trireme/cluster', '/api/v1/pods', '/apis/apps/v1/deployments']) {
      expect(await rig.anybody.ask('GET', path)).toMatchObject({ code: 403 });
    }
    expect(await rig.anybody.ask('GET', '/trireme/cluster', { token: 'nonsense' })).toMatchObject({
      code: 401,
    });
  });

  test('of the masters is for those whose roles name the path', async () => {
    const ada = await rig.person('ada');
    expect(await ada.ask('GET', '/trireme/cluster')).toMatchObject({
      code: 403,
      message: 'forbidden: User "ada" cannot get path "/trireme/cluster"',
    });
    const meta = { metadata: { name: 'watches-masters' } };
    await rig.admin.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      body: { ...meta, rules: [{ nonResourceURLs: ['/trireme/cluster'], verbs: ['get'] }] },
    });
    await rig.admin.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: {
        ...meta,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...meta.metadata },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ada' }],
      },
    });
    const first = await firstLine('ada');
    expect(first).toMatchObject({ answeredBy: 'master-1', view: { ageMs: -1 } });
  });

  test('has cursors of its own form alone', async () => {
    for (const cursor of ['1', 'a:1:1', '1:1:1:1', '-1:1:1']) {
      expect(await rig.admin.ask('GET', `/trireme/cluster?cursor=${cursor}`)).toMatchObject({
        code: 400,
        message: `not a cursor, MEMBER:STARTED:SEQUENCE: "${cursor}"`,
      });
    }
    const many = Array.from({ length: 65 }, () => 'cursor=1:1:1').join('&');
    expect(await rig.admin.ask('GET', `/trireme/cluster?${many}`)).toMatchObject({ code: 400 });
  });
});

/** The first observation that somebody is told. */
async function firstLine(name: string): Promise<unknown> {
  const { pair } = await rig.person(name);
  const { restPort: port } = rig;
  return new Promise((resolve, reject) => {
    let said = '';
    const path = '/trireme/cluster?cursor=1:1:1';
    const options = { host: '127.0.0.1', port, path, ca: rig.read('ca.crt'), ...pair };
    const request = https.get(options, (response) => {
      response.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (!said.includes('\n')) return;
        resolve(JSON.parse(said.slice(0, said.indexOf('\n'))));
        request.destroy();
      });
      response.on('error', () => undefined);
    });
    request.on('error', reject);
  });
}
