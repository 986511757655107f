import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';
import { kubeconfigPaths, readKubeconfig } from '../kube/client-config.js';
import type { Kubeconfig } from '../kube/kubeconfig-types.js';
import { formatYaml } from '../../api/print/yaml.js';

/** The lists of a kubeconfig. */
export type ListName = 'clusters' | 'contexts' | 'users';

/**
 * The file that holds an entry, else the first of the files.
 * @param list undefined for the current context
 */
function fileOf(paths: readonly string[], list: ListName | undefined, name: string): string {
  const holds = (path: string): boolean => {
    if (!existsSync(path)) return false;
    const config = readKubeconfig(path);
    if (list === undefined) return (config['current-context'] ?? '') !== '';
    return (config[list] ?? []).some((entry: { readonly name: string }) => entry.name === name);
  };
  return paths.find(holds) ?? paths[0] ?? '';
}

/** Changes the file in which an entry stands. @returns its path */
export async function changeConfig(
  flag: string | undefined,
  target: { readonly list: ListName | undefined; readonly name: string },
  change: (config: Kubeconfig) => void,
): Promise<string> {
  const path = fileOf(kubeconfigPaths(flag), target.list, target.name);
  const config: Kubeconfig = existsSync(path)
    ? readKubeconfig(path)
    : { apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [] };
  change(config);
  mkdirSync(dirname(path), { recursive: true });
  // As it was, but for what changed: comments are lost, as with kubectl.
  await writeWhole(path, formatYaml(config), 0o600);
  return path;
}
