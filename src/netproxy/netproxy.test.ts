/** A node's network whose name server has no port yet. */
import { expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createInformerFactory } from '../client/index.js';
import { FakeApi } from '../client/testkit/fake.js';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/log.js';
import { startNetproxy } from './netproxy.js';
import { until } from './testkit/watched-services.js';
import { listening } from './when-free.js';

const host = '127.0.0.1';

test('a stranger at the port of DNS does not keep the ingress from working', async () => {
  const stranger = createServer();
  await listening(stranger, { host, port: 0 });
  const { port } = stranger.address() as AddressInfo;
  const tools = { clock: systemClock(), log: silentLogger };
  const informers = createInformerFactory({ client: new FakeApi(), ...tools });
  const netproxy = startNetproxy({
    ...tools,
    informers,
    nodeName: 'n1',
    nodeIp: host,
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    clusterDns: '10.96.0.10',
    dataDir: '',
    mode: 'none',
    dns: { bindAddress: host, port, upstreams: [] },
    ingress: { bindAddress: host, httpPort: 0, httpsPort: 0 },
  });
  await until(() => netproxy.ports.http !== 0 && netproxy.ports.https !== 0);
  expect(netproxy.ports.dns).toBe(0);
  stranger.close();
  await netproxy.ready;
  expect(netproxy.ports.dns).toBe(port);
  await netproxy.stop();
  informers.stop();
});
