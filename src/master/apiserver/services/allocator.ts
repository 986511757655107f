import { cloneJson } from '../../../api/clone.js';
import { at, invalid } from '../../../api/field-error.js';
import type { FieldError } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import type { Service } from '../../../api/types/core.js';
import type { Random } from '../../../lib/random.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { WriteHook, ExtraWrites } from '../registry/write-hook.js';
import { internal, invalidObject } from '../status.js';
import { registryPrefix } from '../storage/keys.js';
import type { Guard, StoreOp } from '../storage/store.js';
import { AddressClaims, allocationValue, givenBack, isAllocatedTo } from './address-claims.js';
import { AddressPool } from './address-pool.js';
import type { Draws } from './draws.js';
import { pretendedDraws } from './draws.js';

const nodePorts = 'servicenodeports';

/**
 * Hands out cluster IPs and node ports. Each one that is taken is a key of its own (an address is two, see
 * {@link AddressClaims}), written and removed in the same transaction as the service: two masters cannot give out the
 * same one, and nothing leaks. What was filled in for a transaction that does not succeed is taken out again, and the
 * next one draws anew.
 */
export class ServiceAllocator implements WriteHook {
  readonly #watchCache: WatchCache;
  readonly #pool: AddressPool;
  readonly #claims: AddressClaims;
  readonly #ports: { readonly first: number; readonly last: number };
  readonly #random: Random;
  /** What is free, at random. */
  readonly #draws: Draws = {
    address: () => this.#pool.any((address) => this.#claims.isTaken(address)),
    port: (used) => this.#freePort(used),
  };

  constructor(options: {
    readonly watchCache: WatchCache;
    readonly ports: { readonly first: number; readonly last: number };
    readonly random: Random;
    /** The present time, as objects hold it. */
    readonly now: () => string;
  }) {
    this.#watchCache = options.watchCache;
    this.#pool = new AddressPool(options.watchCache, options.random);
    this.#claims = new AddressClaims(options);
    this.#ports = options.ports;
    this.#random = options.random;
  }

  plan(next: KubeObject | undefined, old: KubeObject | undefined): ExtraWrites {
    const [service, before] = [next as Service | undefined, old as Service | undefined];
    const asked = service === undefined ? undefined : cloneJson(service.spec);
    const guards: Guard[] = [];
    const ops: StoreOp[] = [];
    const add = (writes: ExtraWrites): void => {
      guards.push(...writes.guards);
      ops.push(...writes.ops);
    };
    if (service !== undefined) add({ guards: this.#fill(service, before, this.#draws), ops: [] });
    const [address, oldAddress] = [addressOf(service), addressOf(before)];
    if (address !== oldAddress) {
      if (service !== undefined && address !== undefined) {
        add(this.#claims.take(address, service.metadata));
      }
      if (before !== undefined && oldAddress !== undefined) {
        add(this.#claims.giveBack(oldAddress, before.metadata));
      }
    }
    add(this.#portWrites(service, before));
    const undo = (): void => {
      if (service !== undefined && asked !== undefined) service.spec = asked;
    };
    return { guards, ops, undo };
  }

  pretend(next: KubeObject, old: KubeObject | undefined): void {
    this.#fill(next as Service, old as Service | undefined, pretendedDraws(this.#pool));
  }

  /** Fills in what is missing. @returns what must still be so when the service is stored */
  #fill(service: Service, old: Service | undefined, draws: Draws): Guard[] {
    const { spec } = service;
    const guards: Guard[] = [];
    const before = portsOf(old);
    const type = spec.type ?? 'ClusterIP';
    if (type === 'ExternalName') {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
    } else guards.push(...this.#fillAddress(service, old, draws));
    const wantsPorts =
      type === 'NodePort' ||
      (type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    if (wantsPorts) this.#fillPorts(service, old, before, draws);
    else if (type === 'ClusterIP' && old !== undefined) dropOldPorts(service, old);
    if (type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
      const health = old?.spec.healthCheckNodePort;
      const asked = spec.healthCheckNodePort || health;
      if (asked !== undefined && asked !== health) this.#checkHealthPort(asked);
      spec.healthCheckNodePort = asked ?? freePort(draws, namedPorts(service));
    } else delete spec.healthCheckNodePort;
    return guards;
  }

  #fillAddress(service: Service, old: Service | undefined, draws: Draws): Guard[] {
    const { spec } = service;
    const guards: Guard[] = [];
    refuseFamilies(service, old);
    spec.clusterIP ??= spec.clusterIPs?.[0] ?? old?.spec.clusterIP ?? '';
    if (spec.clusterIP === '') {
      const offer = draws.address();
      if (offer === undefined) throw internal('failed to allocate a serviceIP: range is full');
      spec.clusterIP = offer.address;
      guards.push(offer.guard);
    } else if (spec.clusterIP !== 'None' && spec.clusterIP !== addressOf(old)) {
      guards.push(this.#checkAddress(service, spec.clusterIP));
    }
    spec.clusterIPs = [spec.clusterIP];
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
    return guards;
  }

  #checkAddress(service: Service, address: string): Guard {
    const refuse = (why: string): never => {
      const text = `failed to allocate IP ${address}: ${why}`;
      const body = `Invalid value: []string{${JSON.stringify(address)}}: ${text}`;
      throw invalidObject({ group: '', kind: 'Service', name: service.metadata.name }, [
        { type: 'FieldValueInvalid', field: 'spec.clusterIPs', body },
      ]);
    };
    const offer = this.#pool.offer(address);
    if (offer === undefined) {
      return refuse('the provided network does not match the current range');
    }
    if (this.#claims.isTaken(address)) refuse('provided IP is already allocated');
    return offer.guard;
  }

  #fillPorts(
    service: Service,
    old: Service | undefined,
    before: ReadonlySet<number>,
    draws: Draws,
  ): void {
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
        port.nodePort = freePort(draws, new Set([...used, ...named]));
      } else if (!before.has(port.nodePort) && !used.has(port.nodePort)) {
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
    if (this.#isPortTaken(port)) refuse('provided port is already allocated');
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
    if (this.#isPortTaken(port)) refuse('provided port is already allocated');
  }

  #freePort(used: ReadonlySet<number>): number | undefined {
    const { first, last } = this.#ports;
    const count = last - first + 1;
    const start = this.#random.below(count);
    for (let i = 0; i < count; i++) {
      const port = first + ((start + i) % count);
      if (!used.has(port) && !this.#isPortTaken(port)) return port;
    }
    return undefined;
  }

  #isPortTaken(port: number): boolean {
    return this.#watchCache.cache(nodePorts).get(String(port)) !== undefined;
  }

  /** The writes by which ports are taken and given back. */
  #portWrites(service: Service | undefined, old: Service | undefined): ExtraWrites {
    const [before, after] = [portsOf(old), portsOf(service)];
    const guards: Guard[] = [];
    const ops: StoreOp[] = [];
    for (const port of after) {
      if (service === undefined || before.has(port)) continue;
      const key = portKey(port);
      guards.push({ key, modRevision: 0 });
      ops.push({ type: 'put', key, value: allocationValue(String(port), service.metadata) });
    }
    for (const port of before) {
      if (old === undefined || after.has(port)) continue;
      const entry = this.#watchCache.cache(nodePorts).get(String(port));
      const back = givenBack(entry, portKey(port), (found) => isAllocatedTo(found, old.metadata));
      guards.push(...back.guards);
      ops.push(...back.ops);
    }
    return { guards, ops };
  }
}

/**
 * Refuses what needs IPv6; a headless service without a selector may say what its own endpoints have. What a service
 * has from a build that let it pass stays, for the other writes of it.
 */
function refuseFamilies({ metadata, spec }: Service, old: Service | undefined): void {
  const hasSelector = Object.keys(spec.selector ?? {}).length > 0;
  if ((spec.clusterIP ?? spec.clusterIPs?.[0]) === 'None' && !hasSelector) return;
  const errors: FieldError[] = [];
  if (
    spec.ipFamilyPolicy === 'RequireDualStack' &&
    old?.spec.ipFamilyPolicy !== 'RequireDualStack'
  ) {
    const text = 'this cluster is not configured for dual-stack services';
    errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text));
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (family === 'IPv4' || old?.spec.ipFamilies?.includes(family) === true) continue;
    errors.push(invalid(at('spec.ipFamilies', index), family, 'not configured on this cluster'));
  }
  if (errors.length === 0) return;
  throw invalidObject({ group: '', kind: 'Service', name: metadata.name }, errors);
}

function freePort(draws: Draws, used: ReadonlySet<number>): number {
  const port = draws.port(used);
  if (port === undefined) throw internal('failed to allocate a nodePort: range is full');
  return port;
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

/** The address that a service has; undefined for none. */
function addressOf(service: Service | undefined): string | undefined {
  const { clusterIP = '' } = service?.spec ?? {};
  return clusterIP === '' || clusterIP === 'None' ? undefined : clusterIP;
}

/** The ports of nodes that a service has. */
function portsOf(service: Service | undefined): Set<number> {
  return service === undefined ? new Set() : namedPorts(service);
}
