import { describe, expect, test } from '@jest/globals';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ManualClock, systemClock } from '../clock.js';
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
import { fixedTls } from './tls-source.js';
import { invalidAt, validityOf } from './validity.js';

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
      tls: fixedTls({
        ...serving,
        cert: serving.cert + ca.cert,
        ca: ca.cert,
        requestClientCert: 'optional',
      }),
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
      const channel = createGrpcChannel({
        target: `127.0.0.1:${port}`,
        tls: fixedTls(tls),
        log: silentLogger,
      });
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
      {
        commonName: 'me',
        organizations: ['g1', 'g2'],
        uris: [],
        dnsNames: [],
        endsMs: expect.any(Number),
        sha256: expect.stringMatching(/^[\da-f]{64}$/),
      },
      undefined,
      undefined,
    ]);
    await server.close();
  });
});

describe('when certificates hold', () => {
  const dayMs = 86_400_000;
  const subject = { commonName: 'a', usages: ['client'] } as const;
  /** A clock that is ahead of the true time, which is day 100. */
  const ahead = (ms: number): ManualClock => new ManualClock(100 * dayMs + ms);
  const trueMs = 100 * dayMs;

  test('a cluster made with a clock that is two days ahead works when the clock is set right', async () => {
    const clock = ahead(2 * dayMs);
    const ca = await createCertificateAuthority({ commonName: 'ca', clock });
    const { cert } = await issueCertificate({ ca, subject, clock });
    expect(invalidAt(ca.cert, trueMs)).toBeUndefined();
    expect(invalidAt(cert, trueMs)).toBeUndefined();
  });

  test('a master whose clock is ten minutes, or a day, ahead is let in', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', clock: ahead(0) });
    for (const ms of [600_000, dayMs]) {
      const { cert } = await issueCertificate({ ca, subject, clock: ahead(ms) });
      expect(invalidAt(cert, trueMs)).toBeUndefined();
      expect(validityOf(cert).fromMs).toBe(validityOf(ca.cert).fromMs);
    }
  });

  test('what is signed on request starts an hour ago, never before its authority', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', clock: ahead(0) });
    const { request } = await readSigningRequest((await createSigningRequest(subject)).request);
    const signed = async (clock: ManualClock): Promise<number> =>
      validityOf(await signRequest({ ca, request, subject, clock })).fromMs;
    expect(await signed(ahead(0))).toBe(trueMs - 3_600_000);
    const cert = await signRequest({ ca, request, subject, clock: ahead(0), backdateMs: 60_000 });
    expect(validityOf(cert).fromMs).toBe(trueMs - 60_000);
    // By a clock that is far behind.
    expect(await signed(ahead(-30 * dayMs))).toBe(validityOf(ca.cert).fromMs);
  });

  test('what is wrong is said in words', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', clock: ahead(0), days: 1 });
    expect(invalidAt(ca.cert, trueMs + 2 * dayMs)).toBe('expired on 1970-04-12T00:00:00.000Z');
    expect(invalidAt(ca.cert, trueMs - 8 * dayMs)).toBe(
      'is valid from 1970-04-04T00:00:00.000Z on, and the clock here says 1970-04-03T00:00:00.000Z',
    );
  });
});
