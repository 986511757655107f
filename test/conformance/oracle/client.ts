/** Asks a genuine kube-apiserver, as the administrator of a kubeconfig with data in it. */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly {
    readonly user: {
      readonly 'client-certificate-data': string;
      readonly 'client-key-data': string;
    };
  }[];
}

/** An answer: its code, its `Warning` headers, and its body as JSON. */
export interface Answer {
  readonly code: number;
  readonly warnings?: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request; `as` names a user and groups to impersonate. */
export type Ask = (
  method: string,
  path: string,
  options?: {
    readonly body?: unknown;
    readonly type?: string;
    readonly as?: { readonly user: string; readonly groups: readonly string[] };
  },
) => Promise<Answer>;

const socketsMax = 8;

/** @param text the kubeconfig as JSON */
export function connect(text: string): Ask {
  const { clusters, users } = JSON.parse(text) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw new Error('the kubeconfig is empty');
  const decode = (data: string): Buffer => Buffer.from(data, 'base64');
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: socketsMax,
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  });
  return (method, path, { body, type = 'application/json', as } = {}) =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
      const request = https.request(
        `${cluster.server}${path}`,
        {
          method,
          agent,
          headers: {
            'user-agent': 'oracle',
            // node:http says no length by itself for a DELETE, and its body would be the next request's beginning.
            ...(bytes === undefined
              ? {}
              : { 'content-type': type, 'content-length': bytes.length }),
            ...(as === undefined
              ? {}
              : { 'impersonate-user': as.user, 'impersonate-group': [...as.groups] }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const warnings = response.headersDistinct['warning'] ?? [];
            const body = parse(Buffer.concat(chunks));
            resolve({ code: response.statusCode ?? 0, warnings, body });
          });
        },
      );
      request.on('error', reject);
      request.end(bytes);
    });
}

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    return { message: bytes.toString() };
  }
}

/** Reads the kubeconfig that `kubectl config view --raw --flatten -o json` has written to a file. */
export function connectByFile(path: string): Ask {
  return connect(readFileSync(path, 'utf8'));
}
