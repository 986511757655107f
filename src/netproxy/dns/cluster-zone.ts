/**
 * Names of the cluster's own zone, after the Kubernetes DNS specification 1.1.0. Synchronous, on the informers'
 * indexes: no record is stored, each is made from the objects at the moment of the question.
 */
import { keyOf, objectKey } from '../../api/facts/keys.js';
import type { Answer } from 'dns-packet';
import type { Informer, InformerFactory } from '../../client/types.js';
import { addressFamily, canonicalAddress } from '../address.js';
import type { ServiceWatch } from '../model/service-watch.js';
import { serviceNameLabel } from '../../api/facts/well-known.js';
import type { Namespace, Service, ServicePort } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { resources } from '../../client/resources.js';
import { labelsUnder, reverseAddress } from './name.js';

/** The knowledge about a name. `outside`: not ours, ask elsewhere. */
export type Resolution =
  | { readonly kind: 'outside' }
  /** Ours, and not known yet: neither yes nor no. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'found'; readonly answers: Answer[]; readonly extra: Answer[] };

interface Target {
  readonly name: string;
  readonly address: string;
}

const ttl = 30;
const byClusterIp = 'netproxy-cluster-ip';
const byAddress = 'netproxy-address';
const none = { kind: 'nxdomain' } as const;

/** Answers questions about the zone from the informers; see the head of this file. */
export class ClusterZone {
  readonly #watch: ServiceWatch;
  readonly #namespaces: Informer<Namespace>;
  readonly #zone: string;

  constructor(watch: ServiceWatch, informers: InformerFactory, zone: string) {
    this.#watch = watch;
    this.#zone = zone;
    this.#namespaces = informers.informer<Namespace>(resources.namespaces);
    watch.services.addIndex(byClusterIp, ({ spec }) => [
      ...new Set([...(spec?.clusterIPs ?? []), spec?.clusterIP ?? ''].map(canonicalAddress)),
    ]);
    watch.slices.addIndex(byAddress, ({ endpoints }) => [
      ...new Set((endpoints ?? []).flatMap(({ addresses }) => addresses.map(canonicalAddress))),
    ]);
  }

