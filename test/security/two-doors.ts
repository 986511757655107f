/** An API server in this process on a store in memory, with callers of any name at both of its doors. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentDefinition } from '../../src/gen/agent.js';
import { ResourcesDefinition } from '../../src/gen/apiserver.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Channel, Client, GrpcServer } from '../../src/lib/grpc/index.js';
import { createGrpcChannel, createGrpcServer, isGrpcError } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import type { KeyPair } from '../../src/lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import { fixedTls } from '../../src/lib/pki/tls-source.js';
import { standardConfiguration } from '../../src/master/apiserver/admission/pod-security/configuration.js';
import type { RunningApiServer } from '../../src/master/apiserver/options.js';
import { startApiServer } from '../../src/master/apiserver/server.js';
import { MemoryStore } from '../../src/master/apiserver/storage/testkit/memory-store.js';

const clock = systemClock({ unref: true });

/** The identity of a caller: by certificate, by token, or none. */
export interface Identity {
  readonly certificate?: KeyPair;
  readonly token?: string;
}

/** An answer of either door, in the form of HTTP. */
export interface DoorAnswer {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly text: string;
  /** The `Warning` headers of an answer over REST. */
  readonly warnings?: readonly string[];
}

export interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly auditID: string;
  readonly user: { readonly username?: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username?: string };
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus: { readonly code: number; readonly reason?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export class TwoDoors {
  readonly home: string;
  readonly ca: KeyPair;
  readonly store = new MemoryStore();
  readonly #server: RunningApiServer;
  readonly #channels: Channel[] = [];
  readonly #agents: https.Agent[] = [];
  readonly #byIdentity = new Map<Identity, { channel: Channel; agent: https.Agent }>();

  private constructor(home: string, ca: KeyPair, server: RunningApiServer, store: MemoryStore) {
    this.home = home;
    this.ca = ca;
    this.#server = server;
    this.store = store;
  }

  static async start(): Promise<TwoDoors> {
    const home = mkdtempSync(join(tmpdir(), 'trireme-doors-'));
    const ca = await createCertificateAuthority({ commonName: 'test-ca', clock });
    const issue = (commonName: string, organizations: readonly string[]): Promise<KeyPair> =>
      issueCertificate({
        ca,
        subject: {
          commonName,
          organizations,
          hosts: ['127.0.0.1', 'localhost'],
          usages: ['server', 'client'],
        },
        clock,
      });
    const serving = await issue('kube-apiserver', []);
    const kubelet = await issue('kube-apiserver-kubelet-client', ['system:masters']);
    const encryptionKey = randomBytes(32);
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const store = new MemoryStore();
    const server = await startApiServer({
      log: silentLogger,
      clock,
      masterName: 'test',
      advertiseAddress: '127.0.0.1',
      bindAddress: '127.0.0.1',
      securePort: 0,
      grpcPort: 0,
      serving: fixedTls({ ca: ca.cert, ...serving }),
      etcd: { store },
      serviceAccount: {
        issuer: 'https://kubernetes.default.svc',
        audiences: ['https://kubernetes.default.svc'],
        keys: fixedTls({ signingKey: privateKey, publicKeys: [publicKey] }),
      },
      kubelet: fixedTls({ ca: ca.cert, ...kubelet }),
      encryptionKeys: () => [{ name: 'key1', secret: encryptionKey }],
      serviceClusterIpRange: '10.96.0.0/16',
      nodePortRange: { first: 30_000, last: 32_767 },
      authorizationModes: ['Node', 'RBAC'],
      anonymousAuth: true,
      auditLogPath: join(home, 'audit.log'),
      disabledAdmission: new Set(),
      podSecurity: standardConfiguration,
    });
    return new TwoDoors(home, ca, server, store);
  }

  get restPort(): number {
    return this.#server.restPort;
  }

  get grpcPort(): number {
    return this.#server.grpcPort;
  }

  /** A caller with a certificate of this cluster. */
  async identity(name: string, ...groups: readonly string[]): Promise<Identity> {
    return { certificate: await this.issue(name, groups) };
  }

  issue(commonName: string, organizations: readonly string[]): Promise<KeyPair> {
    const hosts = ['127.0.0.1', 'localhost'];
    const subject = { commonName, organizations, hosts, usages: ['server', 'client'] as const };
    return issueCertificate({ ca: this.ca, subject, clock });
  }

  #connections(identity: Identity): { channel: Channel; agent: https.Agent } {
    let known = this.#byIdentity.get(identity);
    if (known === undefined) {
      const tls = { ca: this.ca.cert, ...identity.certificate };
      const target = `127.0.0.1:${this.#server.grpcPort}`;
      known = {
        channel: createGrpcChannel({ target, tls: fixedTls(tls), log: silentLogger, clock }),
        agent: new https.Agent({ keepAlive: true, maxSockets: 4, ...tls }),
      };
      this.#byIdentity.set(identity, known);
      this.#channels.push(known.channel);
      this.#agents.push(known.agent);
    }
    return known;
  }

  grpc(identity: Identity): Client<typeof ResourcesDefinition> {
    return this.#connections(identity).channel.client(ResourcesDefinition);
  }

  agent(identity: Identity): Client<typeof AgentDefinition> {
    return this.#connections(identity).channel.client(AgentDefinition);
  }

  rest(
    identity: Identity,
    method: string,
    path: string,
    options: {
      /** A Buffer is sent as it is, anything else as JSON. */
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      /** Hangs up once an answer of 200 has begun. */
      readonly leavesEarly?: boolean;
    } = {},
  ): Promise<DoorAnswer> {
    const { body, headers = {}, leavesEarly = false } = options;
    const token = identity.token === undefined ? {} : { authorization: `Bearer ${identity.token}` };
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: '127.0.0.1',
          port: this.restPort,
          method,
          path,
          agent: this.#connections(identity).agent,
          headers: { 'content-type': 'application/json', ...token, ...headers },
        },
        (response) => {
          if (leavesEarly && response.statusCode === 200) {
            response.destroy();
            resolve({ code: 200, reason: '', message: '', text: '' });
            return;
          }
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const warnings = response.headersDistinct['warning'] ?? [];
            resolve({ code: response.statusCode ?? 0, warnings, text, ...statusOf(text) });
          });
        },
      );
      request.on('error', reject);
      const isRaw = body === undefined || Buffer.isBuffer(body);
      request.end(isRaw ? body : JSON.stringify(body));
    });
  }

  /** The events so far, once there is one that `last` accepts. */
  async audit(last: (event: AuditEvent) => boolean): Promise<AuditEvent[]> {
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const lines = readFileSync(join(this.home, 'audit.log'), 'utf8').split('\n').slice(0, -1);
      const events = lines.map((line) => JSON.parse(line) as AuditEvent);
      if (events.some(last)) return events;
      if (performance.now() > deadlineMs) throw new Error('the event was not written');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stop(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    for (const agent of this.#agents) agent.destroy();
    await this.#server.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}

function statusOf(text: string): { reason: string; message: string } {
  try {
    const { reason = '', message = '' } = JSON.parse(text) as { reason?: string; message?: string };
    return { reason, message };
  } catch {
    return { reason: '', message: text };
  }
}

/** Converts the outcome of a gRPC call to the form of HTTP: the Status in its trailer counts. */
export async function told(call: Promise<{ readonly object: Buffer }>): Promise<DoorAnswer> {
  try {
    const text = (await call).object.toString();
    return { code: 200, reason: '', message: '', text };
  } catch (error) {
    return failed(error);
  }
}

/** The same for a stream; its messages are left in `text` as JSON. */
export async function heard(
  stream: AsyncIterable<unknown>,
  enough: (count: number) => boolean = () => false,
): Promise<DoorAnswer> {
  const messages: unknown[] = [];
  try {
    for await (const message of stream) {
      messages.push(message);
      if (enough(messages.length)) break;
    }
    return { code: 200, reason: '', message: '', text: JSON.stringify(messages) };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): DoorAnswer {
  if (!isGrpcError(error)) throw error;
  const bytes = error.metadata.get('status-bin');
  if (bytes === undefined) throw error;
  const text = bytes.toString();
  const { code } = JSON.parse(text) as { code: number };
  return { code, text, ...statusOf(text) };
}

/** A pretended agent of the node of that name, whose certificate it shows. */
export async function startAgent(
  doors: TwoDoors,
  node: string,
  handlers: Parameters<GrpcServer['addService']>[1],
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const pair = await doors.issue(`system:node:${node}`, ['system:nodes']);
  const tls = { ...pair, ca: doors.ca.cert };
  const server = createGrpcServer({ log: silentLogger, clock, tls: fixedTls(tls) });
  server.addService(AgentDefinition, handlers);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { port, stop: () => server.close() };
}

/** A webhook's server. */
export async function startWebhook(
  doors: TwoDoors,
  answer: (review: { readonly request: Record<string, unknown> }) => object,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { cert, key } = await doors.issue('webhook', []);
  const server = https.createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly request: Record<string, unknown>;
      };
      const body = {
        kind: 'AdmissionReview',
        apiVersion: 'admission.k8s.io/v1',
        response: { uid: review.request['uid'], ...answer(review) },
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}/`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
