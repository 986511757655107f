/** Kubeconfigs and flags, as kubectl reads them. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GlobalValues } from './client-config.js';
import {
  kubeconfigPaths,
  loadKubeConfig,
  mergedKubeconfig,
  readKubeconfig,
} from './client-config.js';

let dir = '';
const environment = { ...process.env };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-kubeconfig-'));
  delete process.env['KUBECONFIG'];
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  process.env['KUBECONFIG'] = environment['KUBECONFIG'];
  if (environment['KUBECONFIG'] === undefined) delete process.env['KUBECONFIG'];
});

const flags = (more: Partial<GlobalValues> = {}): GlobalValues => ({
  kubeconfig: undefined,
  context: undefined,
  cluster: undefined,
  user: undefined,
  namespace: undefined,
  server: undefined,
  token: undefined,
  as: undefined,
  'as-group': [],
  'as-uid': undefined,
  'certificate-authority': undefined,
  'client-certificate': undefined,
  'client-key': undefined,
  'insecure-skip-tls-verify': undefined,
  'tls-server-name': undefined,
  'request-timeout': '0',
  v: 0,
  ...more,
});

function write(name: string, config: object | string): string {
  const path = join(dir, name);
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return path;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A file with the context `a`: cluster `c`, user `u`. */
const config = (more: {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
}): object => ({
  'current-context': 'a',
  clusters: [
    { name: 'c', cluster: { server: 'https://one:6443', ...more.cluster } },
    { name: 'd', cluster: { server: 'https://two:6443' } },
  ],
  contexts: [
    { name: 'a', context: { cluster: 'c', user: 'u', ...more.context } },
    { name: 'b', context: { cluster: 'd', user: 'v', namespace: 'far' } },
  ],
  users: [
    { name: 'u', user: { token: 'mine', ...more.user } },
    { name: 'v', user: { token: 'other' } },
  ],
});

describe('which files', () => {
  test('the flag is the only one', () => {
    process.env['KUBECONFIG'] = 'x:y';
    expect(kubeconfigPaths('z')).toEqual(['z']);
  });

  test.each([
    ['x:y', ['x', 'y']],
    [':x::y:', ['x', 'y']],
  ])('$KUBECONFIG lists them: %s', (value, paths) => {
    process.env['KUBECONFIG'] = value;
    expect(kubeconfigPaths(undefined)).toEqual(paths);
  });

  test('without both it is one of a home', () => {
    process.env['KUBECONFIG'] = '';
    expect(kubeconfigPaths(undefined)).toHaveLength(1);
    expect(kubeconfigPaths(undefined)[0]).toMatch(/kubeconfig$|\.kube\/config$/);
  });
});

describe('a file', () => {
  test.each([
    ['', {}],
    ['# a comment\n\n', {}],
    ['just words', {}],
    ['users: []', { users: [] }],
  ])('%j is read', (text, value) => {
    expect(readKubeconfig(write('f', text))).toEqual(value);
  });

  test('that is no YAML, or is not there, is named', () => {
    const path = write('f', 'a: [');
    expect(() => readKubeconfig(path)).toThrow(`error loading config file "${path}"`);
    const missing = join(dir, 'missing');
    expect(() => readKubeconfig(missing)).toThrow(`error loading config file "${missing}"`);
  });
});

describe('several files', () => {
  test('are one: of entries with a name, and of current contexts, the first counts', () => {
    const first = write('first', {
      clusters: [{ name: 'c', cluster: { server: 'https://first' } }],
      users: [{ name: 'u', user: { token: 'first' } }],
    });
    const second = write('second', config({ user: { token: 'second' } }));
    process.env['KUBECONFIG'] = `${first}:${join(dir, 'missing')}:${second}`;
    const merged = mergedKubeconfig(undefined);
    expect(merged['current-context']).toBe('a');
    expect(merged.clusters?.map(({ name }) => name)).toEqual(['c', 'd']);
    expect(loadKubeConfig(flags())).toMatchObject({
      servers: ['https://first'],
      headers: { authorization: 'Bearer first' },
    });
  });

  test('paths in entries are from the file that has them', () => {
    mkdirSync(join(dir, 'sub'));
    writeFileSync(join(dir, 'sub', 'token'), 'from a file\n');
    const path = write('sub/config', config({ user: { token: undefined, tokenFile: 'token' } }));
    expect(loadKubeConfig(flags({ kubeconfig: path })).headers).toEqual({
      authorization: 'Bearer from a file',
    });
  });

  test('a file of the flag that is not there is an error, one of $KUBECONFIG is none', () => {
    const missing = join(dir, 'missing');
    expect(() => mergedKubeconfig(missing)).toThrow('error loading config file');
    process.env['KUBECONFIG'] = missing;
    expect(mergedKubeconfig(undefined)).toMatchObject({ clusters: [], contexts: [], users: [] });
    expect(() => loadKubeConfig(flags())).toThrow('no cluster is known');
  });
});

