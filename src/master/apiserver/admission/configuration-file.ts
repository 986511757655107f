/** `--admission-control-config-file`: the configurations of plugins, inline or in files beside it. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { isJsonObject, textOf } from '../../../api/object.js';
import type { PodSecurityConfiguration } from './pod-security/configuration.js';
import { readConfiguration, standardConfiguration } from './pod-security/configuration.js';

const versions = ['v1', 'v1beta1', 'v1alpha1'].map(
  (version) => `apiserver.config.k8s.io/${version}`,
);

function readYaml(file: string): unknown {
  const document = parseDocument(readFileSync(file, 'utf8'));
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
  return document.toJS({ maxAliasCount: 0 });
}

/**
 * Reads the file; without one, plugins behave as they do by default.
 * @throws Error when it cannot be read, or holds what no plugin of this server takes
 */
export function readAdmissionConfiguration(file: string | undefined): {
  readonly podSecurity: PodSecurityConfiguration;
} {
  if (file === undefined) return { podSecurity: standardConfiguration };
  const content = readYaml(file);
  if (
    !isJsonObject(content) ||
    textOf(content, 'kind') !== 'AdmissionConfiguration' ||
    !versions.includes(textOf(content, 'apiVersion'))
  ) {
    throw new Error(`${file}: expected an AdmissionConfiguration of apiserver.config.k8s.io/v1`);
  }
  const plugins = content['plugins'] ?? [];
  if (!Array.isArray(plugins)) throw new Error(`${file}: plugins must be a list`);
  let podSecurity = standardConfiguration;
  for (const plugin of plugins) {
    const name = isJsonObject(plugin) ? textOf(plugin, 'name') : '';
    if (!isJsonObject(plugin) || name !== 'PodSecurity') {
      throw new Error(`${file}: the plugin ${JSON.stringify(name)} takes no configuration here`);
    }
    const path = textOf(plugin, 'path');
    podSecurity = readConfiguration(
      path === '' ? plugin['configuration'] : readYaml(resolve(dirname(file), path)),
    );
  }
  return { podSecurity };
}
