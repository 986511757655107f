/** Which cluster is meant and who asks: kubeconfigs and flags, as kubectl reads them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { load } from 'js-yaml';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { globalFlags } from '../command/global-flags.js';
import type { Values } from '../command/flag-types.js';
import { homeDirectory } from '../home.js';
import type { ClusterEntry, Kubeconfig, UserEntry } from './kubeconfig-types.js';

/** The values of the flags of every command. */
export type GlobalValues = Values<typeof globalFlags>;

/** The extension of a cluster entry that names every master's gRPC. */
const extensionName = 'trireme.dev/grpc';

/** Everything that requests need to know. */
export interface KubeConfig {
  /** `https://host:port` of the API servers, the preferred one first. */
  readonly servers: readonly string[];
  readonly namespace: string;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly insecure: boolean;
  readonly serverName?: string;
  /** Of every request: who asks, and as whom. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** The files of `--kubeconfig`, else $KUBECONFIG, else the home's, else `~/.kube/config`. */
export function kubeconfigPaths(flag: string | undefined): readonly string[] {
  if (flag !== undefined) return [flag];
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return listed;
  const ours = join(homeDirectory(undefined), 'kubeconfig');
  return [existsSync(ours) ? ours : join(homedir(), '.kube', 'config')];
}

/** One file. @throws CommandLineError when it cannot be read */
export function readKubeconfig(path: string): Kubeconfig {
  try {
    const text = readFileSync(path, 'utf8');
    // An empty file is a configuration with nothing in it, which the library takes for none.
    if (/^(?:\s*(?:#.*)?\n?)*$/.test(text)) return {};
    const value = (load(text) ?? {}) as Kubeconfig;
    return typeof value === 'object' ? value : {};
  } catch (error) {
    throw new CommandLineError(`error loading config file "${path}": ${errorMessage(error)}`, {
      plain: true,
    });
  }
}

/** All files as one: of two entries with a name the first counts. Paths in entries are made absolute. */
export function mergedKubeconfig(flag: string | undefined): Kubeconfig {
  const files = kubeconfigPaths(flag).filter((path) => flag !== undefined || existsSync(path));
  const parts = files.map((path) => withAbsolutePaths(readKubeconfig(path), dirname(path)));
  return {
    'current-context':
      parts.map((part) => part['current-context'] ?? '').find((n) => n !== '') ?? '',
    clusters: firstByName(parts.flatMap((part) => part.clusters ?? [])),
    contexts: firstByName(parts.flatMap((part) => part.contexts ?? [])),
    users: firstByName(parts.flatMap((part) => part.users ?? [])),
  };
}

function firstByName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const names = new Set<string>();
  return entries.filter(({ name }) => !names.has(name) && names.add(name) !== undefined);
}

const pathFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function withAbsolutePaths(config: Kubeconfig, base: string): Kubeconfig {
  const absolute = <T extends object>(entry: T): T =>
    Object.fromEntries(
      Object.entries(entry).map(([name, value]) => [
        name,
        pathFields.includes(name) && typeof value === 'string' ? resolve(base, value) : value,
      ]),
    ) as T;
  return {
    ...config,
    clusters: (config.clusters ?? []).map((e) => ({ ...e, cluster: absolute(e.cluster ?? {}) })),
    users: (config.users ?? []).map((e) => ({ ...e, user: absolute(e.user ?? {}) })),
  };
}

/** @throws CommandLineError in kubectl's words */
export function loadKubeConfig(flags: GlobalValues): KubeConfig {
  const config = mergedKubeconfig(flags.kubeconfig);
  const contextName = flags.context ?? config['current-context'] ?? '';
  const context = config.contexts?.find(({ name }) => name === contextName)?.context;
  if (flags.context !== undefined && context === undefined) {
    throw new CommandLineError(`context "${flags.context}" does not exist`, { plain: true });
  }
  if (contextName !== '' && context === undefined) {
    throw new CommandLineError(`context was not found for specified context: ${contextName}`, {
      plain: true,
    });
  }
  const clusterName = flags.cluster ?? context?.cluster;
  const cluster = config.clusters?.find(({ name }) => name === clusterName)?.cluster;
  if (flags.cluster !== undefined && cluster === undefined) {
    throw new CommandLineError(`cluster "${flags.cluster}" does not exist`, { plain: true });
  }
  const userName = flags.user ?? context?.user;
  const user = config.users?.find(({ name }) => name === userName)?.user ?? {};
  if (flags.user !== undefined && !(config.users ?? []).some(({ name }) => name === userName)) {
    throw new CommandLineError(`auth info "${flags.user}" does not exist`, { plain: true });
  }
  mustBeOneMethod(userName ?? '', user);
  const servers = serversOf(flags.server, cluster);
  const file = (path: string | undefined): Buffer | undefined =>
    path === undefined ? undefined : readCredential(path);
  const data = (text: string | undefined): Buffer | undefined =>
    text === undefined ? undefined : Buffer.from(text, 'base64');
  const plugin = user.exec === undefined ? undefined : askPlugin(user.exec);
  const insecure =
    flags['insecure-skip-tls-verify'] ?? cluster?.['insecure-skip-tls-verify'] ?? false;
  const serverName = flags['tls-server-name'] ?? cluster?.['tls-server-name'];
  const ca =
    file(flags['certificate-authority']) ??
    data(cluster?.['certificate-authority-data']) ??
    file(cluster?.['certificate-authority']);
  const cert =
    file(flags['client-certificate']) ??
    data(user['client-certificate-data']) ??
    file(user['client-certificate']) ??
    bytes(plugin?.clientCertificateData);
  const key =
    file(flags['client-key']) ??
    data(user['client-key-data']) ??
    file(user['client-key']) ??
    bytes(plugin?.clientKeyData);
  return {
    servers,
    namespace: flags.namespace ?? context?.namespace ?? 'default',
    insecure,
    ...(serverName === undefined ? {} : { serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    headers: headersOf(flags, user, plugin?.token),
  };
}

const bytes = (text: string | undefined): Buffer | undefined =>
  text === undefined ? undefined : Buffer.from(text);

/** The preferred server, and the other masters that the entry names: REST is one port below their gRPC. */
function serversOf(flag: string | undefined, cluster: ClusterEntry | undefined): string[] {
  const preferred = flag ?? cluster?.server;
  if (preferred === undefined || preferred === '') {
    throw new CommandLineError(
      'no cluster is known: name a kubeconfig by --kubeconfig or $KUBECONFIG, or start one by `trireme up`',
      { plain: true },
    );
  }
  const first = preferred.includes('://') ? preferred : `https://${preferred}`;
  if (flag !== undefined) return [first];
  const listed = cluster?.extensions?.find(({ name }) => name === extensionName)?.extension;
  const others = (listed?.servers ?? []).map((target) => {
    const at = target.lastIndexOf(':');
    return `${new URL(first).protocol}//${target.slice(0, at)}:${Number(target.slice(at + 1)) - 1}`;
  });
  return [...new Set([first, ...others])];
}

/** @throws CommandLineError for a user who would prove two things at once, or act for groups of nobody */
function mustBeOneMethod(name: string, user: UserEntry): void {
  const hasToken = (user.token ?? '') !== '' || (user.tokenFile ?? '') !== '';
  const methods = [
    ...(hasToken ? ['token'] : []),
    ...((user.username ?? '') === '' ? [] : ['basicAuth']),
  ];
  if (methods.length > 1) {
    throw new CommandLineError(
      `more than one authentication method found for ${name}; found [${methods.join(' ')}], only one is allowed`,
      { plain: true },
    );
  }
  const further = [user['as-uid'], user['as-groups'], user['as-user-extra']];
  if ((user.as ?? '') === '' && further.some((value) => value !== undefined)) {
    throw new CommandLineError(
      `requesting uid, groups or user-extra for ${name} without impersonating a user`,
      { plain: true },
    );
  }
}

function readCredential(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandLineError(`unable to read ${path}: ${errorMessage(error)}`, { plain: true });
  }
}

function headersOf(
  flags: GlobalValues,
  user: UserEntry,
  pluginToken: string | undefined,
): Record<string, string | readonly string[]> {
  const token = flags.token ?? tokenIn(user) ?? pluginToken;
  const basic =
    user.username === undefined
      ? undefined
      : Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(token !== undefined || basic === undefined ? {} : { authorization: `Basic ${basic}` }),
    ...impersonation(flags, user),
  };
}

/** A file may be written anew, so it counts before a token beside it; without either nobody asks. */
function tokenIn({ token, tokenFile }: UserEntry): string | undefined {
  if (tokenFile === undefined) return token;
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch {
    return token;
  }
}

/** As whom: what the flags say of it, else the file. */
function impersonation(
  flags: GlobalValues,
  user: UserEntry,
): Record<string, string | readonly string[]> {
  const as = flags.as ?? user.as;
  const uid = flags['as-uid'] ?? user['as-uid'];
  const groups = flags['as-group'].length > 0 ? flags['as-group'] : (user['as-groups'] ?? []);
  const extra = Object.entries(user['as-user-extra'] ?? {}).map(([name, values]) => [
    `impersonate-extra-${encodeURIComponent(name)}`,
    values,
  ]);
  return {
    ...(as === undefined ? {} : { 'impersonate-user': as }),
    ...(uid === undefined ? {} : { 'impersonate-uid': uid }),
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups }),
    ...Object.fromEntries(extra),
  };
}

interface PluginStatus {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
}

/** Runs a credential plugin (`client.authentication.k8s.io`). */
function askPlugin(exec: NonNullable<UserEntry['exec']>): PluginStatus {
  const { apiVersion, command, args = [], env = [] } = exec;
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const extra = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
  try {
    const text = execFileSync(command, [...(args ?? [])], {
      encoding: 'utf8',
      env: { ...process.env, ...extra, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      stdio: ['inherit', 'pipe', 'inherit'],
      timeout: 60_000,
    });
    return (JSON.parse(text) as { status?: PluginStatus }).status ?? {};
  } catch (error) {
    throw new CommandLineError(`getting credentials: exec: ${errorMessage(error)}`, {
      plain: true,
    });
  }
}