describe('what is meant', () => {
  const load = (
    more: Partial<GlobalValues>,
    parts: Parameters<typeof config>[0] = {},
  ): ReturnType<typeof loadKubeConfig> =>
    loadKubeConfig(flags({ kubeconfig: write('f', config(parts)), ...more }));

  test.each<[string, Partial<GlobalValues>, string, string, string]>([
    ['the current context', {}, 'https://one:6443', 'default', 'mine'],
    ['another one', { context: 'b' }, 'https://two:6443', 'far', 'other'],
    ['another cluster', { cluster: 'd' }, 'https://two:6443', 'default', 'mine'],
    ['another user', { user: 'v' }, 'https://one:6443', 'default', 'other'],
    ['another namespace', { context: 'b', namespace: 'n' }, 'https://two:6443', 'n', 'other'],
    ['another server', { server: 'http://three:8080' }, 'http://three:8080', 'default', 'mine'],
    ['a server without a scheme', { server: 'three' }, 'https://three', 'default', 'mine'],
    ['another token', { token: 't' }, 'https://one:6443', 'default', 't'],
  ])('%s', (_, more, server, namespace, token) => {
    const loaded = load(more);
    expect(loaded.servers[0]).toBe(server);
    expect(loaded.namespace).toBe(namespace);
    expect(loaded.headers['authorization']).toBe(`Bearer ${token}`);
  });

  test.each<[Partial<GlobalValues>, string]>([
    [{ context: 'x' }, 'context "x" does not exist'],
    [{ cluster: 'x' }, 'cluster "x" does not exist'],
    [{ user: 'x' }, 'auth info "x" does not exist'],
  ])('%j is not there', (more, words) => {
    expect(() => load(more)).toThrow(words);
  });

  test('credentials as they stand, or in files', () => {
    const file = write('ca.crt', 'from a file');
    const embedded = load(
      {},
      {
        cluster: { 'certificate-authority-data': base64('ca'), 'certificate-authority': file },
        user: { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
      },
    );
    expect([embedded.ca, embedded.cert, embedded.key].map(String)).toEqual(['ca', 'cert', 'key']);
    expect(String(load({}, { cluster: { 'certificate-authority': 'ca.crt' } }).ca)).toBe(
      'from a file',
    );
    const byFlag = load(
      { 'certificate-authority': file },
      { cluster: { 'certificate-authority-data': base64('ca') } },
    );
    expect(String(byFlag.ca)).toBe('from a file');
  });

  test('how the server is checked', () => {
    const cluster = { 'insecure-skip-tls-verify': true, 'tls-server-name': 'name' };
    expect(load({})).toMatchObject({ insecure: false });
    expect(load({}, { cluster })).toMatchObject({ insecure: true, serverName: 'name' });
    const strict = { 'insecure-skip-tls-verify': false, 'tls-server-name': 'x' };
    expect(load(strict, { cluster })).toMatchObject({ insecure: false, serverName: 'x' });
  });

  test.each<[string, object, Partial<GlobalValues>, object]>([
    ['nobody', { token: undefined }, {}, {}],
    [
      'a password',
      { token: undefined, username: 'jane', password: 'pass:word' },
      {},
      { authorization: `Basic ${base64('jane:pass:word')}` },
    ],
    [
      'the token of a flag before a password',
      { token: undefined, username: 'jane', password: 'x' },
      { token: 't' },
      { authorization: 'Bearer t' },
    ],
    [
      'as somebody else with groups',
      { as: 'jane', 'as-uid': '7', 'as-groups': ['a'], 'as-user-extra': { 'x.y/z': ['1', '2'] } },
      {},
      {
        authorization: 'Bearer mine',
        'impersonate-user': 'jane',
        'impersonate-uid': '7',
        'impersonate-group': ['a'],
        'impersonate-extra-x.y%2Fz': ['1', '2'],
      },
    ],
    [
      'a token, where its file cannot be read',
      { tokenFile: '/nowhere/token' },
      {},
      { authorization: 'Bearer mine' },
    ],
    [
      'as somebody else',
      { as: 'from the file' },
      {},
      { authorization: 'Bearer mine', 'impersonate-user': 'from the file' },
    ],
    [
      'as whom the flags say',
      { as: 'from the file' },
      { as: 'jane', 'as-group': ['a', 'b'], 'as-uid': '7' },
      {
        authorization: 'Bearer mine',
        'impersonate-user': 'jane',
        'impersonate-group': ['a', 'b'],
        'impersonate-uid': '7',
      },
    ],
  ])('who asks: %s', (_, user, more, headers) => {
    expect(load(more, { user }).headers).toEqual(headers);
  });

  // What kubectl 1.32 says of the same files.
  test.each<[Parameters<typeof config>[0], string]>([
    [
      { user: { username: 'b', password: 'c' } },
      'more than one authentication method found for u; found [token basicAuth], only one is allowed',
    ],
    [
      { user: { 'as-groups': ['x'] } },
      'requesting uid, groups or user-extra for u without impersonating a user',
    ],
    [{ user: { 'client-certificate': '/nowhere' } }, 'unable to read /nowhere: '],
  ])('%j is refused', (parts, words) => {
    expect(() => load({}, parts)).toThrow(words);
  });

  test('a current context that is not in the file is named', () => {
    const kubeconfig = write('f', { ...config({}), 'current-context': 'x' });
    expect(() => loadKubeConfig(flags({ kubeconfig }))).toThrow(
      'context was not found for specified context: x',
    );
  });

  test('the file of a token counts before the token', () => {
    const tokenFile = write('token', 'newer\n');
    expect(load({}, { user: { tokenFile } }).headers).toEqual({ authorization: 'Bearer newer' });
  });

  test('a user that is not in the file is nobody, as to kubectl', () => {
    expect(load({}, { context: { user: 'nobody' } }).headers).toEqual({});
  });
});

describe('the other masters', () => {
  const servers = (list: readonly string[], server = 'https://one:6443'): readonly string[] => {
    const extension = { name: 'trireme.dev/grpc', extension: { servers: list } };
    const cluster = { server, extensions: [{ name: 'other' }, extension] };
    return loadKubeConfig(flags({ kubeconfig: write('f', config({ cluster })) })).servers;
  };

  test.each([
    [['one:6444'], ['https://one:6443']],
    [
      ['one:6444', 'two:7444'],
      ['https://one:6443', 'https://two:7443'],
    ],
    [['[fd00::1]:6444'], ['https://one:6443', 'https://[fd00::1]:6443']],
    [[], ['https://one:6443']],
  ])('of %j are %j', (list, expected) => {
    expect(servers(list)).toEqual(expected);
  });

  test('are asked in the way of the first', () => {
    expect(servers(['two:7444'], 'http://one:80')).toEqual(['http://one:80', 'http://two:7443']);
  });

  test('are not asked when a flag names a server', () => {
    const extension = { name: 'trireme.dev/grpc', extension: { servers: ['two:6444'] } };
    const kubeconfig = write('f', config({ cluster: { extensions: [extension] } }));
    expect(loadKubeConfig(flags({ kubeconfig, server: 'https://x' })).servers).toEqual([
      'https://x',
    ]);
  });
});

describe('credential plugins', () => {
  const plugin = (script: string, env: readonly object[] | null = null): object => ({
    token: undefined,
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', script],
      env,
    },
  });
  const load = (user: object): ReturnType<typeof loadKubeConfig> =>
    loadKubeConfig(flags({ kubeconfig: write('f', config({ user })) }));

  test('say a token, or a certificate with its key', () => {
    const status = { token: 't', clientCertificateData: 'cert', clientKeyData: 'key' };
    const loaded = load(plugin(`echo '${JSON.stringify({ status })}'`));
    expect(loaded.headers).toEqual({ authorization: 'Bearer t' });
    expect([loaded.cert, loaded.key].map(String)).toEqual(['cert', 'key']);
  });

  test('are told what is asked of them, and their own variables', () => {
    const script =
      'printf \'{"status":{"token":"%s %s"}}\' "$A" "$(echo $KUBERNETES_EXEC_INFO | tr -d \\")"';
    const { headers } = load(plugin(script, [{ name: 'A', value: 'b' }]));
    expect(headers['authorization']).toBe(
      'Bearer b {apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,spec:{interactive:false}}',
    );
  });

  test.each([
    ['that say nothing of use', 'echo {}', {}],
    ['that say no status', 'echo \'{"kind":"ExecCredential"}\'', {}],
  ])('%s leave nobody', (_, script, headers) => {
    expect(load(plugin(script)).headers).toEqual(headers);
  });

  test.each(['exit 3', 'echo no JSON'])('that fail (%s) are an error', (script) => {
    expect(() => load(plugin(script))).toThrow('getting credentials: exec: ');
  });
});
