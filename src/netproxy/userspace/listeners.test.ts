/** Golden files: services in, where the userspace proxy listens and who is served out. `UPDATE=1` records them anew. */
import { describe, expect, test } from '@jest/globals';
import { compareGolden, goldenNames } from '../../lib/testkit/golden.js';
import type { ClusterChange } from '../testkit/service-cluster.js';
import { ServiceCluster } from '../testkit/service-cluster.js';
import { endpointsFor, listenersOf } from './listeners.js';

const directory = 'src/netproxy/userspace/testdata/listeners';

describe('listeners', () => {
  test.each(goldenNames(directory))('%s', async (name) => {
    const { found, wanted } = await compareGolden(directory, name, (change) => {
      const cluster = new ServiceCluster();
      cluster.apply(change as ClusterChange);
      const keys = Object.keys((change as ClusterChange).services ?? {});
      return [true, false]
        .flatMap((isRoot) => [
          isRoot ? 'with root' : 'without root',
          ...keys
            .flatMap((key) => cluster.ports(key))
            .flatMap((port) =>
              listenersOf(port, isRoot).map(({ id, isServiceAddress, traffic }) => {
                const to = endpointsFor(port, traffic).map((at) => `${at.ip}:${at.port}`);
                const address = isServiceAddress ? ', address of its own' : '';
                return `  ${id} (${traffic}${address}) -> ${to.join(' ') || 'nobody'}`;
              }),
            ),
        ])
        .join('\n');
    });
    expect(found).toBe(wanted);
  });
});
