/**
 * The kernel takes every golden rule set, change by change, and prints it as we keep it: nothing would be sent a
 * second time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { goldenNames, runGolden } from '../../src/lib/testkit/golden.js';
import type { PolicyChange } from '../../src/netproxy/testkit/policy-cluster.js';
import { PolicyCluster } from '../../src/netproxy/testkit/policy-cluster.js';
import type { ClusterChange } from '../../src/netproxy/testkit/service-cluster.js';
import { ServiceCluster } from '../../src/netproxy/testkit/service-cluster.js';
import { hasProgram } from './etcd-processes.js';

const possible =
  process.getuid?.() === 0 && hasProgram('iptables-restore') && hasProgram('unshare');

interface Cluster<Change> {
  readonly apply: (change: Change) => string;
  readonly difference: (saved: string) => string;
}

/**
 * Loads the rule sets one after the other in a network namespace of their own. @returns what `iptables-save` printed
 * after each
 */
function load(sets: readonly string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'trireme-rules-'));
  try {
    sets.forEach((text, at) => writeFileSync(join(dir, `${at}.rules`), text));
    const each = `iptables-restore --noflush < $at.rules && iptables-save > $at.saved`;
    const script = `set -e; for at in $(seq 0 ${sets.length - 1}); do ${each}; done`;
    const result = spawnSync('unshare', ['--net', 'sh', '-c', script], {
      cwd: dir,
      encoding: 'utf8',
    });
    expect([result.status, result.stderr]).toEqual([0, '']);
    return sets.map((_, at) => readFileSync(join(dir, `${at}.saved`), 'utf8'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Applies each change of a golden file, and returns the input that the kernel would still be sent after each. */
async function differences<Change>(path: string, create: () => Cluster<Change>): Promise<string[]> {
  const changes: Change[] = [];
  const sets: string[] = [];
  const cluster = create();
  await runGolden(readFileSync(path, 'utf8'), (change) => {
    changes.push(change as Change);
    sets.push(cluster.apply(change as Change));
    return '';
  });
  return load(sets).map((saved, at) => {
    const until = create();
    for (const change of changes.slice(0, at + 1)) until.apply(change);
    return until.difference(saved);
  });
}

const services = 'src/netproxy/iptables/testdata/rule-sets';
const policies = 'src/netproxy/policy/testdata/rule-sets';

(possible ? describe : describe.skip)('a kernel with golden rules differs in nothing', () => {
  test.each(goldenNames(services))('services: %s', async (name) => {
    const found = await differences<ClusterChange>(
      join(services, `${name}.txt`),
      () => new ServiceCluster(),
    );
    expect(found).toEqual(found.map(() => ''));
  });

  test.each(goldenNames(policies))('policies: %s', async (name) => {
    const found = await differences<PolicyChange>(
      join(policies, `${name}.txt`),
      () => new PolicyCluster(),
    );
    expect(found).toEqual(found.map(() => ''));
  });
});
