/** Joins a cluster: a master that shows the pinned authority signs this node's certificates for a bootstrap token. */
import { BootstrapDefinition } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Channel } from '../../lib/grpc/index.js';
import { Code, createGrpcChannel, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { createSigningRequest } from '../../lib/pki/certificates.js';
import { proveFormerKey } from '../../lib/pki/former-key.js';
import { pinnedTo } from '../../lib/pki/pinning.js';
import { fixedTls } from '../../lib/pki/tls-source.js';
import { errorMessage } from '../../lib/errors.js';
import type { JoinTarget } from '../options.js';
import type { Credentials } from './credentials.js';

/** A joining worker gives up after this long. */
const patienceMs = 60_000;
const retryMs = 200;

/** The masters that a new node joins, and what it says of itself. */
export interface JoinOptions {
  readonly target: JoinTarget;
  readonly nodeName: string;
  /** Addresses and names for the serving certificate. */
  readonly hosts: readonly string[];
  /** Credentials that have run out: by their key the node is known again, and keeps its name. */
  readonly former?: Pick<Credentials, 'certificate' | 'key'> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Requests {
  readonly client: { readonly request: string; readonly key: string };
  readonly serving: { readonly request: string; readonly key: string };
}

/** @throws GrpcError when a master refuses, or none answers for a minute */
export async function joinCluster(options: JoinOptions): Promise<Credentials> {
  const { target, clock, log } = options;
  const requests = await signingRequests(options.nodeName, options.hosts);
  const giveUpMs = clock.monotonicMs() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    const server = target.servers[attempt % target.servers.length] ?? '';
    const tls = fixedTls({ verify: pinnedTo(target.caHash) });
    const channel = createGrpcChannel({ target: server, tls, log, clock });
    try {
      return await askOne(channel, options, requests);
    } catch (error) {
      if (!isRetryable(error) || clock.monotonicMs() >= giveUpMs) throw error;
      const reason = errorMessage(error);
      log.info({ server, reason }, 'could not join yet; trying again');
      await delay(clock, retryMs);
    } finally {
      channel.close();
    }
  }
}

/** Two keys with requests for them: one to call masters with, one to serve with. */
export async function signingRequests(
  nodeName: string,
  hosts: readonly string[],
): Promise<Requests> {
  const commonName = `system:node:${nodeName}`;
  const organizations = ['system:nodes'];
  const [client, serving] = await Promise.all([
    createSigningRequest({ commonName, organizations, usages: ['client'] }),
    createSigningRequest({ commonName, organizations, hosts, usages: ['server'] }),
  ]);
  return { client, serving };
}

async function askOne(
  channel: Channel,
  { target, nodeName, former }: JoinOptions,
  { client, serving }: Requests,
): Promise<Credentials> {
  const csr = Buffer.from(client.request);
  const answer = await channel.client(BootstrapDefinition).joinWorker(
    {
      nodeName,
      csr,
      servingCsr: Buffer.from(serving.request),
      former: former === undefined ? undefined : proveFormerKey(former, csr),
    },
    { metadata: new Map([['authorization', `Bearer ${target.token}`]]), deadlineMs: 10_000 },
  );
  return {
    nodeName,
    ca: answer.ca.toString('utf8'),
    certificate: answer.certificate.toString('utf8'),
    key: client.key,
    servingCertificate: answer.servingCertificate.toString('utf8'),
    servingKey: serving.key,
    masters: answer.masters.length === 0 ? target.servers : answer.masters,
    clusterCidr: answer.clusterCidr,
    serviceCidr: answer.serviceCidr,
    clusterDns: answer.clusterDns,
    clusterDomain: answer.clusterDomain,
  };
}

function isRetryable(error: unknown): boolean {
  if (!isGrpcError(error)) return false;
  const { code } = error;
  return code === Code.Unavailable || code === Code.DeadlineExceeded || code === Code.Unknown;
}
