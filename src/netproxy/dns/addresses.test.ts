/** Names of the cluster, as the node itself resolves them: for an Ingress whose Service stands for one. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TestNameServer } from '../testkit/name-server.js';

let server: TestNameServer;
beforeAll(async () => {
  server = await TestNameServer.start('src/netproxy/dns/testdata/cluster.yaml');
});
afterAll(() => server.end());

test.each<[string, readonly string[] | undefined]>([
  ['web.default.svc.cluster.local', ['10.96.5.5']],
  ['WEB.default.svc.cluster.local.', ['10.96.5.5']],
  ['db.default.svc.cluster.local', ['10.244.1.5', '10.244.2.5', '10.244.2.9']],
  ['inside.default.svc.cluster.local', ['10.96.5.5']],
  ['outside.default.svc.cluster.local', ['192.0.2.1']],
  ['nothing.default.svc.cluster.local', []],
  ['circle.default.svc.cluster.local', []],
  ['www.example.com', undefined],
])('%s', async (host, addresses) => {
  expect(await server.addresses(host)).toEqual(addresses);
});
