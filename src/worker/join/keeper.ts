/** Keeps a worker's credentials good: renews its certificates in time, and learns which masters there are. */
import { resources } from '../../client/resources.js';
import { X509Certificate } from 'node:crypto';
import { nodeAnnotations } from '../../api/facts/node-authorities.js';
import type { Lease } from '../../api/types/policy.js';
import type { GrpcApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { BootstrapDefinition } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { isSignedByOne, pemBlocks } from '../../lib/pki/bundle.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { renewAtMs, validityOf } from '../../lib/pki/validity.js';
import type { Credentials } from './credentials.js';
import { writeCredentials } from './credentials.js';
import { signingRequests } from './join.js';

/** The dependencies of {@link CredentialsKeeper}. */
export interface KeeperOptions {
  readonly client: GrpcApiClient;
  readonly dataDir: string;
  readonly hosts: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** New certificates are there: for connections made from now on. */
  readonly onRenewed: (credentials: Credentials) => void;
}

const checkMs = 3_000;
/** Between two questions which authorities there are. */
const authoritiesEveryMs = 10_000;
/** A master that has been silent for so long is left out. @see master-registry */
const aliveMs = 60_000;

/** Renews the node's certificates, and keeps the list of masters. */
export class CredentialsKeeper {
  readonly #options: KeeperOptions;
  #credentials: Credentials;
  #signer = '';
  #cancel: () => void = () => undefined;
  #stopped = false;
  #authoritiesMs = -Infinity;
  /** The annotations that the Node is known to have. */
  #told = '';

  constructor(credentials: Credentials, options: KeeperOptions) {
    this.#credentials = credentials;
    this.#options = options;
  }

  start(): void {
    this.#schedule(1000);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      const next = (): void => this.#schedule(checkMs);
      this.#check().then(next, next);
    });
  }

  async #check(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.#learnMasters();
      const signer = await this.#learnAuthorities();
      const own = [this.#credentials.certificate, this.#credentials.servingCertificate];
      const isOld = (one: string): boolean =>
        signer !== '' && !isSignedByOne(new X509Certificate(one), signer);
      if (clock.nowMs() >= Math.min(...own.map(renewAtMs)) || own.some(isOld)) await this.#renew();
      await this.#tell();
    } catch (error) {
      log.warn({ error }, 'credentials could not be checked; tried again');
    }
  }

  async #learnMasters(): Promise<void> {
    const { client, clock } = this.#options;
    let masters: string[];
    try {
      const { items } = await client.list<Lease>(resources.leases, {
        namespace: 'kube-system',
        labelSelector: 'trireme.dev/master=true',
        // As the API server knows it: it is asked so often that the store need not be.
        resourceVersion: '0',
      });
      masters = items
        .filter(({ spec }) => clock.nowMs() - Date.parse(spec?.renewTime ?? '') < aliveMs)
        .map(({ metadata }) => metadata.annotations?.['trireme.dev/grpc-address'] ?? '')
        .filter((address) => address !== '')
        .toSorted();
    } catch (error) {
      // Nodes may not list masters here: those that the node knows from joining stay.
      if (isApiError(error, 'Forbidden')) return;
      throw error;
    }
    const known = this.#credentials.masters.toSorted();
    // A master that is silent now may be back later: known ones are dropped only for a list that is at least as long.
    if (masters.length < known.length) masters = [...new Set([...masters, ...known])].toSorted();
    if (masters.length === 0 || masters.join() === known.join()) return;
    this.#options.log.info({ masters }, 'the masters have changed');
    client.servers.setTargets(masters);
    await this.#keep({ ...this.#credentials, masters });
  }

  /**
   * Believes what the masters believe. Connections that are made from then on do so.
   * @returns PEM of the authority that signs; empty where the masters are of a build that does not say
   */
  async #learnAuthorities(): Promise<string> {
    const { client, clock, log, onRenewed } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#authoritiesMs >= authoritiesEveryMs) {
      const found = await client.servers
        .call((channel) => channel.client(BootstrapDefinition).authorities({}), {
          idempotent: true,
        })
        .catch((error: unknown) => {
          if (isGrpcError(error) && error.code === Code.Unimplemented) return undefined;
          throw error;
        });
      this.#authoritiesMs = nowMs;
      if (found === undefined) return this.#signer;
      const { ca, signer } = found;
      this.#signer = signer.toString();
      if (ca.toString() !== this.#credentials.ca) {
        await this.#keep({ ...this.#credentials, ca: ca.toString() });
        log.info({ authorities: pemBlocks(ca).length }, 'the authorities have changed');
        onRenewed(this.#credentials);
      }
    }
    return this.#signer;
  }

  /** Says on the Node which authorities are believed, which has signed, and when the first certificate ends. */
  async #tell(): Promise<void> {
    const { ca, certificate, servingCertificate, nodeName } = this.#credentials;
    const own = [certificate, servingCertificate];
    const signers = pemBlocks(ca).filter((pem) =>
      own.every((one) => isSignedByOne(new X509Certificate(one), pem)),
    );
    const end = Math.min(...[...own, ...pemBlocks(ca)].map((pem) => validityOf(pem).toMs));
    const annotations = {
      [nodeAnnotations.believes]: pemBlocks(ca).map(publicKeyHash).join(','),
      [nodeAnnotations.signedBy]: signers.map(publicKeyHash).join(','),
      [nodeAnnotations.end]: new Date(end).toISOString(),
    };
    const text = JSON.stringify(annotations);
    if (text === this.#told) return;
    const patch = { metadata: { annotations } };
    const type = 'application/merge-patch+json';
    await this.#options.client.patch(resources.nodes, { name: nodeName }, type, patch);
    this.#told = text;
  }

  async #renew(): Promise<void> {
    const { client, hosts, log } = this.#options;
    const { nodeName } = this.#credentials;
    const requests = await signingRequests(nodeName, hosts);
    const sign = (request: string): Promise<{ certificate: Buffer }> =>
      client.servers.call(
        (channel) => channel.client(BootstrapDefinition).renew({ csr: Buffer.from(request) }),
        { idempotent: true },
      );
    const certificate = await sign(requests.client.request);
    const serving = await sign(requests.serving.request);
    await this.#keep({
      ...this.#credentials,
      certificate: certificate.certificate.toString('utf8'),
      key: requests.client.key,
      servingCertificate: serving.certificate.toString('utf8'),
      servingKey: requests.serving.key,
    });
    log.info({ node: nodeName }, 'renewed certificates');
    this.#options.onRenewed(this.#credentials);
  }

  async #keep(credentials: Credentials): Promise<void> {
    this.#credentials = credentials;
    await writeCredentials(this.#options.dataDir, credentials);
  }
}
