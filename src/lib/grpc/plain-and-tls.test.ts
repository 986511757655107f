/** One port that speaks TLS and plain text: gRPC, HTTP/1.1 and HTTP/2 over both. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import { ManualClock, systemClock } from '../clock.js';
import { until } from '../http2/testkit/raw-peer.js';
import { silentLogger } from '../log.js';
import { createCertificateAuthority, issueCertificate } from '../pki/certificates.js';
import { fixedTls } from '../pki/tls-source.js';
import { createGrpcChannel } from './channel.js';
import { createGrpcServer } from './server.js';
import type { GrpcServer } from './server.js';
import { EchoDefinition, echoHandlers } from './testkit/echo-service.js';

const clock = systemClock({ unref: true });
let server: GrpcServer;
let port: number;
let ca: string;
let pair: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  const authority = await createCertificateAuthority({ commonName: 'ca', clock });
  const subject = { commonName: 'server', hosts: ['127.0.0.1'], usages: ['server'] as const };
  pair = await issueCertificate({ ca: authority, subject, clock });
  ca = authority.cert;
  server = createGrpcServer({
    log: silentLogger,
    tls: fixedTls(pair),
    acceptsPlain: true,
    fallback: (request, response) => {
      const isSecure = (request.socket as { encrypted?: boolean }).encrypted === true;
      response.end(`${request.httpVersion} ${isSecure ? 'TLS' : 'plain'}`);
    },
  });
  server.addService(EchoDefinition, echoHandlers());
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});

afterAll(() => server.close());

function over1(scheme: 'http' | 'https'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, ca, agent: false };
    const get = scheme === 'http' ? http.get : https.get;
    const call = get(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(text));
    });
    call.on('error', reject);
  });
}

function over2(scheme: 'http' | 'https'): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { ca });
    session.on('error', reject);
    const stream = session.request({ ':path': '/' });
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.on('end', () => {
      session.close();
      resolve(text);
    });
    stream.on('error', reject);
  });
}

test('HTTP of both versions, over both', async () => {
  expect(await over1('http')).toBe('1.1 plain');
  expect(await over1('https')).toBe('1.1 TLS');
  expect(await over2('http')).toBe('2.0 plain');
  expect(await over2('https')).toBe('2.0 TLS');
});

test('gRPC over both', async () => {
  for (const tls of [undefined, fixedTls({ ca })]) {
    const channel = createGrpcChannel({
      target: `127.0.0.1:${port}`,
      log: silentLogger,
      ...(tls === undefined ? {} : { tls }),
    });
    const answer = await channel.client(EchoDefinition).unary(Buffer.from('hello'));
    expect(Buffer.from(answer).toString()).toBe('hello');
    channel.close();
  }
});

test('a connection that says nothing is closed', async () => {
  const manual = new ManualClock();
  const silent = createGrpcServer({
    log: silentLogger,
    tls: fixedTls(pair),
    acceptsPlain: true,
    clock: manual,
  });
  const { port: at } = await silent.listen({ host: '127.0.0.1', port: 0 });
  const socket = net.connect({ host: '127.0.0.1', port: at });
  let isClosed = false;
  socket.on('close', () => (isClosed = true));
  socket.on('error', () => undefined);
  await until(() => {
    manual.advance(1000);
    return isClosed;
  }, 'the end of the connection');
  await silent.close();
});
