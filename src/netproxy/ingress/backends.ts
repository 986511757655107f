/**
 * Finds endpoints for backends, in turn. Reads the informers, so that a pod that is no longer ready gets nothing new.
 */
import type { ServiceWatch } from '../model/service-watch.js';
import { endpointsOfPort, usable } from '../model/service-model.js';
import { isHost } from './request-line.js';
import type { Backend } from './route-table.js';

/** An address to which a request may be sent. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Named by an ExternalName, which may resolve to any address, also to one that a backend must not have. */
  readonly external?: boolean;
  /** Speaks HTTP/2 without TLS. */
  readonly http2?: boolean;
}

/** The targets of a backend, or the reason why it has none. */
export type Lookup =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Values of a port's `appProtocol` that ask for HTTP/2 without TLS: KEP-3726's, and the names that are in use for gRPC.
 */
const http2Protocols: ReadonlySet<string> = new Set(['kubernetes.io/h2c', 'grpc', 'h2c']);

/** The endpoints of the Services that ingresses name, in turn. */
export class Backends {
  readonly #watch: ServiceWatch;
  readonly #cache = new Map<string, Map<string, Lookup>>();
  /** By service, then by port. */
  readonly #turns = new Map<string, Map<string, number>>();
  readonly #end: () => void;

  constructor(watch: ServiceWatch) {
    this.#watch = watch;
    this.#end = watch.onChange((key) => {
      this.#cache.delete(key);
      if (watch.service(key) === undefined) this.#turns.delete(key);
    });
  }

  stop(): void {
    this.#end();
  }

  /** All endpoints of a backend, the one whose turn it is first. */
  next(backend: Backend): Lookup {
    const key = `${backend.namespace}/${backend.service}`;
    const ports = this.#cache.get(key) ?? new Map<string, Lookup>();
    this.#cache.set(key, ports);
    const portKey = String(backend.port);
    const found = ports.get(portKey) ?? this.#find(key, backend);
    ports.set(portKey, found);
    if (found.kind === 'none') return found;
    const turns = this.#turns.get(key) ?? new Map<string, number>();
    this.#turns.set(key, turns);
    const turn = (turns.get(portKey) ?? 0) % found.targets.length;
    turns.set(portKey, turn + 1);
    return {
      kind: 'targets',
      targets: [...found.targets.slice(turn), ...found.targets.slice(0, turn)],
    };
  }

  #find(key: string, backend: Backend): Lookup {
    const service = this.#watch.service(key);
    if (service === undefined) return { kind: 'none', reason: `service "${key}" not found` };
    const port = service.spec?.ports?.find(({ name, port }) =>
      typeof backend.port === 'string' ? name === backend.port : port === backend.port,
    );
    if (port === undefined) {
      return { kind: 'none', reason: `service "${key}" has no port ${backend.port}` };
    }
    const http2 = http2Protocols.has(port.appProtocol ?? '') ? { http2: true } : {};
    if (service.spec?.type === 'ExternalName') {
      const host = service.spec.externalName ?? '';
      if (!isHost(host)) return { kind: 'none', reason: `service "${key}" names no host` };
      return { kind: 'targets', targets: [{ host, port: port.port, external: true, ...http2 }] };
    }
    const endpoints = usable(
      endpointsOfPort(this.#watch.slicesOf(key), port.name ?? '', 'TCP', ''),
    );
    if (endpoints.length === 0)
      return { kind: 'none', reason: `service "${key}" has no endpoints` };
    return {
      kind: 'targets',
      targets: endpoints.map(({ ip, port }) => ({ host: ip, port, ...http2 })),
    };
  }
}
