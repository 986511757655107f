/** Sessions of TLS that go on, where client certificates are asked for and not required. */
import { expect, test } from '@jest/globals';
import * as tls from 'node:tls';
import { systemClock } from '../clock.js';
import { frameType, preface, setting } from '../http2/constants.js';
import { RawPeer, settingsFrame, until } from '../http2/testkit/raw-peer.js';
import { silentLogger } from '../log.js';
import { knownPeer, unknownPeer } from '../net-limits.js';
import type { KeyPair } from '../pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../pki/certificates.js';
import { fixedTls } from '../pki/tls-source.js';
import { createListener } from './listener.js';
import { hasVerifiedCertificate, peerCertificateOf } from './peer.js';
import { createGrpcServer } from './server.js';

const clock = systemClock({ unref: true });
const hosts = ['127.0.0.1'];

async function pki() {
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const serving = { commonName: 'server', hosts, usages: ['server'] as const };
  const showing = { commonName: 'client', hosts, usages: ['client'] as const };
  const pair = await issueCertificate({ ca, clock, subject: serving });
  const client = await issueCertificate({ ca, clock, subject: showing });
  const options = { ...pair, ca: ca.cert, requestClientCert: 'optional' } as const;
  return { ca: ca.cert, client, options };
}

/** Connects for the first time, and again with the session of then. @returns the second connection */
async function resumed(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const first = tls.connect(options);
  first.resume();
  const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
  first.destroy();
  return tls.connect({ ...options, session });
}

test.each<[string, boolean, (string | undefined)[]]>([
  ['without a certificate stays without one', false, [undefined, undefined]],
  ['with a certificate keeps it', true, ['client', 'client']],
])('a client %s', async (_, shows, wanted) => {
  const { ca, client, options } = await pki();
  const seen: { readonly reused: boolean; readonly name: string | undefined }[] = [];
  let checked = 0;
  const verifyClient = (): undefined => {
    checked++;
  };
  const { server } = createListener(fixedTls({ ...options, verifyClient }), {
    accept: (socket) => {
      const { commonName } = peerCertificateOf(socket) ?? {};
      const secure = socket as tls.TLSSocket;
      expect(hasVerifiedCertificate(secure)).toBe(commonName !== undefined);
      seen.push({ reused: secure.isSessionReused(), name: commonName });
      socket.on('error', () => undefined);
      socket.write('x');
    },
    rejected: () => undefined,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = await resumed({ host: '127.0.0.1', port, ca, ...(shows && client) });
  await until(() => seen.length === 2, 'both connections');
  socket.destroy();
  server.close();
  expect(seen.map(({ reused }) => reused)).toEqual([false, true]);
  expect(seen.map(({ name }) => name)).toEqual(wanted);
  expect(checked).toBe(shows ? 2 : 0);
});

test('who resumes a session without a certificate has the limits of an unknown peer', async () => {
  const { ca, client, options } = await pki();
  const server = createGrpcServer({ log: silentLogger, clock, tls: fixedTls(options) });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const streamsOf = async (shown: Partial<KeyPair>): Promise<number | undefined> => {
    const to = { host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'], ...shown };
    const socket = await resumed(to);
    const peer = new RawPeer(socket);
    peer.send(preface, settingsFrame());
    await until(() => peer.of(frameType.settings).length > 0, 'the settings');
    socket.destroy();
    const payload = peer.of(frameType.settings)[0]?.payload ?? Buffer.alloc(0);
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) === setting.maxConcurrentStreams) {
        return payload.readUInt32BE(at + 2);
      }
    }
    return undefined;
  };
  expect(await streamsOf({})).toBe(unknownPeer.streams);
  expect(await streamsOf(client)).toBe(knownPeer.streams);
  await server.close();
});
