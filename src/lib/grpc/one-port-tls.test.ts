/**
 * A TLS connection whose handover to node:http2 meets an answer that is still being written: it once ended the process.
 */
import { expect, test } from '@jest/globals';
import * as tls from 'node:tls';
import { flag, frameType as type, preface } from '../http2/constants.js';
import { encodeFields } from '../http2/hpack-encoder.js';
import { frame, RawPeer, settingsFrame, until } from '../http2/testkit/raw-peer.js';
import { systemClock } from '../clock.js';
import { silentLogger } from '../log.js';
import { createCertificateAuthority, issueCertificate } from '../pki/certificates.js';
import { fixedTls } from '../pki/tls-source.js';
import { createGrpcServer } from './server.js';

test('a ping, the acknowledged settings and a plain request in one record', async () => {
  const clock = systemClock({ unref: true });
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const subject = { commonName: 'server', hosts: ['127.0.0.1'], usages: ['server'] as const };
  const pair = await issueCertificate({ ca, subject, clock });
  const server = createGrpcServer({
    log: silentLogger,
    tls: fixedTls(pair),
    fallback: (_request, response) => {
      response.writeHead(200);
      response.end('plain');
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  try {
    for (let round = 0; round < 5; round++) {
      const socket = tls.connect({
        host: '127.0.0.1',
        port,
        ca: ca.cert,
        servername: '',
        ALPNProtocols: ['h2'],
      });
      const peer = new RawPeer(socket);
      socket.write(Buffer.concat([preface, settingsFrame()]));
      await until(() => peer.of(type.settings).length > 0, 'an answer');
      const block = encodeFields([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', '/version'],
        [':authority', 'a'],
      ]);
      const request = frame(type.headers, flag.endHeaders | flag.endStream, 1, block);
      const ping = frame(type.ping, 0, 0, Buffer.alloc(8));
      socket.write(Buffer.concat([ping, request, frame(type.settings, flag.ack, 0), ping]));
      const isAnswered = () => peer.of(type.data, 1).some(({ payload }) => payload.length > 0);
      await until(isAnswered, 'an answer');
      expect(peer.of(type.ping).length).toBeGreaterThan(0);
      socket.destroy();
    }
  } finally {
    await server.close();
  }
});
