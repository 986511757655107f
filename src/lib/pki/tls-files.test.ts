import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentDefinition } from '../../gen/agent.js';
import { ManualClock, systemClock } from '../clock.js';
import { createGrpcChannel, createGrpcServer } from '../grpc/index.js';
import type { CallContext, ServerTls } from '../grpc/index.js';
import { silentLogger } from '../log.js';
import type { KeyPair } from './certificates.js';
import { createCertificateAuthority, issueCertificate } from './certificates.js';
import { clientTlsFromFiles, serverTlsFromFiles } from './tls-files.js';
import { derivedTls } from './tls-source.js';

let directory = '';
const path = (name: string): string => join(directory, name);
const clock = systemClock();
/** More than the time between two looks at the files. */
const lookMs = 10_000;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-tls-files-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, { cert, key }: KeyPair): void {
  writeFileSync(path(`${name}.crt`), cert);
  writeFileSync(path(`${name}.key`), key);
}

const paths = (name: string): { ca: string; cert: string; key: string } => ({
  ca: path('ca.crt'),
  cert: path(`${name}.crt`),
  key: path(`${name}.key`),
});

describe('certificates in files', () => {
  test('that cannot be read are refused at once', () => {
    const tools = { clock: new ManualClock(), log: silentLogger };
    expect(() => clientTlsFromFiles({ cert: path('none.crt') }, tools)).toThrow('ENOENT');
    expect(tools.clock.pending).toBe(0);
  });

  test('are taken up as a pair, and looked at until the end', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', clock });
    const issue = (): Promise<KeyPair> =>
      issueCertificate({ ca, subject: { commonName: 'a', usages: ['client'] }, clock });
    const [first, second] = [await issue(), await issue()];
    write('a', first);
    const manual = new ManualClock();
    const { cert, key } = paths('a');
    const source = clientTlsFromFiles({ cert, key }, { clock: manual, log: silentLogger });
    const seen: string[] = [];
    source.onChange((now) => seen.push(String(now.cert)));
    const look = async (): Promise<void> => {
      manual.advance(lookMs);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    };
    writeFileSync(cert, second.cert);
    await look();
    // Its key is not there yet.
    expect(seen).toEqual([]);
    expect(String(source.current.cert)).toBe(first.cert);
    writeFileSync(key, second.key);
    await look();
    expect(seen).toEqual([second.cert]);
    expect(source.current).toEqual({
      cert: Buffer.from(second.cert),
      key: Buffer.from(second.key),
    });
    source.stop();
    expect(manual.pending).toBe(0);
  });
});

test('a server and its clients go on with renewed certificates: theirs, and the authority', async () => {
  const authority = async (): Promise<KeyPair> =>
    createCertificateAuthority({ commonName: 'ca', clock });
  const install = async (ca: KeyPair): Promise<void> => {
    const subject = (name: string, usage: 'server' | 'client') =>
      ({ commonName: name, hosts: ['127.0.0.1'], usages: [usage] }) as const;
    write('ca', ca);
    write('server', await issueCertificate({ ca, subject: subject('s', 'server'), clock }));
    write('client', await issueCertificate({ ca, subject: subject('c', 'client'), clock }));
  };
  await install(await authority());
  const manual = new ManualClock();
  const tools = { clock: manual, log: silentLogger };
  const serving = serverTlsFromFiles(paths('server'), tools);
  const calling = clientTlsFromFiles(paths('client'), tools);
  const server = createGrpcServer({
    log: silentLogger,
    tls: derivedTls<typeof serving.current, ServerTls>(serving, (pair) => ({
      ...pair,
      requestClientCert: 'required',
    })),
  });
  const callers: (string | undefined)[] = [];
  server.addService(AgentDefinition, {
    async logs() {},
    async exec() {},
    async attach() {},
    async portForward() {},
    stats: (_request: unknown, context: CallContext) => {
      callers.push(context.peerCertificate?.commonName);
      return { summary: Buffer.alloc(0) };
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const call = async (): Promise<void> => {
    // A new connection each time.
    const channel = createGrpcChannel({
      target: `127.0.0.1:${port}`,
      tls: calling,
      log: silentLogger,
    });
    try {
      await channel.client(AgentDefinition).stats({});
    } finally {
      channel.close();
    }
  };
  await call();
  // Of another authority: neither the server nor the client would do with what it read at first.
  await install(await authority());
  await call();
  manual.advance(lookMs);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await call();
  expect(callers).toEqual(['c', 'c', 'c']);
  serving.stop();
  calling.stop();
  await server.close();
});
