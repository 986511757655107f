import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { warnBeforeMs } from '../../lib/pki/expiry.js';
import { mustBePair } from '../../lib/pki/key-pair.js';
import { validityOf } from '../../lib/pki/validity.js';
import { keepMasterCertificates, renewBeforeMs } from './certificate-renewal.js';
import { certificateDays, createClusterKeys, createMasterCertificates } from './pki.js';
import { defaultSettings } from './settings.js';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Of one master, and what it renews. */
const names = [
  'apiserver',
  'apiserver-kubelet-client',
  'scheduler',
  'controller-manager',
  'admin',
  'etcd-server',
  'etcd-peer',
  'apiserver-etcd-client',
  'front-proxy-client',
];
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-renewal-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const read = (file: string): Buffer => readFileSync(join(directory, file));
const endOf = (name: string): number => validityOf(read(`${name}.crt`)).toMs;

/** Renewals by the hour. */
class Renewals {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly seen: (readonly string[])[] = [];
  readonly errors: string[] = [];
  readonly options = {
    directory,
    name: 'master-1',
    hosts: ['10.0.0.1'],
    settings: defaultSettings,
    clock: this.clock,
    log: {
      ...silentLogger,
      error: (_fields: object, message: string) => void this.errors.push(message),
    },
    onRenewed: async (renewed: readonly string[]) => void this.seen.push(renewed),
  };

  async start(): Promise<() => void> {
    await createClusterKeys(directory, this.clock);
    await createMasterCertificates(this.options);
    return keepMasterCertificates(this.options);
  }

  /** Lets the look of the next hour take place, at the end of the time. */
  async look(ms = hourMs): Promise<void> {
    this.clock.advance(ms);
    while (this.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

test('every certificate is made anew when a third of its time is left, and long before anybody warns', async () => {
  expect(renewBeforeMs).toBeGreaterThan(3 * warnBeforeMs);
  const renewals = new Renewals();
  const stop = await renewals.start();
  const firstEndMs = renewals.clock.nowMs() + certificateDays * dayMs;
  expect(names.map(endOf)).toEqual(names.map(() => firstEndMs));
  // As if years had passed since the cluster was made: what is signed begins with its authority.
  expect(validityOf(read('admin.crt')).fromMs).toBe(validityOf(read('ca.crt')).fromMs);
  const authorities = ['ca.crt', 'etcd-ca.crt', 'ca.key', 'sa.key'].map(read);
  await renewals.look(firstEndMs - renewBeforeMs - renewals.clock.nowMs() - hourMs);
  expect(renewals.seen).toEqual([]);
  await renewals.look();
  expect(renewals.seen).toEqual([names]);
  const secondEndMs = renewals.clock.nowMs() + certificateDays * dayMs;
  expect(names.map(endOf)).toEqual(names.map(() => secondEndMs));
  for (const name of names) mustBePair({ cert: read(`${name}.crt`), key: read(`${name}.key`) });
  // Joining machines pin the authority that comes with it.
  expect(read('apiserver.crt').toString()).toContain(read('ca.crt').toString());
  expect(['ca.crt', 'etcd-ca.crt', 'ca.key', 'sa.key'].map(read)).toEqual(authorities);
  await renewals.look();
  expect(renewals.seen.length).toBe(1);
  for (const file of await readdir(directory)) {
    expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
  }
  stop();
  expect(renewals.clock.pending).toBe(0);
});

test('only those that are due are made, and a failure is tried again', async () => {
  const renewals = new Renewals();
  const stop = await renewals.start();
  await renewals.look(200 * dayMs);
  const isAdmin = (name: string): Promise<boolean> => Promise.resolve(name === 'admin');
  await expect(createMasterCertificates(renewals.options, isAdmin)).resolves.toEqual(['admin']);
  rmSync(join(directory, 'ca.key'));
  await renewals.look(50 * dayMs);
  expect(renewals.seen).toEqual([]);
  expect(renewals.errors).toEqual(['certificates could not be renewed; tried again in an hour']);
  stop();
});
