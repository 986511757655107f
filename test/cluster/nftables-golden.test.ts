/**
 * The kernel takes every golden transaction of the nftables mode, change by change; and after each it has what one
 * transaction would have made of an empty kernel.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { goldenNames, runGolden } from '../../src/lib/testkit/golden.js';
import { ServiceTable } from '../../src/netproxy/nftables/service-table.js';
import type { ClusterChange } from '../../src/netproxy/testkit/service-cluster.js';
import { ServiceCluster } from '../../src/netproxy/testkit/service-cluster.js';
import { hasProgram } from './etcd-processes.js';

const possible = process.getuid?.() === 0 && hasProgram('nft') && hasProgram('unshare');
const directory = 'src/netproxy/nftables/testdata/rule-sets';

/** Runs the steps in a network namespace of their own. @returns what the kernel listed after each */
function run(steps: readonly string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'trireme-nft-'));
  try {
    steps.forEach((text, at) => writeFileSync(join(dir, `${at}.nft`), text));
    const each = 'nft -f $at.nft && nft -j list table ip kube-proxy > $at.json';
    const script = `set -e; for at in $(seq 0 ${steps.length - 1}); do ${each}; done`;
    const result = spawnSync('unshare', ['--net', 'sh', '-c', script], {
      cwd: dir,
      encoding: 'utf8',
    });
    expect([result.status, result.stderr]).toEqual([0, '']);
    return steps.map((_, at) => readFileSync(join(dir, `${at}.json`), 'utf8'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

type Listed = Record<string, { name?: string; chain?: string; hook?: string; elem?: unknown[] }>;

/** The lines of a listing that matter: no handles, elements in order, no chains that wait for their end. */
function essence(json: string): string[] {
  const { nftables } = JSON.parse(json) as { nftables: Listed[] };
  const withRules = new Set(nftables.flatMap(({ rule }) => rule?.chain ?? []));
  return nftables
    .filter(({ metainfo, chain }) => {
      const isLeft = chain !== undefined && chain.hook === undefined;
      return metainfo === undefined && !(isLeft && !withRules.has(chain.name ?? ''));
    })
    .map((entry) =>
      JSON.stringify(entry, (key, value: unknown) => {
        if (key === 'handle') return undefined;
        if (key !== 'elem' || !Array.isArray(value)) return value;
        return value.map((one) => JSON.stringify(one)).sort();
      }),
    );
}

(possible ? describe : describe.skip)('a kernel with golden tables', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    const cluster = new ServiceCluster((config) => new ServiceTable(config));
    const changes: string[] = [];
    const wholes: string[] = [];
    await runGolden(readFileSync(join(directory, `${name}.txt`), 'utf8'), (change) => {
      changes.push(cluster.apply(change as ClusterChange));
      wholes.push(cluster.whole());
      return '';
    });
    const found = run(changes).map((json) => essence(json).sort());
    const anew = 'add table ip kube-proxy\ndelete table ip kube-proxy\n';
    const wanted = run(wholes.map((whole) => anew + whole)).map((json) => essence(json).sort());
    expect(found).toEqual(wanted);
  });
});
