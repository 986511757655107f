/** Changes of pod templates, in place: pure but for the object that is handed in. */
import type { KubeObject } from '../../api/object.js';
import type { Container, EnvVar, PodSpec } from '../../api/types/core.js';
import { CommandLineError } from '../command/command-line-error.js';
import { checkVariableName } from '../generate/data-sources.js';
import { amountsOf } from '../generate/policies.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** What is wrong with one object of several: its name goes before the words. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError';
}

/** The pod's spec in a pod, in a template, in the template of a cron job. @throws ChangeError */
export function podSpecOf(object: KubeObject): PodSpec {
  const { spec } = object as KubeObject & {
    spec?: {
      containers?: unknown;
      template?: { spec?: PodSpec };
      jobTemplate?: { spec?: { template?: { spec?: PodSpec } } };
    };
  };
  const found =
    spec?.containers === undefined
      ? (spec?.template?.spec ?? spec?.jobTemplate?.spec?.template?.spec)
      : (spec as unknown as PodSpec);
  if (found !== undefined) return found;
  const { apiVersion = '', kind = '' } = object;
  const type = `*${apiVersion.slice(apiVersion.indexOf('/') + 1)}.${kind}`;
  throw new ChangeError(`the object is not a pod or does not have a pod template: ${type}`);
}

/** Containers by name; `*` is all, and `web*` those that begin so. */
function containersOf(object: KubeObject, pattern: string): Container[] {
  const { containers, initContainers = [] } = podSpecOf(object);
  const expression = new RegExp(
    `^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`,
  );
  return [...containers, ...initContainers].filter(({ name }) => expression.test(name));
}

/** `container=image`. @throws CommandLineError for a container that is not there */
export function changeImages(object: KubeObject, changes: readonly string[]): void {
  for (const change of changes) {
    const at = change.indexOf('=');
    const [name, image] = [change.slice(0, at), change.slice(at + 1)];
    const found = containersOf(object, name);
    if (found.length === 0) throw plain(`unable to find container named "${name}"`);
    for (const container of found) container.image = image;
  }
}

/** Changes of variables: values, names that go, and keys of config maps and secrets. */
export interface VariableChanges {
  readonly set: readonly EnvVar[];
  readonly removed: ReadonlySet<string>;
}

/** `NAME=value` sets, `NAME-` removes. @throws CommandLineError */
export function parseVariables(words: readonly string[]): VariableChanges {
  const set: EnvVar[] = [];
  const removed = new Set<string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 0) {
      removed.add(word.replace(/-$/, ''));
      continue;
    }
    const name = word.slice(0, at);
    checkVariableName(name);
    set.push({ name, value: word.slice(at + 1) });
  }
  if (set.some(({ name }) => removed.has(name))) {
    throw plain('can not both modify and remove the same environment variable in the same command');
  }
  return { set, removed };
}

/**
 * Changes the variables of containers.
 * @returns false when no container has such a name
 * @throws ChangeError for a value that must not change
 */
export function changeEnvironment(
  object: KubeObject,
  { set, removed }: VariableChanges,
  options: { readonly containers: string; readonly overwrite: boolean },
): boolean {
  const found = containersOf(object, options.containers);
  for (const container of found) {
    const env = (container.env ?? []).filter(({ name }) => !removed.has(name));
    for (const variable of set) {
      const at = env.findIndex(({ name }) => name === variable.name);
      if (at < 0) env.push({ ...variable });
      else if (options.overwrite) env[at] = { ...variable };
      else {
        const { name, value = '' } = env[at] ?? variable;
        throw new ChangeError(`'${name}' already has a value (${value}), and --overwrite is false`);
      }
    }
    if (env.length > 0 || container.env !== undefined) container.env = env;
  }
  return found.length > 0;
}

/** Variables for the keys of a config map or a secret, in their order. @throws CommandLineError */
export function variablesFrom(
  { kind, metadata: { name }, ...object }: KubeObject,
  options: { readonly keys: readonly string[]; readonly prefix: string },
): { readonly key: string; readonly variable: EnvVar }[] {
  if (kind !== 'Secret' && kind !== 'ConfigMap') {
    throw plain('unsupported resource specified in --from');
  }
  const { data = {} } = object as { readonly data?: Readonly<Record<string, string>> };
  const wanted = Object.keys(data).filter(
    (key) => options.keys.length === 0 || options.keys.includes(key),
  );
  return wanted.sort().map((key) => {
    const reference = { name, key };
    const valueFrom =
      kind === 'Secret' ? { secretKeyRef: reference } : { configMapKeyRef: reference };
    return { key, variable: { name: `${options.prefix}${variableName(key)}`, valueFrom } };
  });
}

/** `app.colour` is `APP_COLOUR`. */
export function variableName(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]+/g, '_').toUpperCase();
}

/** The variables of containers, as lines. */
export function listEnvironment(object: KubeObject, pattern: string): string {
  return containersOf(object, pattern)
    .map(({ name, env = [] }) =>
      [
        `# ${object.kind ?? ''} ${object.metadata.name}, container ${name}`,
        ...env.map(variableText),
      ].join('\n'),
    )
    .map((text) => `${text}\n`)
    .join('');
}

/** A variable as a line; where it comes from as a comment. */
function variableText({ name, value = '', valueFrom }: EnvVar): string {
  if (valueFrom === undefined) return `${name}=${value}`;
  const { fieldRef, resourceFieldRef, secretKeyRef, configMapKeyRef } = valueFrom;
  if (fieldRef !== undefined) return `# ${name} from field path ${fieldRef.fieldPath}`;
  if (secretKeyRef !== undefined) {
    return `# ${name} from secret ${secretKeyRef.name ?? ''}, key ${secretKeyRef.key}`;
  }
  if (configMapKeyRef !== undefined) {
    return `# ${name} from configmap ${configMapKeyRef.name ?? ''}, key ${configMapKeyRef.key}`;
  }
  return `# ${name} from resource field ${resourceFieldRef?.resource ?? ''}`;
}

/** `cpu=1,memory=1Gi`. @throws CommandLineError */
export function changeResources(
  object: KubeObject,
  pattern: string,
  wanted: { readonly limits: string | undefined; readonly requests: string | undefined },
): void {
  const amounts = (['limits', 'requests'] as const).flatMap((part) => {
    const text = wanted[part];
    return text === undefined ? [] : [{ part, list: amountsOf(text.split(',')) }];
  });
  const found = containersOf(object, pattern);
  if (found.length === 0) throw plain(`unable to find container named ${pattern}`);
  for (const container of found) {
    container.resources ??= {};
    for (const { part, list } of amounts) {
      container.resources[part] = { ...container.resources[part], ...list };
    }
  }
}

/** The account under which pods run. */
export function changeServiceAccount(object: KubeObject, account: string): void {
  podSpecOf(object).serviceAccountName = account;
}
