/** The command lines that a master gives its components, as a golden file; `UPDATE=1` writes it anew. */
import { expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ApiserverThreadFlags } from '../components/apiserver.js';
import { componentSpecs } from './components.js';
import type { MasterState } from './join.js';
import { parseMasterOptions } from './options.js';

const golden = 'src/cli/testdata/components.txt';

function lines(words: readonly string[], state: Partial<MasterState> = {}): string[] {
  const options = parseMasterOptions(['--name=m1', '--data-dir=/data', ...words]);
  if (options === undefined) throw new Error('help was asked for');
  const specs = componentSpecs(options, {
    initialCluster: 'm1=https://10.0.0.1:2380',
    initialClusterState: 'new',
    clusterToken: 'trireme-m1',
    settings: options.settings,
    masters: [],
    storeEndpoints: [],
    ...state,
  });
  return specs.flatMap(({ name, argv }) => {
    if (name === 'etcd') return ['etcd', ...argv.map((word) => `  ${word}`)];
    const flags = JSON.parse(argv[0] ?? '') as Record<string, unknown>;
    return Object.entries(flags).flatMap(([part, value]) => {
      const isArguments = Array.isArray(value);
      if (!isArguments) return [`${name} ${part}: ${JSON.stringify(value)}`];
      return [`${name} ${part}`, ...value.map((word: string) => `  ${word}`)];
    });
  });
}

test('the components of a master', () => {
  const passed = ['--etcd-arg=--snapshot-count=9', '--apiserver-arg=--audit-log-path=/a'];
  const text = [
    '# One that others reach, with flags passed on.',
    ...lines(['--address=10.0.0.1', ...passed, '--scheduler-arg=--log-level=debug']),
    '# One alone on this machine, that joined, on other ports.',
    ...lines(
      ['--address=127.0.0.1', '--rest-port=7443', '--grpc-port=7444', '--etcd-client-port=3379'],
      { initialClusterState: 'existing', initialCluster: 'm0=https://a:1,m1=https://b:2' },
    ),
    '',
  ].join('\n');
  if (process.env['UPDATE'] !== undefined) writeFileSync(golden, text);
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

test('a cron expression takes the place of the usual interval of snapshots', () => {
  const words = lines(['--address=10.0.0.1', '--etcd-arg=--backup-schedule=0 3 * * *']);
  expect(words.filter((word) => word.includes('backup-interval'))).toEqual([]);
});

test('what goes to the API server is read back as it was', () => {
  const options = parseMasterOptions(['--name=m1', '--data-dir=/data', '--address=10.0.0.1']);
  const state = {
    initialCluster: '',
    initialClusterState: 'new',
    clusterToken: 't',
    settings: options!.settings,
    masters: [],
    storeEndpoints: [],
  } as const;
  const apiserver = componentSpecs(options!, state).find(({ name }) => name === 'apiserver');
  const flags = JSON.parse(apiserver?.argv[0] ?? '') as ApiserverThreadFlags;
  expect(flags.settings).toEqual(options?.settings);
  expect(flags).toMatchObject({
    name: 'm1',
    pkiDirectory: '/data/pki',
    etcdUrl: 'https://127.0.0.1:2379',
    clusterToken: 't',
    grpcPort: 6444,
  });
});
