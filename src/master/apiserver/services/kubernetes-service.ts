import { cloneJson } from '../../../api/clone.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import { semanticEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { BootstrapDeps } from '../bootstrap/bootstrap.js';
import { ensure, systemContext } from '../bootstrap/bootstrap.js';
import { masterLeaseSeconds } from '../limits.js';
import { registryPrefix } from '../storage/keys.js';
import { addressText } from './address-range.js';
import type { AddressRange } from './address-range.js';
import type { DefaultServiceCidr } from './default-cidr.js';

const leases = 'masterleases';
/** As kube-apiserver's lease reconciler. */
const renewMs = 10_000;
/** After a renewal that failed: the key must not end before the next one. */
const retryMs = 1_000;
const name = 'kubernetes';
const namespace = 'default';

/** The address of this API server, for the endpoints of the Service `kubernetes`. */
export interface KubernetesServiceOptions {
  readonly deps: BootstrapDeps;
  readonly range: AddressRange;
  readonly serviceCidr: DefaultServiceCidr;
  readonly address: string;
  readonly port: number;
}

/**
 * Keeps the service `default/kubernetes`, its endpoints and the default ServiceCIDR: every master renews a key with a
 * short life, and makes the endpoints those of the keys that live.
 */
export class KubernetesService {
  readonly #options: KubernetesServiceOptions;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: KubernetesServiceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#round();
  }

  async #round(): Promise<void> {
    const nextMs = (await this.#keep()) ? renewMs : retryMs;
    if (this.#stopped) return;
    this.#cancel = this.#options.deps.objects.clock.schedule(nextMs, () => {
      void this.#round();
    });
  }

  /** Endpoints need no address out of a range, nor is either held up by the other. @returns false where one failed */
  async #keep(): Promise<boolean> {
    const { deps, serviceCidr } = this.#options;
    const { objects } = deps;
    const endpoints = async (): Promise<void> => {
      await this.#renew();
      await objects.watchCache.fresh();
      await this.#reconcile();
    };
    const service = async (): Promise<void> => {
      await serviceCidr.sync();
      await ensure(deps, this.#service());
    };
    let isKept = true;
    for (const step of [endpoints, service]) {
      try {
        await step();
      } catch (error) {
        objects.log.warn({ error }, 'the Service kubernetes could not be kept');
        isKept = false;
      }
    }
    return isKept;
  }

  #renew(): Promise<unknown> {
    const { address, port, deps } = this.#options;
    const key = `${registryPrefix}${leases}/${address}`;
    const value = {
      kind: 'MasterLease',
      apiVersion: 'internal.trireme/v1',
      metadata: { name: address },
      port,
    };
    return deps.objects.store.txn(
      [],
      [
        {
          type: 'put',
          key,
          value: Buffer.from(JSON.stringify(value)),
          ttlSeconds: masterLeaseSeconds,
        },
      ],
    );
  }

  async #reconcile(): Promise<void> {
    const live = [...this.#options.deps.objects.watchCache.cache(leases).list()].map(
      (entry) => entry.name,
    );
    const addresses = [...new Set([...live, this.#options.address])].sort();
    const port = this.#options.port;
    await this.#make({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [
        {
          addresses: addresses.map((ip) => ({ ip })),
          ports: [{ name: 'https', port, protocol: 'TCP' }],
        },
      ],
    } as KubeObject);
    await this.#make({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace, labels: { [serviceNameLabel]: name } },
      addressType: 'IPv4',
      endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    } as KubeObject);
  }

  async #make(wanted: KubeObject): Promise<void> {
    const { deps } = this.#options;
    const context = systemContext(deps, wanted);
    const present = deps.objects.cached(context.target)?.object();
    if (present === undefined) return ensure(deps, wanted);
    const parts = ({ subsets, endpoints, ports }: Record<string, unknown>): unknown => ({
      subsets,
      endpoints,
      ports,
    });
    const same = semanticEqual(
      parts(present as unknown as Record<string, unknown>),
      parts(wanted as unknown as Record<string, unknown>),
    );
    if (same) return;
    await deps.writer.update(context, {
      createsMissing: true,
      tracksFields: false,
      next: (old) => cloneJson({ ...wanted, metadata: { ...wanted.metadata, ...old?.metadata } }),
    });
  }

  #service(): KubeObject {
    const { range, port } = this.#options;
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: {
        type: 'ClusterIP',
        clusterIP: addressText(range.first + 1),
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      },
    } as KubeObject;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    const { address, deps } = this.#options;
    const key = `${registryPrefix}${leases}/${address}`;
    await deps.objects.store.txn([], [{ type: 'delete', key }]).catch(() => undefined);
  }
}
