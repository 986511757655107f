import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { systemClock } from '../lib/clock.js';
import type { ChannelTls } from '../lib/grpc/index.js';
import { invalidAt } from '../lib/pki/validity.js';
import { errorMessage } from '../lib/errors.js';
import { UsageError } from '../lib/usage-error.js';
import { homeDirectory } from './home.js';

/** The extension of a kubeconfig cluster entry that says where our gRPC is. */
const extensionName = 'trireme.dev/grpc';

/** A cluster and a user of a kubeconfig. */
export interface KubeconfigContext {
  readonly name: string;
  /** `https://host:port`. */
  readonly server: string;
  /** `host:port` of the gRPC API of every master that this context may use. */
  readonly grpc: readonly string[];
}

/** A kubeconfig with embedded certificates; the first context is the current one. */
export function formatKubeconfig(options: {
  readonly contexts: readonly KubeconfigContext[];
  readonly user: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}): string {
  const encode = (pem: string): string => Buffer.from(pem).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': options.contexts[0]?.name ?? '',
    preferences: {},
    clusters: options.contexts.map((context) => ({
      name: context.name,
      cluster: {
        server: context.server,
        'certificate-authority-data': encode(options.ca),
        extensions: [{ name: extensionName, extension: { servers: context.grpc } }],
      },
    })),
    contexts: options.contexts.map((context) => ({
      name: context.name,
      context: { cluster: context.name, user: options.user, namespace: 'default' },
    })),
    users: [
      {
        name: options.user,
        user: {
          'client-certificate-data': encode(options.cert),
          'client-key-data': encode(options.key),
        },
      },
    ],
  });
}

/** The part of a kubeconfig that the client commands need. */
export interface ClientConfig {
  readonly servers: readonly string[];
  readonly tls: ChannelTls;
  readonly namespace: string;
}

interface KubeconfigFile {
  readonly 'current-context'?: string;
  readonly clusters?: readonly {
    readonly name: string;
    readonly cluster: {
      readonly server: string;
      readonly 'certificate-authority-data'?: string;
      readonly 'certificate-authority'?: string;
      readonly extensions?: readonly {
        readonly name: string;
        readonly extension: { readonly servers?: readonly string[] };
      }[];
    };
  }[];
  readonly contexts?: readonly {
    readonly name: string;
    readonly context: {
      readonly cluster: string;
      readonly user: string;
      readonly namespace?: string;
    };
  }[];
  readonly users?: readonly {
    readonly name: string;
    readonly user: {
      readonly 'client-certificate-data'?: string;
      readonly 'client-certificate'?: string;
      readonly 'client-key-data'?: string;
      readonly 'client-key'?: string;
    };
  }[];
}

/**
 * Reads the context of `--kubeconfig`, else $KUBECONFIG, else the home's file.
 * @throws UsageError when the file or the context is not there
 */
export async function loadClientConfig(flags: {
  readonly kubeconfig?: string;
  readonly context?: string;
}): Promise<ClientConfig> {
  const path =
    flags.kubeconfig ?? process.env['KUBECONFIG'] ?? join(homeDirectory(undefined), 'kubeconfig');
  let file: KubeconfigFile;
  try {
    file = parse(await readFile(path, 'utf8')) as KubeconfigFile;
  } catch (cause) {
    throw new UsageError(`no cluster is known: ${errorMessage(cause)}; name one by --kubeconfig`);
  }
  const name = flags.context ?? file['current-context'] ?? '';
  const context = file.contexts?.find((entry) => entry.name === name)?.context;
  const cluster = file.clusters?.find((entry) => entry.name === context?.cluster)?.cluster;
  const user = file.users?.find((entry) => entry.name === context?.user)?.user;
  if (context === undefined || cluster === undefined || user === undefined) {
    throw new UsageError(`${path} has no context "${name}"`);
  }
  const ca = await bytes(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const cert = await bytes(user['client-certificate-data'], user['client-certificate']);
  const key = await bytes(user['client-key-data'], user['client-key']);
  const invalid = cert === undefined ? undefined : invalidAt(cert, systemClock().nowMs());
  if (invalid !== undefined) {
    throw new UsageError(
      `the client certificate in ${path} ${invalid}; scripts/up renews that of its home, a running master its admin.kubeconfig`,
    );
  }
  const listed = cluster.extensions?.find((entry) => entry.name === extensionName);
  return {
    servers: listed?.extension.servers ?? [grpcBesides(cluster.server)],
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    namespace: context.namespace ?? 'default',
  };
}

/** Without our extension: gRPC is one port above REST. */
function grpcBesides(server: string): string {
  const url = new URL(server);
  return `${url.hostname}:${Number(url.port === '' ? '443' : url.port) + 1}`;
}

async function bytes(
  data: string | undefined,
  path: string | undefined,
): Promise<Buffer | undefined> {
  if (data !== undefined) return Buffer.from(data, 'base64');
  return path === undefined ? undefined : readFile(path);
}
