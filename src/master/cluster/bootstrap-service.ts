import { resources } from '../../client/resources.js';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import type {
  BootstrapDefinition,
  JoinMasterResponse,
  JoinWorkerRequest,
  JoinWorkerResponse,
} from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { addressKey } from '../../lib/connection-gate.js';
import { FailureLimiter } from '../../lib/failure-limiter.js';
import type { CallContext, Handlers } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import {
  BadSigningRequestError,
  readSigningRequest,
  signRequest,
} from '../../lib/pki/certificates.js';
import { hasFormerKey } from '../../lib/pki/former-key.js';
import { claimName, joinRecordName, joinRecordNamespace } from './join-records.js';
import { allMasters, listMasters } from './master-registry.js';
import { readAuthority, readClusterKeys, readKeyPair } from './pki.js';
import { hostOf, reservedHosts, servingHosts } from './serving-names.js';
import type { ClusterSettings } from './settings.js';
import { clusterDnsAddress, settingsToMap } from './settings.js';
import type { StoreAdmin } from './store-admin.js';
import { addStoreMember } from './store-member.js';
import type { TokenUsage } from './stored-token.js';
import { parseToken, tokenAllows } from './tokens.js';

/** The dependencies of the service by which workers and masters join with a token. */
export interface BootstrapServiceOptions {
  /** A client with all rights. */
  readonly client: ApiClient;
  readonly store: StoreAdmin;
  readonly pkiDirectory: string;
  readonly settings: ClusterSettings;
  readonly clusterToken: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';

/** A certificate and who it is for. */
interface Wanted {
  readonly csr: Uint8Array;
  readonly nodeName: string;
  readonly usage: 'client' | 'server';
}

/** Lets machines in that hold a token, and renews the certificates of nodes. */
export function createBootstrapHandlers(
  options: BootstrapServiceOptions,
): Handlers<typeof BootstrapDefinition> {
  const failures = new FailureLimiter(options.clock);
  return {
    async joinWorker(request, context): Promise<JoinWorkerResponse> {
      await authenticate(options, failures, context, 'worker');
      const { client, clock, settings, pkiDirectory } = options;
      const { nodeName } = request;
      if (await isKnownAgain(request, pkiDirectory)) {
        options.log.info({ node: nodeName, peer: context.peer }, 'a worker renews what ran out');
      } else await mustBeFree(options, context, request);
      const ca = await readKeyPair(pkiDirectory, 'ca');
      const sign = (csr: Uint8Array, usage: Wanted['usage']): Promise<string> =>
        signForNode(options, context, { csr, nodeName, usage });
      const certificate = await sign(request.csr, 'client');
      const serving = await sign(request.servingCsr, 'server');
      const masters = await listMasters(client, clock);
      options.log.info({ node: nodeName, peer: context.peer }, 'a worker joins');
      return {
        ca: Buffer.from(ca.cert),
        certificate: Buffer.from(certificate),
        servingCertificate: Buffer.from(serving),
        masters: masters.map((master) => master.grpcAddress),
        clusterCidr: settings.clusterCidr,
        serviceCidr: settings.serviceCidr,
        clusterDns: clusterDnsAddress(settings),
        clusterDomain: settings.clusterDomain,
      };
    },

    async joinMaster(request, context): Promise<JoinMasterResponse> {
      await authenticate(options, failures, context, 'master');
      if (!isNodeName(request.name)) {
        throw new GrpcError(Code.InvalidArgument, `"${request.name}" is not a master's name`);
      }
      const { initialCluster, storeEndpoints } = await addStoreMember(options.store, request);
      const masters = await listMasters(options.client, options.clock);
      options.log.info({ master: request.name, peer: context.peer }, 'a master joins');
      return {
        files: await readClusterKeys(options.pkiDirectory),
        initialCluster,
        storeEndpoints,
        clusterToken: options.clusterToken,
        masters: masters.map((master) => master.grpcAddress),
        settings: settingsToMap(options.settings),
      };
    },

    async authorities(_request, context) {
      mustBeNode(context);
      const [{ cert: ca }, { cert: signer }] = await Promise.all([
        readKeyPair(options.pkiDirectory, 'ca'),
        readAuthority(options.pkiDirectory, 'ca'),
      ]);
      return { ca: Buffer.from(ca), signer: Buffer.from(signer) };
    },

    async renew(request, context) {
      const nodeName = mustBeNode(context);
      const { csr } = request;
      const usage = (await read(csr)).hosts.length > 0 ? 'server' : 'client';
      const certificate = await signForNode(options, context, { csr, nodeName, usage });
      return { certificate: Buffer.from(certificate) };
    },
  };
}

/** @returns the name of the node that calls @throws GrpcError PERMISSION_DENIED for anybody else */
function mustBeNode({ peerCertificate }: CallContext): string {
  const name = peerCertificate?.commonName ?? '';
  const isNode = peerCertificate?.organizations.includes(nodesGroup) ?? false;
  const nodeName = name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : '';
  if (isNode && nodeName !== '') return nodeName;
  throw new GrpcError(Code.PermissionDenied, 'only a node may ask for that here');
}

/**
 * Checks the join token of a call.
 * @throws GrpcError UNAUTHENTICATED; RESOURCE_EXHAUSTED when the address has guessed so often that no other token is
 * looked at
 */
async function authenticate(
  options: BootstrapServiceOptions,
  failures: FailureLimiter,
  context: CallContext,
  usage: TokenUsage,
): Promise<void> {
  const header = context.metadata.get('authorization');
  const token =
    typeof header === 'string' && header.startsWith('Bearer ')
      ? parseToken(header.slice('Bearer '.length))
      : undefined;
  if (token === undefined) {
    throw new GrpcError(Code.Unauthenticated, 'a bootstrap token is needed: <id>.<secret>');
  }
  const guesser = addressKey(hostOf(context.peer));
  if (!failures.allows(guesser)) {
    const reason = 'too many tokens that are not valid, please try again later';
    throw new GrpcError(Code.ResourceExhausted, reason);
  }
  const { client, clock } = options;
  if (!(await tokenAllows({ client, clock, token, usage }))) {
    failures.failed(guesser);
    const reason = `the token "${token.id}" is unknown, has expired, or may not be used by a ${usage}`;
    throw new GrpcError(Code.Unauthenticated, reason);
  }
}

/**
 * A token lets a new node in, and nobody take over a name: not that of a node that is there, whose certificates only
 * its own renew, nor one of a master or of the API.
 */
async function mustBeFree(
  options: BootstrapServiceOptions,
  context: CallContext,
  { nodeName: name, csr }: { readonly nodeName: string; readonly csr: Uint8Array },
): Promise<void> {
  if (!isNodeName(name) || (isIP(name) !== 0 && name !== hostOf(context.peer))) {
    throw new GrpcError(Code.InvalidArgument, `"${name}" is not a node name`);
  }
  const refuse = (reason: string): never => {
    options.log.warn({ node: name, peer: context.peer }, 'a worker asks for a name that is taken');
    throw new GrpcError(Code.AlreadyExists, reason);
  };
  if ((await reserved(options)).has(name)) {
    refuse(`"${name}" is a name of a master or of the API: give the worker another --node-name`);
  }
  const mustBeAbsent = async (): Promise<void> => {
    if (!(await isRegistered(options.client, name))) return;
    refuse(
      `a node "${name}" is there already: start its worker with the data directory that it joined with, ` +
        `or delete the node first (kubectl delete node ${name})`,
    );
  };
  await mustBeAbsent();
  const { publicKey } = (await read(csr)).request;
  if (!(await claimName(options.client, name, new Uint8Array(publicKey.rawData)))) {
    refuse(
      `another machine has a certificate for "${name}" and has not registered yet; if it is lost: ` +
        `kubectl -n ${joinRecordNamespace} delete lease ${joinRecordName(name)}`,
    );
  }
  // It may have registered, and its record have gone, since the first look.
  await mustBeAbsent();
}

/**
 * True for a node whose certificate has run out while it was off, and that shows its key: the name is its own. The
 * token says that somebody wants it back.
 *
 */
async function isKnownAgain(request: JoinWorkerRequest, pkiDirectory: string): Promise<boolean> {
  const { former } = request;
  if (former === undefined) return false;
  const { cert: ca } = await readKeyPair(pkiDirectory, 'ca');
  return hasFormerKey(former, {
    request: request.csr,
    ca,
    commonName: `${nodePrefix}${request.nodeName}`,
    organization: nodesGroup,
  });
}

async function isRegistered(client: ApiClient, name: string): Promise<boolean> {
  try {
    await client.get(resources.nodes, { name });
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

async function reserved(options: BootstrapServiceOptions): Promise<ReadonlySet<string>> {
  const { client, settings, pkiDirectory } = options;
  const masters = await allMasters(client);
  const own = await readFile(join(pkiDirectory, 'apiserver.crt'), 'utf8');
  return reservedHosts(masters, settings, own);
}

/** A node gets certificates for its own name and the address that it calls from, whatever its request says. */
async function signForNode(
  options: BootstrapServiceOptions,
  context: CallContext,
  { csr, nodeName, usage }: Wanted,
): Promise<string> {
  const { request, hosts: wanted } = await read(csr);
  const ca = await readAuthority(options.pkiDirectory, 'ca');
  const identity = { commonName: `${nodePrefix}${nodeName}`, organizations: [nodesGroup] };
  if (usage === 'client') {
    const subject = { ...identity, usages: ['client'] as const };
    return signRequest({ ca, request, subject, clock: options.clock });
  }
  const node = { name: nodeName, seenAddress: hostOf(context.peer) };
  const hosts = servingHosts(wanted, node, await reserved(options));
  const refused = wanted.filter((host) => !hosts.includes(host));
  if (refused.length > 0) {
    // The API server knows nodes by name, so the certificate serves all the same.
    options.log.info({ node: nodeName, refused }, 'a serving certificate leaves out hosts');
  }
  const subject = { ...identity, hosts, usages: ['server'] as const };
  return signRequest({ ca, request, subject, clock: options.clock });
}

async function read(csr: Uint8Array): ReturnType<typeof readSigningRequest> {
  try {
    return await readSigningRequest(Buffer.from(csr).toString('utf8'));
  } catch (error) {
    if (error instanceof BadSigningRequestError) {
      throw new GrpcError(Code.InvalidArgument, error.message, { cause: error });
    }
    throw error;
  }
}

/** A DNS subdomain, as names of nodes are. */
function isNodeName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name);
}
