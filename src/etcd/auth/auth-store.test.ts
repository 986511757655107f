import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Permission_Type } from '../../gen/etcd/auth.js';
import type { Permission } from '../../gen/etcd/auth.js';
import { ManualClock } from '../../lib/clock.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { AuthStore } from './auth-store.js';
import { hashPassword, verifyPassword } from './password.js';
import { JwtTokens, SimpleTokens } from './tokens.js';

let directory = '';
let clock = new ManualClock();
let backend: SqliteBackend;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-auth-'));
  clock = new ManualClock();
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
});

afterEach(() => {
  backend.abandon();
  rmSync(directory, { recursive: true });
});

const withPassword = { noPassword: false };

function permission(key: string, end = '', type: Permission['permType'] = 2): Permission {
  return { permType: type, key: Buffer.from(key), rangeEnd: Buffer.from(end) };
}

/** A store with root and auth switched on. */
function guarded(tokens?: SimpleTokens): AuthStore {
  const store = new AuthStore(backend, tokens);
  store.addUser('root', 'h', withPassword);
  store.addRole('root');
  store.grantRole('root', 'root');
  store.enable();
  return store;
}

describe('guard rails', () => {
  test('auth needs a root user with the root role', () => {
    const store = new AuthStore(backend);
    expect(() => store.enable()).toThrow('etcdserver: root user does not exist');
    store.addUser('root', 'h', withPassword);
    expect(() => store.enable()).toThrow('etcdserver: root user does not have root role');
    store.grantRole('root', 'root');
    store.enable();
    expect(store.enabled).toBe(true);
    store.enable();
    expect(store.revision).toBe(3);
  });

  test('while it is on, root stays root', () => {
    const store = guarded();
    const refused = 'etcdserver: invalid auth management';
    expect(() => store.deleteUser('root')).toThrow(refused);
    expect(() => store.deleteRole('root')).toThrow(refused);
    expect(() => store.revokeRole('root', 'root')).toThrow(refused);
    store.disable();
    store.deleteRole('root');
    expect(store.user('root').roles).toEqual([]);
  });

  test('names that are empty, taken or unknown', () => {
    const store = new AuthStore(backend);
    store.addUser('u', 'h', withPassword);
    store.addRole('r');
    expect(() => store.addUser('', 'h', withPassword)).toThrow('etcdserver: user name is empty');
    expect(() => store.addUser('u', 'h', withPassword)).toThrow(
      'etcdserver: user name already exists',
    );
    expect(() => store.addRole('')).toThrow('etcdserver: role name is empty');
    expect(() => store.addRole('r')).toThrow('etcdserver: role name already exists');
    expect(() => store.user('x')).toThrow('etcdserver: user name not found');
    expect(() => store.grantRole('u', 'x')).toThrow('etcdserver: role name not found');
    expect(() => store.revokeRole('u', 'r')).toThrow('etcdserver: role is not granted to the user');
    expect(() => store.grantPermission('r', undefined)).toThrow('etcdserver: permission not given');
    expect(() => store.grantPermission('r', permission('b', 'a'))).toThrow(
      'etcdserver: invalid auth management',
    );
    expect(() => store.revokePermission('r', permission('a'))).toThrow(
      'etcdserver: permission is not granted to the role',
    );
    expect(() => store.userToAuthenticate('u')).toThrow(
      'etcdserver: authentication is not enabled',
    );
  });
});

