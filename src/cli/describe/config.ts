/** ConfigMaps, Secrets, ServiceAccounts, namespaces, quotas. */
import type {
  ConfigMap,
  Namespace,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import type { DescribeFacts } from './common.js';
import { writeEvents, writeList, writeMetadata, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

/** A config map, its data in full. */
export function describeConfigMap(
  writer: DescribeWriter,
  object: ConfigMap,
  facts: DescribeFacts,
): void {
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.line(0, '');
  writer.line(0, 'Data');
  writer.line(0, '====');
  for (const [key, value] of sortedEntries(object.data)) {
    writer.line(0, `${key}:`);
    writer.line(0, '----');
    writer.line(0, value);
    writer.line(0, '');
  }
  writer.line(0, '');
  writer.line(0, 'BinaryData');
  writer.line(0, '====');
  for (const [key, value] of sortedEntries(object.binaryData)) {
    writer.line(0, `${key}: ${Buffer.from(value, 'base64').length} bytes`);
  }
  writer.line(0, '');
  writeEvents(writer, facts);
}

function sortedEntries(map: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A secret: sizes only, but for tokens, which are there to be read. */
export function describeSecret(writer: DescribeWriter, object: Secret): void {
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.line(0, '');
  writer.line(0, `Type:\t${object.type ?? 'Opaque'}`);
  writer.line(0, '');
  writer.line(0, 'Data');
  writer.line(0, '====');
  for (const [key, value] of sortedEntries(object.data)) {
    const bytes = Buffer.from(value, 'base64');
    const isToken = object.type === 'kubernetes.io/service-account-token' && key === 'token';
    writer.line(0, `${key}:\t${isToken ? bytes.toString('utf8') : `${bytes.length} bytes`}`);
  }
}

/** A service account. */
export function describeServiceAccount(
  writer: DescribeWriter,
  object: ServiceAccount,
  facts: DescribeFacts,
): void {
  writeMetadata(writer, object);
  writePairs(writer, object);
  const names = (list: readonly { readonly name?: string | undefined }[] | undefined): string[] =>
    (list ?? []).map(({ name = '' }) => name);
  writeList(writer, 'Image pull secrets', names(object.imagePullSecrets));
  writeList(writer, 'Mountable secrets', names(object.secrets));
  writeList(writer, 'Tokens', []);
  writeEvents(writer, facts);
}

/** A namespace, with its quotas. */
export function describeNamespace(
  writer: DescribeWriter,
  object: Namespace,
  { related }: DescribeFacts,
): void {
  writer.field(0, 'Name', object.metadata.name);
  writePairs(writer, object);
  writer.field(0, 'Status', object.status?.phase ?? '');
  const quotas = (related['resourcequotas'] ?? []) as readonly ResourceQuota[];
  if (quotas.length === 0) writer.line(0, '\nNo resource quota.');
  else {
    writer.line(0, '\nResource Quotas');
    for (const quota of quotas) {
      writer.line(1, `Name:\t${quota.metadata.name}`);
      writeUse(writer, quota, 1, '---');
    }
  }
  const ranges = related['limitranges'] ?? [];
  if (ranges.length === 0) writer.line(0, '\nNo LimitRange resource.');
  else writer.line(0, `\nLimit Ranges:\t${ranges.map(({ metadata }) => metadata.name).join(', ')}`);
}

/** A quota: what is used of what may be. */
export function describeQuota(writer: DescribeWriter, object: ResourceQuota): void {
  writer.field(0, 'Name', object.metadata.name);
  writer.field(0, 'Namespace', object.metadata.namespace ?? '');
  const { scopes = [] } = object.spec ?? {};
  if (scopes.length > 0) writer.field(0, 'Scopes', scopes.join(', '));
  writeUse(writer, object, 0, '----');
}

function writeUse(
  writer: DescribeWriter,
  { status, spec }: ResourceQuota,
  level: number,
  line: string,
): void {
  const hard = status?.hard ?? spec?.hard ?? {};
  writer.line(level, 'Resource\tUsed\tHard');
  writer.line(
    level,
    `${level === 0 ? '--------' : '--------'}\t${line === '---' ? '---' : '----'}\t${line === '---' ? '---' : '----'}`,
  );
  for (const [name, amount] of sortedEntries(hard)) {
    writer.line(
      level,
      `${name}\t${parseQuantity(status?.used?.[name] ?? '0')?.toString() ?? '0'}\t${amount}`,
    );
  }
}
