/** The agent's port takes connections without a client certificate, for those who scrape; its calls take none. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentDefinition } from '../../gen/agent.js';
import { systemClock } from '../../lib/clock.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { Code, createGrpcChannel, createGrpcServer } from '../../lib/grpc/index.js';
import { silentLogger } from '../../lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { createAgentHandlers } from './handlers.js';

const clock = systemClock({ unref: true });
type Method = keyof typeof AgentDefinition.methods;
const methods = Object.keys(AgentDefinition.methods) as Method[];

let server: GrpcServer;
let port: number;
let authority: KeyPair;
const shown: Record<string, Partial<KeyPair>> = { 'no certificate': {} };

beforeAll(async () => {
  authority = await createCertificateAuthority({ commonName: 'ca', clock });
  const stranger = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = (ca: KeyPair, commonName: string, ...organizations: string[]): Promise<KeyPair> => {
    const usages = ['client', 'server'] as const;
    const hosts = ['127.0.0.1'];
    return issueCertificate({ ca, clock, subject: { commonName, organizations, hosts, usages } });
  };
  const kubelet = 'kube-apiserver-kubelet-client';
  shown["the API server's"] = await issue(authority, kubelet, 'system:masters');
  shown["another node's"] = await issue(authority, 'system:node:n2', 'system:nodes');
  shown["the API server's name"] = await issue(authority, kubelet);
  shown['the group as its name'] = await issue(authority, 'system:masters', 'system:nodes');
  shown["another authority's"] = await issue(stranger, kubelet, 'system:masters');
  const serving = await issue(authority, 'system:node:n1', 'system:nodes');
  const tls = fixedTls({ ...serving, ca: authority.cert, requestClientCert: 'optional' as const });
  server = createGrpcServer({ log: silentLogger, clock, tls });
  server.addService(AgentDefinition, createAgentHandlers({ find: () => undefined, clock }));
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});

afterAll(() => server.close());

/** Calls a method of whatever kind with nothing to say. @returns its error */
async function call(method: Method, who: string): Promise<unknown> {
  const tls = fixedTls({ ca: authority.cert, ...shown[who] });
  const target = `127.0.0.1:${port}`;
  const channel = createGrpcChannel({ target, log: silentLogger, clock, tls });
  const client = channel.client(AgentDefinition) as unknown as Record<
    string,
    (request?: object) => Promise<unknown> | AsyncIterable<unknown>
  >;
  const { requestStream, responseStream } = AgentDefinition.methods[method];
  try {
    const answer = requestStream ? client[method]?.() : client[method]?.({});
    if (!responseStream) await answer;
    else for await (const _ of answer as AsyncIterable<unknown>);
    return 'no error';
  } catch (error) {
    return error;
  } finally {
    channel.close();
  }
}

describe.each(methods)('%s', (method) => {
  test.each([
    'no certificate',
    "another node's",
    "the API server's name",
    'the group as its name',
    "another authority's",
  ])('is refused to %s', async (who) => {
    expect(await call(method, who)).toMatchObject({
      code: Code.PermissionDenied,
      message: expect.stringContaining('only the API server may call a node'),
    });
  });

  test('is served to the API server', async () => {
    expect(await call(method, "the API server's")).toMatchObject({
      code: Code.Unavailable,
      message: expect.stringContaining('the node is starting'),
    });
  });
});
