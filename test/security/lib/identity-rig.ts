/**
 * An API server with joining, in this process and on a store in memory, and people with certificates of its authority.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient } from '../../../src/client/index.js';
import type { GrpcApiClient } from '../../../src/client/index.js';
import { BootstrapDefinition, ClusterDefinition } from '../../../src/gen/cluster.js';
import { systemClock } from '../../../src/lib/clock.js';
import type { Channel } from '../../../src/lib/grpc/index.js';
import { createGrpcChannel } from '../../../src/lib/grpc/index.js';
import { silentLogger } from '../../../src/lib/log.js';
import type { KeyPair } from '../../../src/lib/pki/certificates.js';
import { issueCertificate } from '../../../src/lib/pki/certificates.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import { standardConfiguration } from '../../../src/master/apiserver/admission/pod-security/configuration.js';
import { startApiServer } from '../../../src/master/apiserver/server.js';
import { MemoryStore } from '../../../src/master/apiserver/storage/testkit/memory-store.js';
import { createBootstrapHandlers } from '../../../src/master/cluster/bootstrap-service.js';
import { createClusterHandlers } from '../../../src/master/cluster/cluster-service.js';
import { observeOverHttp } from '../../../src/master/cluster/observe-over-http.js';
import { Observers } from '../../../src/master/cluster/observers.js';
import { clusterAuthorizer, clusterPath } from '../../../src/master/cluster/cluster-access.js';
import { createClusterKeys, createMasterCertificates } from '../../../src/master/cluster/pki.js';
import { defaultSettings } from '../../../src/master/cluster/settings.js';
import type { StoreAdmin, StoreTelemetry } from '../../../src/master/cluster/store-admin.js';

const clock = systemClock();
const host = '127.0.0.1';

/** An answer of the REST API. */
export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly body: Record<string, unknown>;
}

/** The parts of a request beside method and path. */
export interface AskOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Somebody with a client certificate, or with none. */
export interface Person {
  readonly pair: KeyPair | undefined;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  channel(): Channel;
}

/** The fields of an audit event that tests read. */
export interface AuditEvent {
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username?: string };
  readonly responseStatus: { readonly code: number };
}

export interface IdentityRig {
  readonly pki: string;
  /** `host:port` of the gRPC door. */
  readonly address: string;
  /** The port of the HTTP door, on the loopback. */
  readonly restPort: number;
  readonly admin: Person;
  readonly anybody: Person;
  readonly client: GrpcApiClient;
  read(name: string): Buffer;
  /** The audit log's events so far. */
  audit(): readonly AuditEvent[];
  person(commonName: string, ...organizations: string[]): Promise<Person>;
  /** Somebody who shows a certificate that was made for serving. */
  server(commonName: string, ...organizations: string[]): Promise<Person>;
  stop(): Promise<void>;
}

const noStore: StoreAdmin & StoreTelemetry = {
  memberList: () => Promise.resolve([]),
  memberAddAsLearner: () => Promise.resolve(1n),
  memberPromote: () => Promise.resolve(),
  memberRemove: () => Promise.resolve(),
  moveLeader: () => Promise.resolve(),
  status: () => Promise.reject(new Error('there is no store')),
  watchTelemetry: () => {
    throw new Error('there is no store');
  },
};

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

