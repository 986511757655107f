import type { KubeObject } from '../../../api/object.js';
import type { Service } from '../../../api/types/core.js';
import type { Random } from '../../../lib/random.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { WriteHook, ExtraWrites } from '../registry/write-hook.js';
import { internal, invalidObject } from '../status.js';
import { registryPrefix } from '../storage/keys.js';
import type { Guard, StoreOp } from '../storage/store.js';
import type { AddressRange } from './address-range.js';
import { addressNumber, addressText } from './address-range.js';

const addresses = 'serviceips';
const nodePorts = 'servicenodeports';
const probes = 4096;

/**
 * Hands out cluster IPs and node ports. Each one that is taken is a key of its own, written and removed in the same
 * transaction as the service: two masters cannot give out the same one, and nothing leaks.
 */
export class ServiceAllocator implements WriteHook {
  readonly #watchCache: WatchCache;
  readonly #range: AddressRange;
  readonly #ports: { readonly first: number; readonly last: number };
  readonly #random: Random;

  constructor(options: {
    readonly watchCache: WatchCache;
    readonly range: AddressRange;
    readonly ports: { readonly first: number; readonly last: number };
    readonly random: Random;
  }) {
    this.#watchCache = options.watchCache;
    this.#range = options.range;
    this.#ports = options.ports;
    this.#random = options.random;
  }

  plan(next: KubeObject | undefined, old: KubeObject | undefined): ExtraWrites {
    const before = taken(old as Service | undefined);
    if (next !== undefined) this.#fill(next as Service, old as Service | undefined, before);
    const after = taken(next as Service | undefined);
    const guards: Guard[] = [];
    const ops: StoreOp[] = [];
    for (const key of after) {
      if (before.has(key)) continue;
      guards.push({ key, modRevision: 0 });
      ops.push({ type: 'put', key, value: claim(key, next) });
    }
    for (const key of before) if (!after.has(key)) ops.push({ type: 'delete', key });
    return { guards, ops };
  }

  #fill(service: Service, old: Service | undefined, before: Set<string>): void {
    const { spec } = service;
    const type = spec.type ?? 'ClusterIP';
    if (type === 'ExternalName') {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
    } else this.#fillAddress(service, old, before);
    const wantsPorts =
      type === 'NodePort' ||
      (type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    if (wantsPorts) this.#fillPorts(service, old, before);
    else if (type === 'ClusterIP' && old !== undefined) dropOldPorts(service, old);
    if (type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
      const health = old?.spec.healthCheckNodePort;
      spec.healthCheckNodePort ||= health ?? this.#freePort(namedPorts(service));
      if (spec.healthCheckNodePort !== health) this.#checkHealthPort(spec.healthCheckNodePort);
    } else delete spec.healthCheckNodePort;
  }

