/** Namespace, ConfigMap, Secret, ServiceAccount, LimitRange, ResourceQuota, Binding, ComponentStatus. */
import { jsonSyntaxError } from '../../lib/go-json-syntax.js';
import { defineKind, defineVirtual } from '../define.js';
import { semanticEqual } from '../equal.js';
import { at, forbidden, invalid, required, tooLong } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn, orText } from '../print/columns.js';
import type { ConfigMap, Namespace, Secret, ServiceAccount } from '../types/core.js';
import { configKeyErrors, qualifiedNameErrors } from '../validation/names.js';
import {
  bindingSchema,
  componentStatusSchema,
  configMapSchema,
  namespaceSchema,
  secretSchema,
  serviceAccountSchema,
} from './config-schemas.js';

const core = { group: '', version: 'v1' } as const;
const maxDataBytes = 1024 * 1024;

function validateNamespace({ spec }: Namespace): FieldError[] {
  const errors: FieldError[] = [];
  for (const finalizer of spec?.finalizers ?? []) {
    for (const text of qualifiedNameErrors(finalizer)) {
      errors.push(invalid('spec.finalizers', finalizer, text));
    }
    if (!finalizer.includes('/') && finalizer !== 'kubernetes') {
      const text = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(invalid('spec.finalizers', finalizer, text));
    }
  }
  return errors;
}

/** Namespace. */
export const namespaceKind = defineKind<Namespace>({
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  nameRule: 'label',
  schema: namespaceSchema,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  setDefaults: (namespace) => {
    const { name } = namespace.metadata;
    if (name === undefined || name === '') return;
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': name,
    };
  },
  prepareCreate: (namespace) => {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: [...new Set([...finalizers, 'kubernetes'])] };
  },
  prepareUpdate: (next, old) => {
    if (old.spec !== undefined) next.spec = { ...next.spec, finalizers: old.spec.finalizers };
  },
  validate: validateNamespace,
  subresources: [
    {
      name: 'finalize',
      verbs: ['update'],
      prepareUpdate: (next, old) => {
        (next as Namespace).status = (old as Namespace).status;
      },
    },
  ],
  fields: { 'status.phase': (namespace) => namespace.status?.phase ?? '' },
  columns: [
    nameColumn,
    column<Namespace>('Status', (namespace) => namespace.status?.phase ?? ''),
    ageColumn,
  ],
});

interface WithData {
  readonly data?: Record<string, string> | undefined;
  readonly binaryData?: Record<string, string> | undefined;
  readonly immutable?: boolean | undefined;
}

function checkKeys(data: Record<string, string> | undefined, path: string): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) =>
    configKeyErrors(key).map((text) => invalid(at(path, key), key, text)),
  );
}

function base64Size(text: string): number {
  return Math.floor((text.length * 3) / 4) - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
}

function checkImmutable(next: WithData, old: WithData): FieldError[] {
  if (old.immutable !== true) return [];
  const text = 'field is immutable when `immutable` is set';
  const errors: FieldError[] = [];
  if (next.immutable !== true) errors.push(forbidden('immutable', text));
  if (!semanticEqual(next.data, old.data)) errors.push(forbidden('data', text));
  if (!semanticEqual(next.binaryData, old.binaryData)) errors.push(forbidden('binaryData', text));
  return errors;
}

function validateConfigMap(map: ConfigMap): FieldError[] {
  const errors = [...checkKeys(map.data, 'data'), ...checkKeys(map.binaryData, 'binaryData')];
  for (const key of Object.keys(map.data ?? {})) {
    if (map.binaryData?.[key] !== undefined) {
      errors.push(invalid(at('data', key), key, 'duplicate of key present in binaryData'));
    }
  }
  let size = 0;
  for (const text of Object.values(map.data ?? {})) size += Buffer.byteLength(text);
  for (const text of Object.values(map.binaryData ?? {})) size += base64Size(text);
  if (size > maxDataBytes) errors.push(tooLong('[]', maxDataBytes));
  return errors;
}

