/** Golden files: policies and pods in, the whole text for `iptables-restore` out. `UPDATE=1` records them anew. */
import { describe, expect, test } from '@jest/globals';
import { compareGolden, goldenNames } from '../../lib/testkit/golden.js';
import type { PolicyChange } from '../testkit/policy-cluster.js';
import { PolicyCluster } from '../testkit/policy-cluster.js';

const directory = 'src/netproxy/policy/testdata/rule-sets';

describe('rule sets of policies', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    const cluster = new PolicyCluster();
    const { found, wanted } = await compareGolden(directory, name, (change) =>
      cluster.apply(change as PolicyChange),
    );
    expect(found).toBe(wanted);
  });
});
