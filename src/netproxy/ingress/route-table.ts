/**
 * Ingress rules as a table to look requests up in. Pure. Precedence (networking.k8s.io/v1): an exact host before a
 * wildcard before no host; within a host the longest path, Exact before Prefix at equal length; between equals the
 * older Ingress.
 */
import { objectKey } from '../../api/facts/keys.js';
import { matchForm, mergeSlashes, otherReadings } from './request-path.js';
import type { Ingress, IngressBackend, IngressClass } from '../../api/types/networking.js';

/** The port of a Service that a path leads to. */
export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: string | number;
}

/** The backend of a path. */
export interface Route {
  readonly backend: Backend;
  /** True when plain HTTP is redirected to HTTPS: the host has TLS, and the Ingress does not say otherwise. */
  readonly redirects: boolean;
}

interface Path {
  /** As {@link matchForm} has it. */
  readonly path: string;
  readonly exact: boolean;
  readonly backend: Backend | undefined;
  readonly secure: boolean;
}

interface TlsEntry {
  readonly namespace: string;
  readonly secretName: string;
}

/** The `spec.controller` of IngressClasses that are ours. */
export const controllerName = 'trireme.dev/ingress';
/** The class that is ours without an IngressClass object. */
export const className = 'trireme';

/** Turn the redirect to HTTPS off with "false"; the second for those who come from ingress-nginx. */
const redirectAnnotations = [
  'trireme.dev/ssl-redirect',
  'nginx.ingress.kubernetes.io/ssl-redirect',
] as const;

const classAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/**
 * Tells whether this controller serves the Ingress. Without a class it does if its own class is the default one, or
 * none exists.
 */
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

/** Finds the backend of a host and path; made of all ingresses. Immutable. */
export class RouteTable {
  readonly #hosts = new Map<string, Path[]>();
  readonly #tls = new Map<string, TlsEntry>();
  /** Hosts with a TLS section, with or without a certificate of their own. */
  readonly #secure = new Set<string>();
  #default: Path | undefined;

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
  match(host: string, path: string): Route | undefined {
    const names = candidates(hostName(host));
    const paths = names
      .map((candidate) => this.#hosts.get(candidate))
      .find((found) => found !== undefined);
    const form = matchForm(path);
    const rule = paths?.find((found) => pathMatches(found, form));
    const { backend, secure } = (rule?.backend === undefined ? this.#default : rule) ?? {};
    if (backend === undefined) return undefined;
    const redirects = secure === true && names.some((one) => this.#secure.has(one));
    return { backend, redirects };
  }

  /**
   * The same for a path in normal form. @returns what to send it as, or "ambiguous" when a backend may read another
   * rule's path
   */
  route(
    host: string,
    path: string,
  ): { readonly route: Route | undefined; readonly path: string } | 'ambiguous' {
    const merged = mergeSlashes(path);
    const asSent = this.match(host, path);
    const asMerged = merged === path ? asSent : this.match(host, merged);
    const same = sameRoute(asSent, asMerged);
    const chosen = same ? { route: asSent, path } : { route: asMerged, path: merged };
    const others = otherReadings(chosen.path);
    const agrees = others.every((other) => sameRoute(this.match(host, other), chosen.route));
    return agrees ? chosen : 'ambiguous';
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
      [...this.#tls.values()].map(({ namespace, secretName }) =>
        objectKey({ namespace, name: secretName }),
      ),
    );
  }

  #add(ingress: Ingress): void {
    const namespace = ingress.metadata.namespace ?? '';
    const { spec } = ingress;
    const secure = redirectAnnotations.every(
      (name) => ingress.metadata.annotations?.[name] !== 'false',
    );
    const fallback = backendOf(namespace, spec?.defaultBackend);
    const all = { path: '', exact: false, secure };
    if (fallback !== undefined) this.#default ??= { ...all, backend: fallback };
    for (const rule of spec?.rules ?? []) {
      const host = (rule.host ?? '').toLowerCase();
      const paths = this.#hosts.get(host) ?? [];
      this.#hosts.set(host, paths);
      for (const { path, pathType, backend } of rule.http?.paths ?? []) {
        const exact = pathType === 'Exact';
        const own = path === undefined || path === '' ? '/' : path;
        paths.push({ path: matchForm(own), exact, backend: backendOf(namespace, backend), secure });
      }
      if (rule.http === undefined) {
        paths.push({ ...all, backend: fallback });
      }
    }
    this.#addTls(namespace, spec);
  }

  /** A section without hosts is for the hosts of its own Ingress: nobody gives a certificate to the hosts of others. */
  #addTls(namespace: string, spec: Ingress['spec']): void {
    const own = (spec?.rules ?? []).flatMap(({ host }) => (host === undefined ? [] : [host]));
    for (const { hosts, secretName } of spec?.tls ?? []) {
      for (const host of hosts === undefined || hosts.length === 0 ? own : hosts) {
        const name = host.toLowerCase();
        if (name === '') continue;
        this.#secure.add(name);
        if (secretName === undefined || secretName === '' || this.#tls.has(name)) continue;
        this.#tls.set(name, { namespace, secretName });
      }
    }
  }
}

function sameRoute(a: Route | undefined, b: Route | undefined): boolean {
  const id = (route: Route | undefined): string =>
    route === undefined
      ? ''
      : JSON.stringify([
          route.backend.namespace,
          route.backend.service,
          route.backend.port,
          route.redirects,
        ]);
  return a === b || id(a) === id(b);
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