/** ConfigMap. */
export const configMapKind = defineKind<ConfigMap>({
  ...core,
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  schema: configMapSchema,
  validate: validateConfigMap,
  validateUpdate: checkImmutable,
  columns: [
    nameColumn,
    column<ConfigMap>(
      'Data',
      (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length,
    ),
    ageColumn,
  ],
});

/** Keys that secrets of a type must have. */
const neededKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function validateSecret(secret: Secret): FieldError[] {
  const errors = checkKeys(secret.data, 'data');
  let size = 0;
  for (const text of Object.values(secret.data ?? {})) size += base64Size(text);
  if (size > maxDataBytes) errors.push(tooLong('data', maxDataBytes));
  const type = secret.type ?? '';
  for (const key of neededKeys[type] ?? []) {
    // An SSH key must say something; the others need only be there.
    const isThere = type.endsWith('/ssh-auth')
      ? secret.data?.[key]
      : secret.data?.[key] !== undefined;
    if (!isThere) errors.push(required(at('data', key)));
  }
  if (type === 'kubernetes.io/basic-auth') {
    const hasOne =
      secret.data?.['username'] !== undefined || secret.data?.['password'] !== undefined;
    if (!hasOne) errors.push(required(at('data', 'username')), required(at('data', 'password')));
  }
  const account = 'kubernetes.io/service-account.name';
  if (type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[account]) {
    errors.push(required(at('metadata.annotations', account)));
  }
  if (type === 'kubernetes.io/dockerconfigjson') checkJson(secret, '.dockerconfigjson', errors);
  return errors;
}

function checkJson(secret: Secret, key: string, errors: FieldError[]): void {
  const text = secret.data?.[key];
  if (text === undefined) return;
  // Byte by byte, as Go reads it.
  const fault = jsonSyntaxError(Buffer.from(text, 'base64').toString('latin1'));
  if (fault === undefined) return;
  errors.push(invalid(at('data', key), '<secret contents redacted>', fault));
}

function mergeStringData(secret: Secret): void {
  if (secret.stringData === undefined) return;
  secret.data ??= {};
  for (const [key, text] of Object.entries(secret.stringData)) {
    secret.data[key] = Buffer.from(text).toString('base64');
  }
  delete secret.stringData;
}

/** Secret. */
export const secretKind = defineKind<Secret>({
  ...core,
  kind: 'Secret',
  plural: 'secrets',
  schema: secretSchema,
  setDefaults: mergeStringData,
  validate: validateSecret,
  validateUpdate: (next, old) => {
    const errors = checkImmutable(next, old);
    if (next.type !== old.type) errors.push(invalid('type', next.type, 'field is immutable'));
    return errors;
  },
  fields: { type: (secret) => secret.type ?? '' },
  columns: [
    nameColumn,
    column<Secret>('Type', (secret) => secret.type ?? ''),
    column<Secret>('Data', (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
});

/** The secrets of an account are in its namespace: nothing but their names is kept. */
function nameSecretsOnly(account: ServiceAccount): void {
  account.secrets = account.secrets?.map(({ name }) => (name === undefined ? {} : { name }));
  if (account.secrets === undefined) delete account.secrets;
}

/** ServiceAccount. */
export const serviceAccountKind = defineKind<ServiceAccount>({
  ...core,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  schema: serviceAccountSchema,
  prepareCreate: nameSecretsOnly,
  prepareUpdate: nameSecretsOnly,
  subresources: [
    {
      name: 'token',
      group: 'authentication.k8s.io',
      version: 'v1',
      kind: 'TokenRequest',
      verbs: ['create'],
    },
  ],
  columns: [
    nameColumn,
    column<ServiceAccount>('Secrets', (account) => account.secrets?.length ?? 0),
    ageColumn,
  ],
});

/** Binding. */
export const bindingKind = defineVirtual({
  ...core,
  kind: 'Binding',
  plural: 'bindings',
  schema: bindingSchema,
});

type ComponentStatus = {
  metadata: Namespace['metadata'];
  conditions?: { type: string; status: string; message?: string; error?: string }[];
};

/** ComponentStatus. */
export const componentStatusKind = defineKind({
  ...core,
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  namespaced: false,
  virtual: true,
  verbs: ['get', 'list'],
  schema: componentStatusSchema,
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    nameColumn,
    column<ComponentStatus>('Status', (object) => {
      const healthy = object.conditions?.find((condition) => condition.type === 'Healthy');
      return healthy?.status === 'True' ? 'Healthy' : 'Unhealthy';
    }),
    column<ComponentStatus>('Message', (object) => orText(object.conditions?.[0]?.message, '')),
    column<ComponentStatus>('Error', (object) => orText(object.conditions?.[0]?.error, '')),
  ],
});
