/**
 * Ingress rules as a table to look requests up in. Pure. Precedence (networking.k8s.io/v1): an exact host before a
 * wildcard before no host; within a host the longest path, Exact before Prefix at equal length; between equals the
 * older Ingress.
 */
import type { Ingress, IngressBackend, IngressClass } from '../objects.js';

export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: string | number;
}

interface Path {
  readonly path: string;
  readonly exact: boolean;
  readonly backend: Backend | undefined;
}

interface TlsEntry {
  readonly namespace: string;
  readonly secretName: string;
}

export const controllerName = 'trireme.dev/ingress';
export const className = 'trireme';

const classAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** Whether this controller serves the Ingress. Without a class it does if its own class is the default one, or none exists. */
export function isOurs(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  const name = ingress.spec?.ingressClassName ?? ingress.metadata.annotations?.[classAnnotation];
  if (name === undefined) {
    const ours = classes.filter(({ spec }) => spec?.controller === controllerName);
    const isDefault = ours.some(
      ({ metadata }) => metadata.annotations?.[defaultAnnotation] === 'true',
    );
    return classes.length === 0 || isDefault;
  }
  const found = classes.find(({ metadata }) => metadata.name === name);
  return found === undefined ? name === className : found.spec?.controller === controllerName;
}

export class RouteTable {
  readonly #hosts = new Map<string, Path[]>();
  readonly #tls = new Map<string, TlsEntry>();
  #default: Backend | undefined;

  /** @param ingresses ours only; any order */
  constructor(ingresses: readonly Ingress[]) {
    const sorted = [...ingresses].sort(older);
    for (const ingress of sorted) this.#add(ingress);
    for (const paths of this.#hosts.values()) paths.sort(stronger);
  }

  /**
   * @param host of the request, with or without port
   * @param path without query
   */
  match(host: string, path: string): Backend | undefined {
    const name = hostName(host);
    const paths = candidates(name)
      .map((candidate) => this.#hosts.get(candidate))
      .find((found) => found !== undefined);
    return paths?.find((rule) => pathMatches(rule, path))?.backend ?? this.#default;
  }

  /** The Secret that has the certificate for a server name. */
  certificate(serverName: string): TlsEntry | undefined {
    for (const candidate of candidates(hostName(serverName))) {
      const entry = this.#tls.get(candidate);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  /** "namespace/name" of every Secret in use. */
  secrets(): Set<string> {
    return new Set(
      [...this.#tls.values()].map(({ namespace, secretName }) => `${namespace}/${secretName}`),
    );
  }

  #add(ingress: Ingress): void {
    const namespace = ingress.metadata.namespace ?? '';
    const { spec } = ingress;
    this.#default ??= backendOf(namespace, spec?.defaultBackend);
    for (const rule of spec?.rules ?? []) {
      const host = (rule.host ?? '').toLowerCase();
      const paths = this.#hosts.get(host) ?? [];
      this.#hosts.set(host, paths);
      for (const { path, pathType, backend } of rule.http?.paths ?? []) {
        const exact = pathType === 'Exact';
        const own = path === undefined || path === '' ? '/' : path;
        paths.push({ path: own, exact, backend: backendOf(namespace, backend) });
      }
      if (rule.http === undefined) {
        const backend = backendOf(namespace, spec?.defaultBackend);
        paths.push({ path: '/', exact: false, backend });
      }
    }
    for (const { hosts, secretName } of spec?.tls ?? []) {
      if (secretName === undefined || secretName === '') continue;
      const named = hosts ?? [];
      for (const host of named.length === 0 ? [''] : named) {
        const name = host.toLowerCase();
        if (!this.#tls.has(name)) this.#tls.set(name, { namespace, secretName });
      }
    }
  }
}

function backendOf(namespace: string, backend: IngressBackend | undefined): Backend | undefined {
  const { service } = backend ?? {};
  if (service === undefined) return undefined;
  const name = service.port?.name ?? '';
  const port = name === '' ? (service.port?.number ?? 0) : name;
  return { namespace, service: service.name, port };
}

/** Exact, then the wildcard that covers exactly one label, then any. */
function candidates(host: string): string[] {
  const dot = host.indexOf('.');
  return dot > 0 ? [host, `*${host.slice(dot)}`, ''] : [host, ''];
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
}

/** Prefix compares element by element: /foo matches /foo/bar and /foo/, not /foobar. */
function pathMatches(rule: Path, path: string): boolean {
  if (rule.exact) return rule.path === path;
  const prefix = rule.path.replace(/\/+$/, '');
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}

function stronger(a: Path, b: Path): number {
  return b.path.length - a.path.length || Number(b.exact) - Number(a.exact);
}

function older(a: Ingress, b: Ingress): number {
  const key = ({ metadata }: Ingress): string =>
    [metadata.creationTimestamp ?? '', metadata.namespace ?? '', metadata.name].join('/');
  return key(a) < key(b) ? -1 : 1;
}