describe('permissions', () => {
  test('a range must be covered by the union of what all roles grant', () => {
    const store = guarded();
    store.addUser('u', 'h', withPassword);
    for (const role of ['low', 'high']) {
      store.addRole(role);
      store.grantRole('u', role);
    }
    store.grantPermission('low', permission('a', 'c', Permission_Type.READ));
    store.grantPermission('high', permission('c', 'f', Permission_Type.READWRITE));
    store.grantPermission('high', permission('k'));
    const allowed = (access: 'read' | 'write', key: string, end = ''): boolean => {
      try {
        const info = { username: 'u', revision: store.revision };
        store.checkRange(info, access, { key, end });
        return true;
      } catch (error) {
        expect(error).toMatchObject({ message: 'etcdserver: permission denied' });
        return false;
      }
    };
    expect(allowed('read', 'a', 'f')).toBe(true);
    expect(allowed('read', 'a', 'g')).toBe(false);
    expect(allowed('write', 'a')).toBe(false);
    expect(allowed('write', 'c', 'd')).toBe(true);
    expect(allowed('write', 'k')).toBe(true);
    expect(allowed('read', 'k', 'k\0')).toBe(true);
    expect(allowed('read', 'k', 'l')).toBe(false);
    expect(allowed('read', 'c', '\0')).toBe(false);
    store.grantPermission('high', permission('c', '\0', Permission_Type.READ));
    expect(allowed('read', 'a', '\0')).toBe(true);
    store.grantPermission('high', permission('c', 'f', Permission_Type.READ));
    expect(allowed('write', 'c')).toBe(false);
    expect(store.rolePermissions('high')).toHaveLength(3);
    store.deleteRole('high');
    expect(allowed('read', 'k')).toBe(false);
  });

  test('who is nobody, comes late, or is root', () => {
    const store = guarded();
    const range = { key: 'a', end: '' };
    expect(() => store.checkRange(undefined, 'read', range)).toThrow(
      'etcdserver: user name is empty',
    );
    const old = { username: 'root', revision: store.revision - 1 };
    expect(() => store.checkRange(old, 'read', range)).toThrow(
      'etcdserver: revision of auth store is old',
    );
    store.checkRange({ username: 'root', revision: store.revision }, 'write', {
      key: '',
      end: '\0',
    });
    store.checkAdmin({ username: 'root', revision: 0 });
    expect(() => store.checkAdmin({ username: 'x', revision: 9 })).toThrow(
      'etcdserver: permission denied',
    );
    store.disable();
    store.checkRange(undefined, 'write', range);
  });
});

test('all of it survives a restart', async () => {
  const store = guarded();
  store.addUser('ü', '', { noPassword: true });
  store.addRole('r');
  store.grantPermission('r', permission('a', 'b'));
  store.grantRole('ü', 'r');
  await backend.close();
  backend = SqliteBackend.open(join(directory, 'db'), { clock, thread: false });
  const again = new AuthStore(backend);
  expect([again.enabled, again.revision]).toEqual([true, store.revision]);
  expect(again.userNames()).toEqual(['root', 'ü']);
  expect(again.user('ü')).toEqual(store.user('ü'));
  expect(again.rolePermissions('r')).toEqual(store.rolePermissions('r'));
  expect(() => again.userToAuthenticate('ü')).toThrow(
    'auth: authentication failed, password was given for no password user',
  );
});

test('passwords', async () => {
  const hashed = await hashPassword('secret');
  expect(hashed).not.toContain('secret');
  expect(await verifyPassword('secret', hashed)).toBe(true);
  expect(await verifyPassword('Secret', hashed)).toBe(false);
  expect(await verifyPassword('secret', 'plain')).toBe(false);
});

test('who is signed in stays so when a role goes', () => {
  const tokens = new SimpleTokens(clock, 1000);
  const store = guarded(tokens);
  store.addUser('u', 'h', withPassword);
  store.addRole('r');
  store.grantRole('u', 'r');
  const token = `${tokens.newPrefix()}.17`;
  tokens.assign(token, 'u');
  store.deleteRole('r');
  expect([tokens.usernameOf(token), store.user('u').roles]).toEqual(['u', []]);
});

test('simple tokens live as long as they are used and end with their user', () => {
  const tokens = new SimpleTokens(clock, 1000);
  const store = guarded(tokens);
  store.addUser('u', 'h', withPassword);
  const token = `${tokens.newPrefix()}.17`;
  expect(token).toMatch(/^[a-zA-Z]{16}\.17$/);
  expect([tokens.indexOf(token), tokens.indexOf('x')]).toEqual([17, undefined]);
  tokens.assign(token, 'u');
  for (let round = 0; round < 3; round++) {
    clock.advance(900);
    expect(tokens.usernameOf(token)).toBe('u');
  }
  clock.advance(1000);
  expect(tokens.usernameOf(token)).toBeUndefined();
  tokens.assign(token, 'u');
  store.changePassword('u', 'h2');
  expect(tokens.usernameOf(token)).toBeUndefined();
});

test('JWTs are verified, expire, and belong to their key', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options = { clock, signMethod: 'ES256', verifyKey: publicKey, ttlMs: 60_000 };
  const tokens = new JwtTokens({ ...options, signKey: privateKey });
  const info = { username: 'u', revision: 7 };
  const token = (await tokens.sign(info)) ?? '';
  expect(await tokens.verify(token)).toEqual(info);
  expect(await new JwtTokens(options).verify(token)).toEqual(info);
  expect(await new JwtTokens(options).sign(info)).toBeUndefined();
  expect(await tokens.verify(`${token.slice(0, -4)}AAAA`)).toBeUndefined();
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  expect(
    await new JwtTokens({ ...options, verifyKey: other.publicKey }).verify(token),
  ).toBeUndefined();
  clock.advance(61_000);
  expect(await tokens.verify(token)).toBeUndefined();
});
