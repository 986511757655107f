/** Keeps a worker's credentials good: renews its certificates in time, and learns which masters there are. */
import { resources } from '../../client/resources.js';
import type { Lease } from '../../api/types/policy.js';
import type { GrpcApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { BootstrapDefinition } from '../../gen/cluster.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { renewAtMs } from '../../lib/pki/validity.js';
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
/** A master that has been silent for so long is left out. @see master-registry */
const aliveMs = 60_000;

/** Renews the node's certificates, and keeps the list of masters. */
export class CredentialsKeeper {
  readonly #options: KeeperOptions;
  #credentials: Credentials;
  #cancel: () => void = () => undefined;
  #stopped = false;

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
      const { certificate, servingCertificate } = this.#credentials;
      const dueMs = Math.min(renewAtMs(certificate), renewAtMs(servingCertificate));
      if (clock.nowMs() >= dueMs) await this.#renew();
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
