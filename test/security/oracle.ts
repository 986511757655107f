/**
 * A real kube-apiserver to compare with (`ORACLE_KUBECONFIG`: a file whose user may impersonate): the same objects are
 * made there, and each user asks by impersonation. An older one differs; what is known of that stands in
 * `knownDifference`.
 */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { parse } from 'yaml';
import type { RandomRequest } from './authorization-requests.js';
import { wordless, worldObjects } from './authorization-fuzz.js';
import { httpForm, verdictOf } from './authorization-requests.js';

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: {
      readonly server: string;
      readonly 'certificate-authority-data'?: string;
      readonly 'certificate-authority'?: string;
    };
  }[];
  readonly users: readonly {
    readonly user: {
      readonly 'client-certificate-data'?: string;
      readonly 'client-key-data'?: string;
      readonly 'client-certificate'?: string;
      readonly 'client-key'?: string;
    };
  }[];
}

/** The user of a request, as impersonation names it. */
export interface Impersonated {
  readonly name: string;
  readonly groups: readonly string[];
}

const goneWithinMs = 60_000;
const everybody = 'system:authenticated';
const accounts = 'system:serviceaccounts';

/** The fuzz's users by their names there; those who are refused before they have a name are left out. */
const impersonated: Readonly<Record<string, Impersonated>> = {
  nobody: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
  'default service account': {
    name: 'system:serviceaccount:fuzz-team:default',
    groups: [accounts, `${accounts}:fuzz-team`, everybody],
  },
  'bootstrap token': {
    name: 'system:bootstrap:fuzz00',
    groups: ['system:bootstrappers', everybody],
  },
  node: { name: 'system:node:fuzz-n1', groups: ['system:nodes', everybody] },
  'node without the group': { name: 'system:node:fuzz-n1', groups: [everybody] },
  'edit in team': { name: 'fuzz-editor', groups: [everybody] },
  'cluster-admin in team': { name: 'fuzz-lead', groups: [everybody] },
  'cluster viewer': { name: 'fuzz-viewer', groups: [everybody] },
  'one secret by name': { name: 'fuzz-named', groups: [everybody] },
  'every scale': { name: 'fuzz-scaler', groups: [everybody] },
  administrator: { name: 'fuzz-admin', groups: ['system:masters', everybody] },
};

export class Oracle {
  readonly #server: string;
  readonly #agent: https.Agent;

  constructor(kubeconfig: string) {
    const config = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const cluster = config.clusters[0]?.cluster;
    const user = config.users[0]?.user;
    if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig}: no cluster`);
    const pem = (data: string | undefined, file: string | undefined): Buffer =>
      data === undefined ? readFileSync(file ?? '') : Buffer.from(data, 'base64');
    this.#server = cluster.server;
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: 8,
      ca: pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
      cert: pem(user['client-certificate-data'], user['client-certificate']),
      key: pem(user['client-key-data'], user['client-key']),
    });
  }

  call(
    method: string,
    path: string,
    options: {
      readonly body?: object | undefined;
      readonly as?: Impersonated;
      readonly type?: string;
    } = {},
  ): Promise<{ code: number; reason: string; message: string; text: string }> {
    const { body, as, type = 'application/json' } = options;
    const headers: Record<string, string | string[]> = { 'content-type': type };
    if (as !== undefined) {
      headers['impersonate-user'] = as.name;
      headers['impersonate-group'] = [...as.groups];
    }
    return new Promise((resolve, reject) => {
      const request = https.request(
        `${this.#server}/`,
        { method, path, agent: this.#agent, headers },
        (response) => {
          const code = response.statusCode ?? 0;
          if (path.includes('watch') && code === 200) {
            response.destroy();
            resolve({ code, reason: '', message: '', text: '' });
            return;
          }
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            let message = text;
            try {
              ({ message = '' } = JSON.parse(text) as { message?: string });
            } catch {
              // Plain text is its own message.
            }
            resolve({ code, reason: '', message, text });
          });
        },
      );
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Makes the objects that the fuzz looks for; existing ones may stay. */
  async prepare(): Promise<void> {
    for (const [path, object] of worldObjects()) {
      const { code, text } = await this.call('POST', path, { body: object });
      if (code !== 201 && code !== 409) throw new Error(`${path}: ${text}`);
    }
  }

  /** Takes it away again, and waits until it is gone: a namespace goes by and by. */
  async cleanUp(): Promise<void> {
    const paths = [...worldObjects()].map(([path, { metadata }]) => `${path}/${metadata.name}`);
    for (const path of paths.toReversed())
      await this.call('DELETE', `${path}?gracePeriodSeconds=0`);
    const deadlineMs = performance.now() + goneWithinMs;
    for (const path of paths) {
      while ((await this.call('GET', path)).code !== 404) {
        if (performance.now() > deadlineMs) throw new Error(`${path} does not go`);
      }
    }
  }

  /** The verdict on a user's request; undefined where it cannot be asked, or is known to differ. */
  async compare(user: string, request: RandomRequest): Promise<Record<string, string>> {
    const as = impersonated[user];
    if (as === undefined || knownDifference(user, request) !== undefined) return {};
    return { oracle: await this.ask(as, request) };
  }

  /** The verdict on a request, without the words of a refusal: another version has others. */
  async ask(as: Impersonated, request: RandomRequest): Promise<string> {
    const { method, path } = httpForm(request);
    const type = request.verb === 'patch' ? 'application/merge-patch+json' : 'application/json';
    const body = method === 'GET' || method === 'DELETE' ? undefined : {};
    return wordless(verdictOf(await this.call(method, path, { body, as, type })));
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The resources that our nodes read beyond kubelet's: for services, policies, ingress, local volumes, masters. */
const nodesRead = new Set([
  '/namespaces',
  '/services',
  '/pods',
  '/persistentvolumes',
  'networking.k8s.io/ingresses',
  'coordination.k8s.io/leases',
]);

/** Why an apiserver 1.20.2 answers otherwise; undefined where it should not. */
function knownDifference(user: string, request: RandomRequest): string | undefined {
  const { verb, group, version, resource, subresource, namespace } = request;
  if (namespace === '..') return 'what cannot be a namespace is not served here, and empty there';
  if (group === 'policy' && version === 'v1') return 'policy/v1 is served since 1.21';
  if (subresource === 'ephemeralcontainers') return 'behind a feature gate before 1.23';
  if (verb === 'deletecollection' && resource === 'services') return 'since 1.23';
  if (user === 'edit in team' && (resource === 'leases' || resource === 'events')) {
    return 'edit covers leases and events since 1.24';
  }
  if (user === 'node' && nodesRead.has(`${group}/${resource}`)) return 'our nodes serve networks';
  if (verb === 'create' && resource === 'pods') return 'no controller makes service accounts here';
  return undefined;
}
