/** Where a pod's files are on the node, and the files that the agent itself puts there. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod } from '../../api/types/core.js';

/** Of one pod: `<data dir>/pods/<uid>`. */
export class PodFiles {
  readonly #root: string;

  constructor(dataDir: string) {
    this.#root = join(dataDir, 'pods');
  }

  get root(): string {
    return this.#root;
  }

  directory(uid: string): string {
    return join(this.#root, uid);
  }

  logPath(uid: string, container: string, restartCount: number): string {
    return join(this.directory(uid), 'logs', container, `${restartCount}.log`);
  }

  /** What the container says about its end. */
  messagePath(uid: string, container: string, restartCount: number): string {
    return join(this.directory(uid), 'containers', container, `${restartCount}.message`);
  }

  hostsPath(uid: string): string {
    return join(this.directory(uid), 'etc-hosts');
  }

  resolverPath(uid: string): string {
    return join(this.directory(uid), 'resolv.conf');
  }

  hostnamePath(uid: string): string {
    return join(this.directory(uid), 'hostname');
  }

  /** Writes the files that all containers of the pod share. */
  async writeShared(
    pod: Pod,
    content: { readonly hosts: string; readonly resolver: string },
  ): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    await mkdir(this.directory(uid), { recursive: true });
    await Promise.all([
      writeFile(this.hostsPath(uid), content.hosts),
      writeFile(this.resolverPath(uid), content.resolver),
      writeFile(this.hostnamePath(uid), `${podHostname(pod)}\n`),
    ]);
  }

  async prepareContainer(uid: string, container: Container, restartCount: number): Promise<void> {
    const message = this.messagePath(uid, container.name, restartCount);
    const log = this.logPath(uid, container.name, restartCount);
    await Promise.all([
      mkdir(join(message, '..'), { recursive: true }),
      mkdir(join(log, '..'), { recursive: true }),
    ]);
    // Whichever user the container runs as may write it.
    await writeFile(message, '', { mode: 0o666 });
  }

  async remove(uid: string): Promise<void> {
    await rm(this.directory(uid), { recursive: true, force: true });
  }
}

/** A DNS label of at most 63 characters. */
export function podHostname(pod: Pod): string {
  const name = pod.spec.hostname ?? pod.metadata.name;
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** @see kubelet managedHostsFileContent */
export function managedHosts(options: {
  readonly pod: Pod;
  readonly ips: readonly string[];
  readonly domain: string;
}): string {
  const { pod, ips, domain } = options;
  const hostname = podHostname(pod);
  const { subdomain } = pod.spec;
  const names =
    subdomain === undefined || subdomain === ''
      ? hostname
      : `${hostname}.${subdomain}.${pod.metadata.namespace ?? ''}.svc.${domain}\t${hostname}`;
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...ips.map((ip) => `${ip}\t${names}`),
    ...aliasLines(pod),
    '',
  ].join('\n');
}

/** The node's own file, with the pod's aliases. */
export async function nodeHosts(pod: Pod): Promise<string> {
  const own = await readFile('/etc/hosts', 'utf8').catch(() => '127.0.0.1\tlocalhost\n');
  const lines = [
    '# Kubernetes-managed hosts file (host network).',
    own.trimEnd(),
    ...aliasLines(pod),
    '',
  ];
  return lines.join('\n');
}

function aliasLines(pod: Pod): string[] {
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length === 0) return [];
  return [
    '',
    '# Entries added by HostAliases.',
    ...aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`),
  ];
}
