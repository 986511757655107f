import type { ApiClient } from '../../client/index.js';
import type {
  BootstrapDefinition,
  JoinMasterResponse,
  JoinWorkerResponse,
} from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import type { CallContext, Handlers } from '../../lib/grpc/index.js';
import { Code, GrpcError, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import {
  BadSigningRequestError,
  readSigningRequest,
  signRequest,
} from '../../lib/pki/certificates.js';
import { listMasters } from './master-registry.js';
import { readClusterKeys, readKeyPair } from './pki.js';
import type { ClusterSettings } from './settings.js';
import { clusterDnsAddress, settingsToMap } from './settings.js';
import type { StoreAdmin } from './store-admin.js';
import type { TokenUsage } from './tokens.js';
import { parseToken, tokenAllows } from './tokens.js';

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

/** Lets machines in that hold a token, and renews the certificates of nodes. */
export function createBootstrapHandlers(
  options: BootstrapServiceOptions,
): Handlers<typeof BootstrapDefinition> {
  return {
    async joinWorker(request, context): Promise<JoinWorkerResponse> {
      await authenticate(options, context, 'worker');
      if (!isNodeName(request.nodeName)) {
        throw new GrpcError(Code.InvalidArgument, `"${request.nodeName}" is not a node name`);
      }
      const { client, clock, settings, pkiDirectory } = options;
      const ca = await readKeyPair(pkiDirectory, 'ca');
      const certificate = await signForNode(options, request.csr, request.nodeName, 'client');
      const serving = await signForNode(options, request.servingCsr, request.nodeName, 'server');
      const masters = await listMasters(client, clock);
      options.log.info({ node: request.nodeName, peer: context.peer }, 'a worker joins');
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
      await authenticate(options, context, 'master');
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

    async renew(request, context) {
      const name = context.peerCertificate?.commonName ?? '';
      const isNode = context.peerCertificate?.organizations.includes(nodesGroup) ?? false;
      if (!isNode || !name.startsWith(nodePrefix)) {
        throw new GrpcError(Code.PermissionDenied, 'only a node renews its certificate here');
      }
      const usage = (await read(request.csr)).hosts.length > 0 ? 'server' : 'client';
      const certificate = await signForNode(
        options,
        request.csr,
        name.slice(nodePrefix.length),
        usage,
      );
      return { certificate: Buffer.from(certificate) };
    },
  };
}

async function authenticate(
  options: BootstrapServiceOptions,
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
  const { client, clock } = options;
  if (!(await tokenAllows({ client, clock, token, usage }))) {
    const reason = `the token "${token.id}" is unknown, has expired, or may not be used by a ${usage}`;
    throw new GrpcError(Code.Unauthenticated, reason);
  }
}

/** A node gets a certificate for its own name only, whatever its request says. */
async function signForNode(
  options: BootstrapServiceOptions,
  csr: Uint8Array,
  nodeName: string,
  usage: 'client' | 'server',
): Promise<string> {
  const { request, hosts } = await read(csr);
  const ca = await readKeyPair(options.pkiDirectory, 'ca');
  const organizations = [nodesGroup];
  const commonName = `${nodePrefix}${nodeName}`;
  const subject =
    usage === 'client'
      ? { commonName, organizations, usages: ['client'] as const }
      : { commonName, organizations, hosts, usages: ['server'] as const };
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

/**
 * Adds the joining master's store member as a learner, once: who asks again after a broken answer gets the same member.
 * @returns `--initial-cluster` for it, and where the other members are asked
 */
async function addStoreMember(
  store: StoreAdmin,
  request: { readonly name: string; readonly peerUrl: string },
): Promise<{ initialCluster: string; storeEndpoints: string[] }> {
  const before = await store.memberList();
  const stale = before.find(
    (member) => member.name === request.name && !member.peerUrls.includes(request.peerUrl),
  );
  if (stale !== undefined) {
    throw new GrpcError(
      Code.AlreadyExists,
      `a master named "${request.name}" is a member of the store already, at ${stale.peerUrls.join(',')}; remove it first`,
    );
  }
  const known = before.find((member) => member.peerUrls.includes(request.peerUrl));
  if (known !== undefined && known.name !== '') {
    // It has started once: a master that lost its disk comes back as a new member.
    await store.memberRemove(known.id);
  }
  if (known === undefined || known.name !== '') await addLearner(store, request.peerUrl);
  const members = await store.memberList();
  const initialCluster = members
    .flatMap((member) =>
      member.peerUrls.map(
        (url) => `${url === request.peerUrl ? request.name : member.name}=${url}`,
      ),
    )
    .filter((part) => !part.startsWith('='))
    .join(',');
  return { initialCluster, storeEndpoints: members.flatMap((member) => member.clientUrls) };
}

/** The store takes one new member at a time, and none while it is not whole: the joining master asks again. */
async function addLearner(store: StoreAdmin, peerUrl: string): Promise<void> {
  try {
    await store.memberAddAsLearner(peerUrl);
  } catch (error) {
    if (
      isGrpcError(error) &&
      /too many learner|unhealthy cluster|not enough started/.test(error.message)
    ) {
      throw new GrpcError(Code.Unavailable, `another master is joining: ${error.message}`);
    }
    throw error;
  }
}