  /** Resolves when all is known that names are made of; rejects when `signal` aborts before. */
  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.#watch.whenSynced(signal), this.#namespaces.whenSynced(signal)]);
  }

  /** @param name in normal form. @param type "A", "SRV", … */
  resolve(name: string, type: string): Resolution {
    const address = reverseAddress(name);
    if (address !== undefined) return this.#reverse(name, address, type);
    const labels = labelsUnder(name, this.#zone);
    if (labels === undefined) return { kind: 'outside' };
    const known = this.#watch.services.synced && this.#watch.slices.synced;
    if (!known && labels.length > 0) return { kind: 'unknown' };
    if (labels.length === 0) {
      return found(type === 'SOA' || type === 'ANY' ? [this.soa()] : []);
    }
    const path = labels.reverse();
    if (path[0] === 'dns-version' && path.length === 1) {
      return found(type === 'TXT' ? [{ type: 'TXT', name, ttl, data: '1.1.0' }] : []);
    }
    if (path[0] === 'pod') return this.#pod(name, path.slice(1), type);
    if (path[0] === 'svc') return this.#service(name, path.slice(1), type);
    return none;
  }

  /** The zone's SOA, whose last field says how long "no" may be remembered: 5 seconds. */
  soa(): Answer {
    return {
      type: 'SOA',
      name: this.#zone,
      ttl: 5,
      data: {
        mname: `ns.dns.${this.#zone}`,
        rname: `hostmaster.${this.#zone}`,
        serial: 1,
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: 5,
      },
    };
  }

  /** 10-244-1-5.namespace.pod: an address written as a name. */
  #pod(name: string, path: readonly string[], type: string): Resolution {
    const [namespace, dashed, more] = path;
    if (namespace === undefined) return found([]);
    if (!this.#namespaces.synced) return { kind: 'unknown' };
    if (this.#namespaces.get({ name: namespace }) === undefined || more !== undefined) return none;
    if (dashed === undefined) return found([]);
    const v4 = dashed.replaceAll('-', '.');
    const address = addressFamily(v4) === 'IPv4' ? v4 : dashed.replaceAll('-', ':');
    if (addressFamily(address) === undefined) return none;
    return found(addressRecords(name, type, [address]));
  }

  /** [namespace, service, …]: `_port._protocol` or an endpoint's name may follow. */
  #service(name: string, path: readonly string[], type: string): Resolution {
    const [namespace, serviceName, third, fourth, fifth] = path;
    if (namespace === undefined) return found([]);
    if (serviceName === undefined) {
      if (!this.#namespaces.synced) return { kind: 'unknown' };
      return this.#namespaces.get({ name: namespace }) === undefined ? none : found([]);
    }
    const service = this.#watch.service(objectKey({ namespace, name: serviceName }));
    if (service === undefined || fifth !== undefined) return none;
    const { spec } = service;
    if (spec?.type === 'ExternalName') {
      const data = spec.externalName ?? '';
      // As CoreDNS: an address is no name for an alias to lead to.
      if (third !== undefined || data === '' || addressFamily(data) !== undefined) return none;
      return found([{ type: 'CNAME', name, ttl, data }]);
    }
    const headless = isHeadless(service);
    if (third === undefined) {
      const addresses = headless
        ? this.#targets(service).map(({ address }) => address)
        : (spec?.clusterIPs ?? [spec?.clusterIP ?? '']);
      if (headless && addresses.length === 0) return none;
      if (type === 'SRV') return this.#serviceRecords(service, name, undefined, undefined);
      return found(addressRecords(name, type, addresses));
    }
    if (/^_(?:tcp|udp|sctp)$/.test(third)) {
      return this.#serviceRecords(service, name, fourth, third.slice(1), type);
    }
    if (!headless || fourth !== undefined) return none;
    const own = this.#targets(service).filter((target) => target.name === third);
    if (own.length === 0) return none;
    return found(
      addressRecords(
        name,
        type,
        own.map(({ address }) => address),
      ),
    );
  }

  #serviceRecords(
    service: Service,
    name: string,
    portLabel: string | undefined,
    protocol: string | undefined,
    type = 'SRV',
  ): Resolution {
    const base = `${service.metadata.name}.${service.metadata.namespace ?? ''}.svc.${this.#zone}`;
    const headless = isHeadless(service);
    const wanted = portLabel?.replace(/^_/, '');
    const answers: Answer[] = [];
    const extra: Answer[] = [];
    const seen = new Set<string>();
    const add = (port: number, target: string, addresses: readonly string[]): void => {
      // An endpoint of both families is one target: no record stands twice in an answer (RFC 2181, section 5).
      const key = `${port} ${target}`;
      if (!seen.has(key)) {
        answers.push({ type: 'SRV', name, ttl, data: { priority: 0, weight: 100, port, target } });
      }
      seen.add(key);
      for (const address of addresses) {
        const record = addressRecords(target, 'ANY', [address]);
        if (!extra.some((e) => e.name === target && 'data' in e && e.data === address)) {
          extra.push(...record);
        }
      }
    };
    const matches = (port: Pick<ServicePort, 'name' | 'protocol'>): boolean =>
      (protocol === undefined || (port.protocol ?? 'TCP').toLowerCase() === protocol) &&
      (wanted === undefined || (wanted !== '' && port.name === wanted));
    if (headless) {
      for (const slice of this.#watch.slicesOf(keyOf(service))) {
        for (const port of (slice.ports ?? []).filter(matches)) {
          for (const target of targetsOf(slice, publishes(service))) {
            if (port.port !== undefined) {
              add(port.port, `${target.name}.${base}`, [target.address]);
            }
          }
        }
      }
    } else {
      const addresses = service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? ''];
      for (const port of (service.spec?.ports ?? []).filter(matches)) {
        add(port.port, base, addresses);
      }
    }
    if (answers.length === 0) return none;
    return type === 'SRV' || type === 'ANY' ? { kind: 'found', answers, extra } : found([]);
  }

  #reverse(name: string, address: string, type: string): Resolution {
    const names: string[] = [];
    const suffix = (namespace: string, service: string): string =>
      `${service}.${namespace}.svc.${this.#zone}`;
    for (const { metadata } of this.#watch.services.byIndex(byClusterIp, address)) {
      names.push(suffix(metadata.namespace ?? '', metadata.name));
    }
    for (const slice of this.#watch.slices.byIndex(byAddress, address)) {
      const owner = slice.metadata.labels?.[serviceNameLabel] ?? '';
      const service = this.#watch.service(
        objectKey({ namespace: slice.metadata.namespace, name: owner }),
      );
      if (service === undefined || !isHeadless(service)) continue;
      for (const target of targetsOf(slice, publishes(service))) {
        if (canonicalAddress(target.address) !== address) continue;
        names.push(`${target.name}.${suffix(slice.metadata.namespace ?? '', owner)}`);
      }
    }
    if (names.length === 0) return { kind: 'outside' };
    const answers: Answer[] = [...new Set(names)].map((data) => ({ type: 'PTR', name, ttl, data }));
    return found(type === 'PTR' || type === 'ANY' ? answers : []);
  }

  #targets(service: Service): Target[] {
    const slices = this.#watch.slicesOf(keyOf(service));
    return slices.flatMap((slice) => targetsOf(slice, publishes(service)));
  }
}

/** The endpoints of a slice that have names: those that are ready, or all if the service says so. */
function targetsOf(slice: EndpointSlice, all: boolean): Target[] {
  return (slice.endpoints ?? []).flatMap(({ addresses, conditions, hostname }) => {
    if (conditions?.ready === false && !all) return [];
    const [address] = addresses;
    if (address === undefined) return [];
    const name = hostname ?? '';
    return [{ address, name: name === '' ? address.replaceAll(/[.:]/g, '-') : name.toLowerCase() }];
  });
}

function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None' || service.spec?.clusterIPs?.[0] === 'None';
}

function publishes(service: Service): boolean {
  return service.spec?.publishNotReadyAddresses === true;
}

function addressRecords(name: string, type: string, addresses: readonly string[]): Answer[] {
  return [...new Set(addresses)].flatMap((data): Answer[] => {
    const family = addressFamily(data);
    if (family === 'IPv4' && (type === 'A' || type === 'ANY'))
      return [{ type: 'A', name, ttl, data }];
    if (family === 'IPv6' && (type === 'AAAA' || type === 'ANY')) {
      return [{ type: 'AAAA', name, ttl, data }];
    }
    return [];
  });
}

function found(answers: Answer[]): Resolution {
  return { kind: 'found', answers, extra: [] };
}
