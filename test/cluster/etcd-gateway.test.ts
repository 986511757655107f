/**
 * Faults that foreign programs found: refusals of the JSON gateway, and a member that moves to an unreachable address.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { freePorts, MemberProcess, run, TestCluster, waitFor } from './etcd-processes.js';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(3);
}, 60_000);

afterAll(async () => {
  await cluster.stop();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Record<string, unknown>;
}

async function call(
  path: string,
  body: string,
  options: { readonly at?: number; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${cluster.member(options.at ?? 0).clientUrl}/v3/${path}`, {
    method: 'POST',
    body,
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  });
  const json = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, json };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a request that is none', () => {
  test.each([
    ['an array', 'kv/put', '[]'],
    ['a string', 'kv/put', '"key"'],
    ['bytes that are no base64', 'kv/put', '{"key":"Z!!!","value":""}'],
    ['bytes cut short', 'kv/put', '{"key":"Zm9vY","value":""}'],
    ['wrong padding', 'kv/put', '{"key":"Zm8===","value":""}'],
    ['a number for bytes', 'kv/put', '{"key":"Zm8=","value":7}'],
    ['bytes deep inside', 'kv/txn', '{"success":[{"request_put":{"key":"*"}}]}'],
    ['a name of bytes', 'lock/lock', '{"name":"*"}'],
    ['no whole number', 'kv/range', '{"key":"Zm8=","limit":1.5}'],
    ['no number', 'kv/range', '{"key":"Zm8=","limit":"many"}'],
    ['no number for an id', 'lease/revoke', '{"ID":"x"}'],
    ['no value of an enum', 'kv/range', '{"key":"Zm8=","sort_order":"UPWARD"}'],
    ['half an object', 'kv/range', '{"key":'],
  ])('%s is 400, code 3', async (_what, path, body) => {
    const { status, json } = await call(path, body);
    expect({ status, code: json['code'] }).toEqual({ status: 400, code: 3 });
    expect(json['message']).toBe(json['error']);
  });

  test('base64 is taken with and without padding, in both alphabets', async () => {
    const key = Buffer.from([0xfb, 0xff]);
    for (const text of ['+/8=', '-_8=', '+/8', '-_8']) {
      expect((await call('kv/put', `{"key":"${text}","value":""}`)).status).toBe(200);
    }
    const { json } = await call('kv/range', `{"key":"${key.toString('base64')}"}`);
    expect(json['kvs']).toMatchObject([{ key: '+/8=', version: '4' }]);
  });
});

test('64-bit numbers come bare as well as quoted, and lose no digit', async () => {
  const ID = '7587893423219021311';
  const granted = await call('lease/grant', `{"TTL":60,"ID":${ID}}`);
  expect(granted.json['ID']).toBe(ID);
  const key = base64('"1234567890123456789');
  expect((await call('kv/put', `{"key":"${key}","lease":${ID}}`)).status).toBe(200);
  const seen = await call('lease/timetolive', `{"ID":"${ID}","keys":true}`);
  expect(seen.json).toMatchObject({ ID, grantedTTL: '60', keys: [key] });
  expect((await call('lease/revoke', `{"ID":${ID}}`)).status).toBe(200);
});

test.each(['-5', '9007199254740993', '-9223372036854775808'])(
  'a watch has the id that its client chose: %s',
  async (id) => {
    const key = base64(`chosen ${id}`);
    await call('kv/put', `{"key":"${key}","value":""}`);
    const abort = new AbortController();
    const response = await fetch(`${cluster.member(0).clientUrl}/v3/watch`, {
      method: 'POST',
      body: `{"create_request":{"key":"${key}","start_revision":2,"watch_id":${id}}}`,
      signal: abort.signal,
    });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.split('\n').length > 2) break;
    }
    abort.abort();
    const [created, events] = text.split('\n').map((line) => (line === '' ? {} : JSON.parse(line)));
    expect(created).toMatchObject({ result: { watch_id: id, created: true } });
    expect(events).toMatchObject({ result: { watch_id: id, events: [{}] } });
  },
);

test.each([
  ['x', 400, 3, 'invalid grpc-timeout: x'],
  ['1n', 504, 4, 'context deadline exceeded'],
])('a time of %s is answered with %d', async (timeout, status, code, message) => {
  const answer = await call('kv/range', `{"key":"YQ=="}`, { headers: { 'grpc-timeout': timeout } });
  expect(answer).toMatchObject({ status, json: { code, message } });
});

test('the version is read, not written', async () => {
  const response = await fetch(`${cluster.member(0).clientUrl}/version`, { method: 'POST' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
});

test('a deadline in the header ends a call that waits', async () => {
  const name = base64('held');
  const held = await call('lock/lock', `{"name":"${name}"}`);
  const late = await call('lock/lock', `{"name":"${name}"}`, {
    headers: { 'grpc-timeout': '200m' },
  });
  expect(late.status).toBe(504);
  expect(late.json).toMatchObject({ code: 4, message: 'context deadline exceeded' });
  await call('lock/unlock', `{"key":"${String(held.json['key'])}"}`);
  // A client that gave up keeps nobody else from the lock.
  const next = await call('lock/lock', `{"name":"${name}"}`);
  expect(next.status).toBe(200);
});

test('errors of the lock and election services come without a code of their own, as from etcd', async () => {
  for (const path of ['election/proclaim', 'election/resign']) {
    const { status, json } = await call(path, '{}');
    expect({ status, ...json }).toMatchObject({
      status: 500,
      code: 2,
      message: '"leader" field must be provided',
    });
  }
  const name = base64('who');
  for (const path of ['election/campaign', 'lock/lock']) {
    const { status, json } = await call(path, `{"name":"${name}","lease":"999"}`);
    expect({ status, ...json }).toMatchObject({
      status: 500,
      code: 2,
      message: 'etcdserver: requested lease not found',
    });
  }
});

test('pages of other origins may call', async () => {
  const { headers } = await call('kv/range', '{"key":"Zm8="}');
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('grpc-metadata-content-type')).toBe('application/grpc');
  const url = `${cluster.member(0).clientUrl}/v3/kv/put`;
  const preflight = await fetch(url, { method: 'OPTIONS' });
  expect(preflight.status).toBe(200);
  expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
});

test('a member that moves to an address where nobody listens stays in the cluster while it runs', async () => {
  const { json } = await call('cluster/member/list', '{"linearizable":true}');
  const members = json['members'] as { ID: string; name: string; peerURLs: string[] }[];
  const [nowhere] = await freePorts(1);
  const status = await call('maintenance/status', '{}');
  // Once a follower and once the leader moves: neither is cut off.
  const leader = members.find(({ ID }) => ID === status.json['leader']);
  const follower = members.find(({ ID }) => ID !== status.json['leader']);
  for (const member of [follower, leader]) {
    if (member === undefined) throw new Error('the leader is a member');
    const moved = JSON.stringify({ ID: member.ID, peerURLs: [`http://127.0.0.1:${nowhere}`] });
    expect((await call('cluster/member/update', moved)).status).toBe(200);
    for (const at of [0, 1, 2]) {
      const put = await call('kv/put', `{"key":"${base64(`moved-${at}`)}"}`, { at });
      expect(put.status).toBe(200);
      const list = await call('cluster/member/list', '{"linearizable":true}', { at });
      expect(list.json['members']).toContainEqual(
        expect.objectContaining({ ID: member.ID, peerURLs: [`http://127.0.0.1:${nowhere}`] }),
      );
    }
    const back = JSON.stringify({ ID: member.ID, peerURLs: member.peerURLs });
    expect((await call('cluster/member/update', back)).status).toBe(200);
  }
  const after = await call('maintenance/status', '{}');
  expect(after.json['leader']).toBe(status.json['leader']);
});

test.each([
  ['listen-client-urls', 'must be provided for client url https://127.0.0.1:1 with HTTPS scheme'],
  ['listen-metrics-urls', 'must be provided for metrics secure url'],
  ['listen-peer-urls', 'KeyFile and CertFile are not presented'],
])('--%s with https but no certificate is refused, not served in the clear', async (flag, text) => {
  const data = join(cluster.directory, 'never');
  const url = 'https://127.0.0.1:1';
  const args = ['bin/trireme', 'etcd', `--data-dir=${data}`, `--${flag}=${url}`];
  if (flag === 'listen-client-urls') args.push(`--advertise-client-urls=${url}`);
  const { code, stderr } = await run(process.execPath, args);
  expect(code).toBe(2);
  expect(stderr).toContain(text);
});

test('etcd gateway passes calls on to members that answer, and stops when asked', async () => {
  const [port, nobody] = await freePorts(2);
  const members = cluster.members.map(({ clientUrl }) => clientUrl);
  const endpoints = [`http://127.0.0.1:${nobody}`, ...members].join(',');
  const words = ['gateway', `--endpoints=${endpoints}`, 'start', `--listen-addr=127.0.0.1:${port}`];
  const gateway = spawn(process.execPath, ['bin/trireme', 'etcd', ...words], { stdio: 'pipe' });
  try {
    let log = '';
    gateway.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    await waitFor('the gateway', () => log.includes('ready to proxy client requests'));
    const body = JSON.stringify({ key: base64('through'), value: base64('it') });
    for (let count = 0; count < 2 * members.length; count++) {
      const url = `http://127.0.0.1:${port}/v3/kv/put`;
      const headers = { connection: 'close' };
      const answer = await fetch(url, { method: 'POST', body, headers });
      expect(answer.status).toBe(200);
    }
    expect(log).toContain('deactivated endpoint');
    const { json } = await call('kv/range', JSON.stringify({ key: base64('through') }));
    expect(json['kvs']).toMatchObject([{ value: base64('it'), version: '6' }]);
    const code = new Promise((resolve) => gateway.once('exit', resolve));
    gateway.kill('SIGTERM');
    expect(await code).toBe(0);
  } finally {
    gateway.kill('SIGKILL');
  }
});

test.each([
  [['gateway', 'start', '--endpoints=127.0.0.1:9', '--listen-addr=127.0.0.1:9'], 'own address'],
  [['grpc-proxy', 'start'], 'etcd grpc-proxy is not supported'],
])('etcd %j is refused', async (words, text) => {
  const { code, stderr } = await run(process.execPath, ['bin/trireme', 'etcd', ...words]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(text) });
});

test('a member whose port is taken ends', async () => {
  const [peerPort = 0] = await freePorts(1);
  const clientPort = Number(new URL(cluster.member(0).clientUrl).port);
  const { directory } = cluster;
  const program = [process.execPath, 'bin/trireme', 'etcd'];
  const member = new MemberProcess({ name: 'late', clientPort, peerPort, directory, program });
  member.start(`late=${member.peerUrl}`, ['--initial-cluster-token=late']);
  expect(await member.ended()).toBe(1);
}, 90_000);

test('a watch over WebSocket', async () => {
  const url = cluster.member(0).clientUrl.replace('http:', 'ws:');
  const client = new WebSocket(`${url}/v3/watch`);
  const messages: { result?: { created?: boolean; events?: { kv?: object }[] } }[] = [];
  client.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as (typeof messages)[number]);
  });
  client.on('open', () => {
    client.send(JSON.stringify({ create_request: { key: base64('by-socket') } }));
  });
  try {
    await waitFor('the watch is made', () => messages[0]?.result?.created === true);
    await call('kv/put', JSON.stringify({ key: base64('by-socket'), value: base64('it') }));
    await waitFor('the event', () => messages.length > 1);
    const event = messages[1]?.result?.events?.[0];
    expect(event?.kv).toMatchObject({ key: base64('by-socket'), value: base64('it') });
  } finally {
    client.terminate();
  }
});

test('what the process and Raft are at is told, and not changed', async () => {
  const url = `${cluster.member(0).clientUrl}/debug/vars`;
  const vars = (await (await fetch(url)).json()) as Record<string, object>;
  expect(vars['raft.status']).toMatchObject({ raftState: expect.stringMatching(/^State/) });
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
});

test('members that speak to each other over sockets in the file system', async () => {
  const clientPorts = await freePorts(2);
  const { directory } = cluster;
  const program = [process.execPath, 'bin/trireme', 'etcd'];
  const pair = clientPorts.map((clientPort, at) => {
    const name = `unix${at}`;
    const peerUrl = `unix://${join(directory, `${name}.sock`)}`;
    return new MemberProcess({ name, clientPort, peerPort: 0, peerUrl, directory, program });
  });
  const initialCluster = pair.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  try {
    for (const member of pair) member.start(initialCluster, ['--initial-cluster-token=unix']);
    const body = JSON.stringify({ key: base64('k'), value: base64('v') });
    for (const { clientUrl, name } of pair) {
      await waitFor(`${name} takes a write`, async () => {
        const put = fetch(`${clientUrl}/v3/kv/put`, { method: 'POST', body });
        return put.then(
          ({ ok }) => ok,
          () => false,
        );
      });
    }
  } finally {
    await Promise.all(pair.map((member) => member.stop()));
  }
}, 30_000);

describe('ports of their own', () => {
  let apart: TestCluster;
  let httpUrl = '';
  let metricsUrl = '';

  beforeAll(async () => {
    const [http, metrics] = await freePorts(2);
    httpUrl = `http://127.0.0.1:${http}`;
    metricsUrl = `http://127.0.0.1:${metrics}`;
    const extra = [`--listen-client-http-urls=${httpUrl}`, `--listen-metrics-urls=${metricsUrl}`];
    apart = await TestCluster.start(1, { extra });
  }, 60_000);

  afterAll(async () => {
    await apart.stop();
  });

  test('with a port for HTTP the client port serves gRPC alone', async () => {
    const body = '{"key":"Zm8=","value":"YmE="}';
    const put = await fetch(`${httpUrl}/v3/kv/put`, { method: 'POST', body });
    expect(put.status).toBe(200);
    expect((await apart.ctl(['get', 'fo'])).stdout).toBe('fo\nba\n');
    const refused = await fetch(`${apart.member(0).clientUrl}/v3/kv/put`, { method: 'POST', body });
    expect(refused.status).toBe(415);
  });

  test('the port for metrics, which asks nobody for a certificate, serves no data', async () => {
    for (const path of ['/metrics', '/health', '/readyz', '/livez']) {
      expect((await fetch(`${metricsUrl}${path}`)).status).toBe(200);
    }
    for (const path of ['/v3/kv/range', '/v3/kv/put', '/v3beta/kv/range']) {
      const answer = await fetch(`${metricsUrl}${path}`, {
        method: 'POST',
        body: '{"key":"Zm8="}',
      });
      expect(answer.status).toBe(404);
    }
  });
});
