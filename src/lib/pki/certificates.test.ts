import { describe, expect, test } from '@jest/globals';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { systemClock } from '../clock.js';
import { silentLogger } from '../log.js';
import { AgentDefinition } from '../../gen/agent.js';
import type { CallContext, PeerCertificate } from '../grpc/index.js';
import { Code, createGrpcChannel, createGrpcServer } from '../grpc/index.js';
import {
  BadSigningRequestError,
  createCertificateAuthority,
  createSigningRequest,
  issueCertificate,
  readSigningRequest,
  signRequest,
} from './certificates.js';
import { pinnedTo } from './pinning.js';
import { publicKeyHash } from './public-key-hash.js';

const clock = systemClock();

describe('certificates', () => {
  test('a request is read, signed for the subject that the signer chose, and verifies', async () => {
    const ca = await createCertificateAuthority({ commonName: 'test-ca', clock });
    const made = await createSigningRequest({
      commonName: 'system:node:a',
      organizations: ['system:nodes'],
      hosts: ['a', '10.0.0.1'],
      usages: ['client'],
    });
    const read = await readSigningRequest(made.request);
    expect(read).toMatchObject({
      commonName: 'system:node:a',
      organizations: ['system:nodes'],
      hosts: ['a', '10.0.0.1'],
    });
    const cert = await signRequest({
      ca,
      request: read.request,
      subject: { commonName: 'other', hosts: ['b'], usages: ['server'] },
      clock,
    });
    const certificate = new X509Certificate(cert);
    expect(certificate.subject).toBe('CN=other');
    expect(certificate.subjectAltName).toBe('DNS:b');
    expect(certificate.verify(new X509Certificate(ca.cert).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
    expect(publicKeyHash(ca.cert)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('a broken request is refused', async () => {
    await expect(readSigningRequest('nonsense')).rejects.toBeInstanceOf(BadSigningRequestError);
  });

  test('mutual TLS: who calls is known; pinning refuses another authority', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', clock });
    const other = await createCertificateAuthority({ commonName: 'other', clock });
    const serving = await issueCertificate({
      ca,
      subject: { commonName: 'server', hosts: ['127.0.0.1'], usages: ['server'] },
      clock,
    });
    const caller = await issueCertificate({
      ca,
      subject: { commonName: 'me', organizations: ['g1', 'g2'], usages: ['client'] },
      clock,
    });
    const stranger = await issueCertificate({
      ca: other,
      subject: { commonName: 'me', usages: ['client'] },
      clock,
    });
    const seen: (PeerCertificate | undefined)[] = [];
    const server = createGrpcServer({
      log: silentLogger,
      tls: { ...serving, cert: serving.cert + ca.cert, ca: ca.cert, requestClientCert: 'optional' },
    });
    server.addService(AgentDefinition, {
      async logs() {},
      async exec() {},
      async attach() {},
      async portForward() {},
      stats: (_request: unknown, context: CallContext) => {
        seen.push(context.peerCertificate);
        return { summary: Buffer.alloc(0) };
      },
    });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const call = async (tls: object): Promise<unknown> => {
      const channel = createGrpcChannel({ target: `127.0.0.1:${port}`, tls, log: silentLogger });
      try {
        return await channel.client(AgentDefinition).stats({});
      } finally {
        channel.close();
      }
    };
    await call({ ca: ca.cert, ...caller });
    await call({ ca: ca.cert, ...stranger });
    await call({ verify: pinnedTo(publicKeyHash(ca.cert)) });
    await expect(call({ ca: other.cert })).rejects.toMatchObject({ code: Code.Unavailable });
    await expect(call({ verify: pinnedTo(publicKeyHash(other.cert)) })).rejects.toMatchObject({
      code: Code.Unavailable,
    });
    expect(seen).toEqual([
      { commonName: 'me', organizations: ['g1', 'g2'], uris: [], dnsNames: [] },
      undefined,
      undefined,
    ]);
    await server.close();
  });
});
