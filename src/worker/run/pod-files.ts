/** The paths of a pod's files on the node. Writes the files that the agent itself puts there. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod } from '../../api/types/core.js';
import {
  checkedName,
  codeOf,
  Held,
  HeldDirectory,
  readEnd,
  removeTree,
  SafeFileError,
} from '../../lib/safe-files/index.js';

const podDirectoryMode = 0o750;

/** Of one pod: `<data dir>/pods/<uid>`. */
export class PodFiles {
  readonly #root: string;

  constructor(dataDir: string) {
    this.#root = join(dataDir, 'pods');
  }

  /** The pods that have files here. */
  uids(): Promise<string[]> {
    return readdir(this.#root).catch(() => []);
  }

  directory(uid: string): string {
    return join(this.#root, checkedName(uid));
  }

  /** The directory of the logs of all containers of the pod. */
  logDirectory(uid: string): string {
    return join(this.directory(uid), 'logs');
  }

  logPath(uid: string, container: string, restartCount: number): string {
    return join(this.logDirectory(uid), container, `${restartCount}.log`);
  }

  /** The path of the container's termination message. */
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
    content: { readonly hosts: string; readonly resolver: string; readonly hostname: string },
  ): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    await this.#prepareDirectory(uid);
    await Promise.all([
      writeFile(this.hostsPath(uid), content.hosts),
      writeFile(this.resolverPath(uid), content.resolver),
      writeFile(this.hostnamePath(uid), `${content.hostname}\n`),
    ]);
  }

  async prepareContainer(uid: string, container: Container, restartCount: number): Promise<void> {
    const message = this.messagePath(uid, container.name, restartCount);
    const log = this.logPath(uid, container.name, restartCount);
    await this.#prepareDirectory(uid);
    await Promise.all([
      mkdir(join(message, '..'), { recursive: true }),
      mkdir(join(log, '..'), { recursive: true }),
    ]);
    await writeFile(message, '');
    // Whichever user the container runs as may write it; the mode of a new file would depend on the umask.
    await chmod(message, 0o666);
  }

  /** See {@link endOfFile}. */
  endOf(path: string, bytesMax: number): Promise<Buffer> {
    return endOfFile(path, bytesMax);
  }

  /** Removes all of a pod's files. @throws SafeFileError CROSSES_MOUNT when something is mounted below its directory */
  async remove(uid: string): Promise<void> {
    const root = await HeldDirectory.open(this.#root).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (root === undefined) return;
    try {
      await removeTree(root, checkedName(uid));
    } finally {
      await root.close();
    }
  }

  /** Nobody but root enters the pods' directories: what containers may see of them is mounted into these. */
  async #prepareDirectory(uid: string): Promise<void> {
    await mkdir(this.directory(uid), { recursive: true, mode: podDirectoryMode });
    await chmod(this.#root, podDirectoryMode);
  }
}

/**
 * The last bytes of a file that a container writes; none where there is no regular file. The container holds the file
 * itself, and may have made it any size; it cannot put another in its place.
 */
export async function endOfFile(path: string, bytesMax: number): Promise<Buffer> {
  try {
    const file = await Held.open(path);
    try {
      return (await readEnd(file, bytesMax)).data;
    } finally {
      await file.close();
    }
  } catch (error) {
    // Not there, or no file: then nothing was said.
    if (error instanceof SafeFileError || codeOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Linux takes no longer name of a machine. */
const kernelNameMax = 64;

/**
 * The name of the pod's machine: the node's with the node's network, else a DNS label of at most 63 characters, with
 * the domain where the pod asks for that and has one.
 * @throws Error for a name that the kernel does not take
 * @see kubelet GetNodenameForKernel
 */
export function hostnameOf(
  pod: Pod,
  node: { readonly nodeName: string; readonly domain: string },
): string {
  if (pod.spec.hostNetwork === true) return node.nodeName;
  const name = fullNameOf(pod, node.domain);
  if (pod.spec.setHostnameAsFQDN !== true || name === undefined) return podHostname(pod);
  if (name.length <= kernelNameMax) return name;
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (${kernelNameMax} characters is the max, ${name.length} characters requested)`,
  );
}

/** With subdomain, namespace and the cluster's domain; undefined without a subdomain. */
function fullNameOf(pod: Pod, domain: string): string | undefined {
  const { subdomain } = pod.spec;
  if (subdomain === undefined || !isOneWord(subdomain)) return undefined;
  return `${podHostname(pod)}.${subdomain}.${pod.metadata.namespace ?? ''}.svc.${domain}`;
}

function podHostname(pod: Pod): string {
  const { hostname = '' } = pod.spec;
  const name = isOneWord(hostname) ? hostname : pod.metadata.name;
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
  const fullName = fullNameOf(pod, domain);
  const names = fullName === undefined ? hostname : `${fullName}\t${hostname}`;
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

/** False for what would end a word or a line, or begin a comment. */
export function isOneWord(text: string): boolean {
  return text !== '' && !/[\s#\p{Cc}]/u.test(text);
}

function aliasLines(pod: Pod): string[] {
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length === 0) return [];
  return [
    '',
    '# Entries added by HostAliases.',
    ...aliases.flatMap(({ ip, hostnames }) => {
      const words = [ip, ...(hostnames ?? [])];
      // The API refuses them; a line of the file that somebody else writes would be theirs.
      return words.every(isOneWord) ? [words.join('\t')] : [];
    }),
  ];
}