  #fillAddress(service: Service, old: Service | undefined, before: Set<string>): void {
    const { spec } = service;
    spec.clusterIP ??= spec.clusterIPs?.[0] ?? old?.spec.clusterIP ?? '';
    if (spec.clusterIP === '') spec.clusterIP = this.#freeAddress();
    else if (spec.clusterIP !== 'None' && !before.has(addressKey(spec.clusterIP))) {
      this.#checkAddress(service, spec.clusterIP);
    }
    spec.clusterIPs = [spec.clusterIP];
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }

  #checkAddress(service: Service, address: string): void {
    const refuse = (why: string): never => {
      const text = `failed to allocate IP ${address}: ${why}`;
      const body = `Invalid value: []string{${JSON.stringify(address)}}: ${text}`;
      throw invalidObject({ group: '', kind: 'Service', name: service.metadata.name }, [
        { type: 'FieldValueInvalid', field: 'spec.clusterIPs', body },
      ]);
    };
    const number = addressNumber(address);
    const { first, size, cidr } = this.#range;
    if (number === undefined || number <= first || number >= first + size - 1) {
      refuse(
        `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${cidr}`,
      );
    }
    if (this.#isTaken(addresses, address)) refuse('provided IP is already allocated');
  }

  /** Random, from above the part that is kept for addresses that are asked for (KEP-3070). */
  #freeAddress(): string {
    const { first, size } = this.#range;
    const kept = Math.min(Math.max(16, size / 16), 256, Math.floor(size / 2));
    for (const [low, high] of [
      [kept + 1, size - 1],
      [1, size - 1],
    ] as const) {
      const count = high - low;
      if (count <= 0) continue;
      const start = this.#random.below(count);
      for (let i = 0; i < Math.min(count, probes); i++) {
        const address = addressText(first + low + ((start + i) % count));
        if (!this.#isTaken(addresses, address)) return address;
      }
    }
    throw internal('failed to allocate a serviceIP: range is full');
  }

  #fillPorts(service: Service, old: Service | undefined, before: Set<string>): void {
    const used = new Set<number>();
    // What is asked for by number is not given to another port of the service.
    const named = namedPorts(service);
    for (const [index, port] of (service.spec.ports ?? []).entries()) {
      const same = old?.spec.ports?.find(
        (other) => other.port === port.port && other.protocol === port.protocol,
      );
      if (port.nodePort === undefined && same?.nodePort !== undefined)
        port.nodePort = same.nodePort;
      if (port.nodePort === undefined || port.nodePort === 0) {
        port.nodePort = this.#freePort(new Set([...used, ...named]));
      } else if (!before.has(portKey(port.nodePort)) && !used.has(port.nodePort)) {
        this.#checkPort(service, index, port.nodePort);
      }
      used.add(port.nodePort);
    }
  }

  #checkHealthPort(port: number): void {
    const { first, last } = this.#ports;
    const refuse = (why: string): never => {
      throw internal(`failed to allocate requested HealthCheck NodePort ${port}: ${why}`);
    };
    if (port < first || port > last) {
      refuse(
        `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      );
    }
    if (this.#isTaken(nodePorts, String(port))) refuse('provided port is already allocated');
  }

  #checkPort(service: Service, index: number, port: number): void {
    const { first, last } = this.#ports;
    const refuse = (why: string): never => {
      throw invalidObject({ group: '', kind: 'Service', name: service.metadata.name }, [
        {
          type: 'FieldValueInvalid',
          field: `spec.ports[${index}].nodePort`,
          body: `Invalid value: ${port}: ${why}`,
        },
      ]);
    };
    if (port < first || port > last) {
      refuse(
        `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      );
    }
    if (this.#isTaken(nodePorts, String(port))) refuse('provided port is already allocated');
  }

  #freePort(used: ReadonlySet<number>): number {
    const { first, last } = this.#ports;
    const count = last - first + 1;
    const start = this.#random.below(count);
    for (let i = 0; i < count; i++) {
      const port = first + ((start + i) % count);
      if (!used.has(port) && !this.#isTaken(nodePorts, String(port))) return port;
    }
    throw internal('failed to allocate a nodePort: range is full');
  }

  #isTaken(id: string, name: string): boolean {
    return this.#watchCache.cache(id).get(name) !== undefined;
  }
}

function addressKey(address: string): string {
  return `${registryPrefix}${addresses}/${address}`;
}

function portKey(port: number): string {
  return `${registryPrefix}${nodePorts}/${port}`;
}

/** The ports of nodes that the service says itself. */
function namedPorts({ spec }: Service): Set<number> {
  const numbers = [...(spec.ports ?? []).map(({ nodePort }) => nodePort), spec.healthCheckNodePort];
  return new Set(numbers.filter((number) => number !== undefined && number > 0) as number[]);
}

/** A port that was handed out to a service that now wants none goes back. */
function dropOldPorts(service: Service, old: Service): void {
  for (const port of service.spec.ports ?? []) {
    const same = old.spec.ports?.find((other) => other.nodePort === port.nodePort);
    if (same !== undefined) delete port.nodePort;
  }
}

/** The keys that a service holds. */
function taken(service: Service | undefined): Set<string> {
  const keys = new Set<string>();
  if (service === undefined) return keys;
  const { clusterIP = '', ports = [], healthCheckNodePort } = service.spec;
  if (clusterIP !== '' && clusterIP !== 'None') keys.add(addressKey(clusterIP));
  for (const { nodePort } of ports) {
    if (nodePort !== undefined && nodePort > 0) keys.add(portKey(nodePort));
  }
  if (healthCheckNodePort !== undefined && healthCheckNodePort > 0) {
    keys.add(portKey(healthCheckNodePort));
  }
  return keys;
}

function claim(key: string, service: KubeObject | undefined): Buffer {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const holder = service?.metadata;
  const owner = `${holder?.namespace ?? ''}/${holder?.name ?? ''}`;
  const metadata = { name, annotations: { service: owner } };
  return Buffer.from(
    JSON.stringify({ kind: 'Allocation', apiVersion: 'internal.trireme/v1', metadata }),
  );
}
