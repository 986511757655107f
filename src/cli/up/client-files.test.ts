import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ManualClock } from '../../lib/clock.js';
import { validityOf } from '../../lib/pki/validity.js';
import { createClusterKeys, createMasterCertificates } from '../../master/cluster/pki.js';
import { defaultSettings } from '../../master/cluster/settings.js';
import { writeClientFiles } from './client-files.js';
import type { Layout } from './hosts.js';

const dayMs = 86_400_000;
let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'trireme-client-files-'));
});

afterEach(() => rmSync(home, { recursive: true }));

interface Written {
  readonly clusters: readonly {
    readonly name: string;
    readonly cluster: { readonly server: string };
  }[];
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string } }[];
}

const read = (): Written => parse(readFileSync(join(home, 'kubeconfig'), 'utf8')) as Written;

/** When the certificate in the kubeconfig ends. */
function endMs(): number {
  const [user] = read().users;
  return validityOf(Buffer.from(user?.user['client-certificate-data'] ?? '', 'base64')).toMs;
}

async function layout(clock: ManualClock, network: Layout['network']): Promise<Layout> {
  const directory = join(home, 'master-1', 'pki');
  await createClusterKeys(directory, clock);
  const own = { directory, name: 'master-1', hosts: [], settings: defaultSettings, clock };
  await createMasterCertificates(own);
  const extraArguments = { master: [], worker: [] };
  return { home, masters: 2, workers: 0, runtime: 'process', network, extraArguments };
}

test('a context for all masters through the gateway, one for each, and what etcdctl needs', async () => {
  const clock = new ManualClock();
  const network = { bridge: 'tri0000', prefix: '10.88.3' };
  const made = await layout(clock, network);
  await writeClientFiles(made, join(made.home, 'master-1', 'pki'), clock);
  expect(read().clusters.map(({ name, cluster }) => `${name} ${cluster.server}`)).toEqual([
    'trireme https://10.88.3.1:6443',
    'master-1 https://10.88.3.11:6443',
    'master-2 https://10.88.3.12:6443',
  ]);
  const pki = join(home, 'master-1', 'pki');
  expect(readFileSync(join(home, 'etcd.env'), 'utf8')).toBe(
    [
      `export ETCDCTL_API='3'`,
      `export ETCDCTL_ENDPOINTS='https://10.88.3.11:2379,https://10.88.3.12:2379'`,
      `export ETCDCTL_CACERT='${pki}/etcd-ca.crt'`,
      `export ETCDCTL_CERT='${pki}/apiserver-etcd-client.crt'`,
      `export ETCDCTL_KEY='${pki}/apiserver-etcd-client.key'`,
      '',
    ].join('\n'),
  );
  for (const file of ['kubeconfig', 'etcd.env']) {
    expect(statSync(join(home, file)).mode & 0o777).toBe(0o600);
  }
});

test('without a gateway the first master is the one for kubectl', async () => {
  const clock = new ManualClock();
  const made = await layout(clock, undefined);
  await writeClientFiles(made, join(made.home, 'master-1', 'pki'), clock);
  expect(read().clusters.map(({ cluster }) => cluster.server)).toEqual([
    'https://127.0.0.1:6443',
    'https://127.0.0.1:6443',
    'https://127.0.0.1:7443',
  ]);
});

test('an administrator whose certificate has less than a third of its year left gets another', async () => {
  const clock = new ManualClock();
  const plan = await layout(clock, undefined);
  await writeClientFiles(plan, join(plan.home, 'master-1', 'pki'), clock);
  const firstMs = endMs();
  clock.advance(240 * dayMs);
  await writeClientFiles(plan, join(plan.home, 'master-1', 'pki'), clock);
  expect(endMs()).toBe(firstMs);
  clock.advance(10 * dayMs);
  await writeClientFiles(plan, join(plan.home, 'master-1', 'pki'), clock);
  expect(endMs()).toBe(firstMs + 250 * dayMs);
});
