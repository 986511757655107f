/** Changes of pod templates, in place: pure but for the object that is handed in. */
import type { KubeObject } from '../../api/object.js';
import type { Container, EnvVar, PodSpec } from '../../api/types/core.js';
import { CommandLineError } from '../command/command-line-error.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** The pod's spec in a pod, in a template, in the template of a cron job. @throws CommandLineError */
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
  if (found === undefined)
    throw plain(`the object is not a pod or does not have a pod template: ${object.kind ?? ''}`);
  return found;
}

/** Containers by name; `*` is all, and `web*` those that begin so. */
function containersOf(object: KubeObject, pattern: string): Container[] {
  const { containers, initContainers = [] } = podSpecOf(object);
  const expression = new RegExp(
    `^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`,
  );
  return [...initContainers, ...containers].filter(({ name }) => expression.test(name));
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

/** `NAME=value` sets, `NAME-` removes, `--from` refers to keys. @throws CommandLineError */
export function changeEnvironment(
  object: KubeObject,
  changes: readonly string[],
  options: {
    readonly containers: string;
    readonly overwrite: boolean;
    readonly from: string | undefined;
    readonly keys: readonly string[];
    readonly prefix: string;
  },
): void {
  const found = containersOf(object, options.containers);
  if (found.length === 0)
    throw plain(
      `${object.kind ?? ''}/${object.metadata.name} does not have any containers matching "${options.containers}"`,
    );
  for (const container of found) {
    for (const change of changes) changeVariable(container, change, options.overwrite);
    if (options.from !== undefined)
      referToKeys(container, options.from, options.keys, options.prefix);
  }
}

function changeVariable(container: Container, change: string, overwrite: boolean): void {
  const at = change.indexOf('=');
  const name = at < 0 ? change.replace(/-$/, '') : change.slice(0, at);
  const env = container.env ?? [];
  if (at < 0) {
    container.env = env.filter((variable) => variable.name !== name);
    return;
  }
  const value = change.slice(at + 1);
  const old = env.find((variable) => variable.name === name);
  if (old === undefined) {
    container.env = [...env, { name, value }];
    return;
  }
  if (!overwrite)
    throw plain(`'${name}' already has a value (${old.value ?? ''}), and --overwrite is false`);
  old.value = value;
  delete old.valueFrom;
}

function referToKeys(
  container: Container,
  from: string,
  keys: readonly string[],
  prefix: string,
): void {
  const [type = '', name = ''] = from.split('/');
  const isSecret = /^secrets?$/i.test(type);
  if ((!isSecret && !/^(?:cm|configmaps?)$/i.test(type)) || name === '') {
    throw plain(`unsupported resource specified in --from: ${from}`);
  }
  if (keys.length === 0) {
    const reference = isSecret ? { secretRef: { name } } : { configMapRef: { name } };
    container.envFrom = [
      ...(container.envFrom ?? []),
      { ...reference, ...(prefix === '' ? {} : { prefix }) },
    ];
    return;
  }
  for (const key of keys) {
    const variable = `${prefix}${key}`.toUpperCase().replaceAll(/[-.]/g, '_');
    const reference = { name, key };
    const valueFrom = isSecret ? { secretKeyRef: reference } : { configMapKeyRef: reference };
    container.env = [
      ...(container.env ?? []).filter((old) => old.name !== variable),
      { name: variable, valueFrom },
    ];
  }
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
  return `# ${name} from resource ${resourceFieldRef?.resource ?? ''}`;
}

/** `cpu=1,memory=1Gi`; an amount of 0 removes. @throws CommandLineError */
export function changeResources(
  object: KubeObject,
  pattern: string,
  wanted: { readonly limits: string | undefined; readonly requests: string | undefined },
): void {
  const found = containersOf(object, pattern);
  if (found.length === 0) throw plain(`unable to find container named ${pattern}`);
  for (const container of found) {
    container.resources ??= {};
    for (const part of ['limits', 'requests'] as const) {
      const text = wanted[part];
      if (text === undefined) continue;
      const amounts: Record<string, string> = { ...container.resources[part] };
      for (const pair of text.split(',')) {
        const [name = '', amount = ''] = pair.split('=');
        if (name === '' || amount === '')
          throw plain(`invalid argument syntax ${pair}, expected <resource>=<value>`);
        if (amount === '0') delete amounts[name];
        else amounts[name] = amount;
      }
      container.resources[part] = amounts;
    }
  }
}

/** The account under which pods run. */
export function changeServiceAccount(object: KubeObject, account: string): void {
  podSpecOf(object).serviceAccountName = account;
}
