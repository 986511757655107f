/**
 * An API server in this process on a store in memory, behind a listener that speaks plain HTTP, keeps a list of the
 * requests and answers for the nodes that are not there: what kubectl and our commands can be told apart by.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { KeyPair } from '../../lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { standardConfiguration } from '../../master/apiserver/admission/pod-security/configuration.js';
import type { RunningApiServer } from '../../master/apiserver/options.js';
import { startApiServer } from '../../master/apiserver/server.js';
import { MemoryStore } from '../../master/apiserver/storage/testkit/memory-store.js';
import { parseManifests } from '../builder/manifests.js';
import { builtInOf } from '../kube/built-in-resources.js';
import { pathOf } from '../kube/resource.js';
import { FakeStreams } from './fake-streams.js';

const clock = systemClock({ unref: true });

/** Answers of nodes and of what measures them, by a request's path. */
export type CannedAnswers = (path: string, query: URLSearchParams) => string | object | undefined;

/** A request as the golden files show it. */
interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

/** See above. */
export class ServedCluster {
  readonly #home: string;
  readonly #server: RunningApiServer;
  readonly #front: http.Server;
  readonly #agent: https.Agent;
  readonly #canned: CannedAnswers;
  readonly #streams: FakeStreams;
  #seen: SeenRequest[] = [];

  private constructor(
    home: string,
    server: RunningApiServer,
    tls: https.AgentOptions,
    canned: CannedAnswers,
  ) {
    this.#home = home;
    this.#server = server;
    this.#agent = new https.Agent({ ...tls, keepAlive: true });
    this.#canned = canned;
    mkdirSync(join(home, 'container'));
    this.#streams = new FakeStreams(join(home, 'container'));
    this.#front = http.createServer((request, response) => this.#serve(request, response));
    this.#front.on('upgrade', (request: http.IncomingMessage, socket, head) => {
      this.#seen.push({ method: request.method ?? '', url: request.url ?? '', body: '' });
      this.#streams.upgrade(request, socket, head);
    });
  }

  /** @param manifests a file with what the cluster holds, statuses too */
  static async start(manifests: string, canned: CannedAnswers): Promise<ServedCluster> {
    const home = mkdtempSync(join(tmpdir(), 'trireme-served-'));
    const ca = await createCertificateAuthority({ commonName: 'test-ca', clock });
    const issue = (commonName: string, organizations: readonly string[]): Promise<KeyPair> =>
      issueCertificate({
        ca,
        subject: { commonName, organizations, hosts: ['127.0.0.1'], usages: ['server', 'client'] },
        clock,
      });
    const [serving, admin] = await Promise.all([
      issue('kube-apiserver', []),
      issue('admin', ['system:masters']),
    ]);
    const server = await startServer(fixedTls({ ca: ca.cert, ...serving }));
    const tls = { ca: ca.cert, cert: admin.cert, key: admin.key };
    const cluster = new ServedCluster(home, server, tls, canned);
    await new Promise<void>((resolve) => {
      cluster.#front.listen(0, '127.0.0.1', resolve);
    });
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'served', cluster: { server: cluster.#url } }],
      users: [{ name: 'admin', user: {} }],
      contexts: [
        { name: 'served', context: { cluster: 'served', user: 'admin', namespace: 'home' } },
      ],
      'current-context': 'served',
    };
    writeFileSync(cluster.kubeconfig, JSON.stringify(config));
    await cluster.#load(manifests);
    return cluster;
  }

  /** A directory that goes with the cluster. */
  get home(): string {
    return this.#home;
  }

  /** Names the cluster, with the namespace `home`. */
  get kubeconfig(): string {
    return join(this.#home, 'kubeconfig');
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  /** The requests since this was asked last, in order. */
  takeRequests(): SeenRequest[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  /** Ends all requests and streams under way, as if the network were cut. */
  cutConnections(): void {
    this.#front.closeAllConnections();
    this.#streams.cut();
  }

  async stop(): Promise<void> {
    this.#front.closeAllConnections();
    this.#front.close();
    this.#streams.close();
    this.#agent.destroy();
    await this.#server.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const body = Buffer.concat(chunks);
      const [method = '', target = ''] = [request.method, request.url];
      this.#seen.push({ method, url: target, body: body.toString('utf8') });
      const { pathname, searchParams } = new URL(target, this.#url);
      const canned = method === 'GET' ? this.#canned(pathname, searchParams) : undefined;
      if (canned === undefined) this.#forward(request, response, body);
      else if (typeof canned === 'string') response.end(canned);
      else {
        const code = 'code' in canned ? Number(canned.code) : 200;
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(JSON.stringify(canned));
      }
    });
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse, body: Buffer): void {
    const { 'transfer-encoding': _, ...rest } = request.headers;
    const headers = { ...rest, 'content-length': String(body.length) };
    const call = https.request({
      host: '127.0.0.1',
      port: this.#server.restPort,
      path: request.url,
      method: request.method,
      agent: this.#agent,
      headers,
    });
    call.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    call.on('error', () => response.destroy());
    response.once('close', () => call.destroy());
    call.end(body);
  }

  async #load(path: string): Promise<void> {
    for (const object of parseManifests({ name: path, text: readFileSync(path, 'utf8') })) {
      const {
        apiVersion = '',
        kind = '',
        metadata,
        status,
      } = object as typeof object & {
        status?: object;
      };
      const resource = builtInOf(apiVersion, kind);
      if (resource === undefined) throw new Error(`no kind ${kind} in ${apiVersion}`);
      const { namespace } = metadata;
      const all = pathOf(resource, { namespace });
      const made = await this.#send('POST', all, object);
      if (status === undefined) continue;
      await this.#send('PUT', `${all}/${metadata.name}/status`, { ...made, status });
    }
  }

  async #send(method: string, path: string, body: object): Promise<object> {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${text}`);
    return JSON.parse(text) as object;
  }
}

function startServer(
  serving: Parameters<typeof startApiServer>[0]['serving'],
): Promise<RunningApiServer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return startApiServer({
    log: silentLogger,
    clock,
    masterName: 'test',
    advertiseAddress: '127.0.0.1',
    bindAddress: '127.0.0.1',
    securePort: 0,
    grpcPort: 0,
    serving,
    etcd: { store: new MemoryStore() },
    serviceAccount: {
      issuer: 'https://kubernetes.default.svc',
      audiences: ['https://kubernetes.default.svc'],
      keys: fixedTls({ signingKey: privateKey, publicKeys: [publicKey] }),
    },
    kubelet: undefined,
    encryptionKeys: undefined,
    serviceClusterIpRange: '10.96.0.0/16',
    nodePortRange: { first: 30_000, last: 32_767 },
    authorizationModes: ['Node', 'RBAC'],
    anonymousAuth: true,
    auditLogPath: undefined,
    disabledAdmission: new Set(['ServiceAccount']),
    podSecurity: standardConfiguration,
  });
}