export async function startIdentityRig(): Promise<IdentityRig> {
  const home = mkdtempSync(join(tmpdir(), 'trireme-identity-'));
  const pki = join(home, 'pki');
  const auditLog = join(home, 'audit.log');
  const settings = defaultSettings;
  await createClusterKeys(pki, clock);
  const hosts = ['10.88.1.11', 'api.example.com'];
  await createMasterCertificates({ directory: pki, name: 'master-1', hosts, settings, clock });
  const read = (name: string): Buffer => readFileSync(join(pki, name));
  const grpcPort = await freePort();
  const tls = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const client = createApiClient({
    servers: [`${host}:${grpcPort}`],
    tls: fixedTls(tls),
    log: silentLogger,
    clock,
  });
  const shared = { client, store: noStore, clock };
  const observers = new Observers({ ...shared, name: 'master-1' });
  const server = await startApiServer({
    log: silentLogger,
    clock,
    masterName: 'master-1',
    advertiseAddress: host,
    bindAddress: host,
    securePort: 0,
    grpcPort,
    serving: fixedTls({
      ca: tls.ca,
      cert: read('apiserver.crt'),
      key: read('apiserver.key'),
    }),
    etcd: { store: new MemoryStore() },
    serviceAccount: {
      issuer: 'https://kubernetes.default.svc.cluster.local',
      audiences: ['https://kubernetes.default.svc.cluster.local'],
      keys: fixedTls({ signingKey: read('sa.key'), publicKeys: [read('sa.pub')] }),
    },
    kubelet: undefined,
    encryptionKeys: undefined,
    serviceClusterIpRange: settings.serviceCidr,
    nodePortRange: { first: 30_000, last: 32_767 },
    authorizationModes: ['Node', 'RBAC'],
    anonymousAuth: true,
    auditLogPath: auditLog,
    disabledAdmission: new Set(),
    podSecurity: standardConfiguration,
    dashboard: true,
    streams: new Map([[clusterPath, observeOverHttp(observers)]]),
    extendGrpc: (grpc, authorization) => {
      grpc.addService(
        BootstrapDefinition,
        createBootstrapHandlers({
          ...shared,
          pkiDirectory: pki,
          settings,
          clusterToken: 'test',
          log: silentLogger,
        }),
      );
      grpc.addService(
        ClusterDefinition,
        createClusterHandlers({
          ...shared,
          name: 'master-1',
          caHash: () => Promise.resolve('sha256:0'),
          observers,
          authorize: clusterAuthorizer(authorization),
        }),
      );
    },
  });
  const ends: (() => void)[] = [];
  const personWith = (pair: KeyPair | undefined): Person => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca: tls.ca, ...pair });
    ends.push(() => agent.destroy());
    return {
      pair,
      ask: (method, path, options = {}) => ask(agent, server.restPort, method, path, options),
      channel() {
        const channel = createGrpcChannel({
          target: `${host}:${grpcPort}`,
          tls: fixedTls({ ca: tls.ca, ...pair }),
          log: silentLogger,
          clock,
        });
        ends.push(() => channel.close());
        return channel;
      },
    };
  };
  const ca = { cert: read('ca.crt').toString(), key: read('ca.key').toString() };
  return {
    pki,
    address: `${host}:${grpcPort}`,
    restPort: server.restPort,
    admin: personWith({ cert: tls.cert.toString(), key: tls.key.toString() }),
    anybody: personWith(undefined),
    client,
    read,
    audit: () =>
      readFileSync(auditLog, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditEvent),
    async person(commonName, ...organizations) {
      const subject = { commonName, organizations, usages: ['client'] as const };
      return personWith(await issueCertificate({ ca, subject, clock }));
    },
    async server(commonName, ...organizations) {
      const subject = { commonName, organizations, usages: ['server'] as const };
      return personWith(await issueCertificate({ ca, subject, clock }));
    },
    async stop() {
      for (const end of ends) end();
      client.close();
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function ask(
  agent: https.Agent,
  port: number,
  method: string,
  path: string,
  { body, type = 'application/json', token, headers }: AskOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host,
        port,
        path,
        method,
        agent,
        headers: {
          ...(body === undefined ? {} : { 'content-type': type }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve(answerOf(response.statusCode ?? 0, Buffer.concat(chunks))),
        );
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function answerOf(code: number, bytes: Buffer): Answer {
  const text = bytes.toString();
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const { message } = body;
    return { code, body, message: typeof message === 'string' ? message : '' };
  } catch {
    return { code, body: {}, message: text };
  }
}
