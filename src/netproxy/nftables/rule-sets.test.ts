/**
 * Golden files: services in, the whole transaction for `nft -f -` out; then what each change sends. `UPDATE=1` records
 * them anew.
 */
import { describe, expect, test } from '@jest/globals';
import { compareGolden, goldenNames } from '../../lib/testkit/golden.js';
import type { ClusterChange } from '../testkit/service-cluster.js';
import { ServiceCluster } from '../testkit/service-cluster.js';
import { ServiceTable } from './service-table.js';

const directory = 'src/netproxy/nftables/testdata/rule-sets';

describe('rule sets', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    const cluster = new ServiceCluster((config) => new ServiceTable(config));
    const { found, wanted } = await compareGolden(directory, name, (change) =>
      cluster.apply(change as ClusterChange),
    );
    expect(found).toBe(wanted);
  });
});
