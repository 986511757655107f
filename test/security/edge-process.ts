/**
 * A process with the listeners of a worker: the node agent's port, the Ingress ports and the name server. Forked by the
 * tests of this folder; sends its ports to its parent and goes on until it is killed.
 */
import { createInformerFactory } from '../../src/client/index.js';
import { FakeApi } from '../../src/client/testkit/fake.js';
import { AgentDefinition } from '../../src/gen/agent.js';
import { systemClock } from '../../src/lib/clock.js';
import { createGrpcServer } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import { fixedTls } from '../../src/lib/pki/tls-source.js';
import { ClusterZone } from '../../src/netproxy/dns/cluster-zone.js';
import { Forwarder } from '../../src/netproxy/dns/forwarder.js';
import { Responder } from '../../src/netproxy/dns/responder.js';
import { DnsServer } from '../../src/netproxy/dns/server.js';
import { IngressController } from '../../src/netproxy/ingress/controller.js';
import { ServiceWatch } from '../../src/netproxy/model/service-watch.js';
import { createAgentHandlers } from '../../src/worker/service/handlers.js';
import type { EdgePorts } from './targets.js';

const clock = systemClock();
const host = '127.0.0.1';

async function startAgent(): Promise<{ port: number; ca: string; cert: string; key: string }> {
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = (commonName: string, usage: 'server' | 'client') =>
    issueCertificate({
      ca,
      clock,
      subject: {
        commonName,
        organizations: ['system:masters'],
        hosts: [host],
        usages: [usage],
      },
    });
  const [serving, client] = [await issue('node', 'server'), await issue('admin', 'client')];
  const server = createGrpcServer({
    log: silentLogger,
    clock,
    tls: fixedTls({ ...serving, ca: ca.cert, requestClientCert: 'required' }),
  });
  server.addService(AgentDefinition, createAgentHandlers({ find: () => undefined, clock }));
  const { port } = await server.listen({ host, port: 0 });
  return { port, ca: ca.cert, cert: client.cert, key: client.key };
}

async function main(): Promise<void> {
  const log = silentLogger;
  const informers = createInformerFactory({ client: new FakeApi(), clock, log });
  const watch = new ServiceWatch(informers);
  const ingress = new IngressController({
    httpPort: 0,
    httpsPort: 0,
    bindAddress: host,
    watch,
    informers,
    clock,
    log,
  });
  const zone = new ClusterZone(watch, informers, 'cluster.local');
  await watch.whenSynced();
  const forwarder = new Forwarder({ upstreams: [], clock });
  const dns = new DnsServer({
    responder: new Responder(zone, forwarder, () => 0),
    address: host,
    port: 0,
    clock,
    log,
  });
  const ports: EdgePorts = {
    agent: await startAgent(),
    ingress: await ingress.start(),
    dns: await dns.listen(),
  };
  process.send?.(ports);
}

await main();
