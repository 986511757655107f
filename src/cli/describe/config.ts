/** ConfigMaps, Secrets, ServiceAccounts, namespaces, quotas. */
import type {
  ConfigMap,
  LimitRange,
  Namespace,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import type { DescribeFacts } from './common.js';
import { timeOrZero, writeEvents, writeList, writeMetadata, writePairs } from './common.js';
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
  const { metadata } = object;
  writeMetadata(writer, object);
  writePairs(writer, object);
  const secrets = (facts.related['secrets'] ?? []) as readonly Secret[];
  const known = new Set(secrets.map((secret) => secret.metadata.name));
  const names = (list: readonly { readonly name?: string | undefined }[] | undefined): string[] =>
    (list ?? []).map(({ name = '' }) => (known.has(name) ? name : `${name} (not found)`));
  const tokens = secrets.filter(({ type, metadata: { annotations = {} } }) => {
    const account = annotations['kubernetes.io/service-account.name'];
    const uid = annotations['kubernetes.io/service-account.uid'];
    return (
      type === 'kubernetes.io/service-account-token' &&
      account === metadata.name &&
      uid === metadata.uid
    );
  });
  writeList(writer, 'Image pull secrets', names(object.imagePullSecrets));
  writeList(writer, 'Mountable secrets', names(object.secrets));
  writeList(
    writer,
    'Tokens',
    tokens.map((secret) => secret.metadata.name),
  );
  writeEvents(writer, facts);
}

/** A namespace, with its quotas and limits. */
export function describeNamespace(
  writer: DescribeWriter,
  object: Namespace,
  { related }: DescribeFacts,
): void {
  const { metadata, status } = object;
  writer.field(0, 'Name', metadata.name);
  writePairs(writer, object);
  writer.field(0, 'Status', status?.phase ?? '');
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    writer.line(0, 'Conditions:');
    writer.line(1, 'Type\tStatus\tLastTransitionTime\tReason\tMessage');
    writer.line(1, '----\t------\t------------------\t------\t-------');
  }
  for (const { type, status: value, lastTransitionTime, reason, message } of conditions) {
    const time = timeOrZero(lastTransitionTime);
    writer.line(1, `${type}\t${value}\t${time}\t${reason ?? ''}\t${message ?? ''}`);
  }
  const quotas = (related['resourcequotas'] ?? []) as readonly ResourceQuota[];
  if (quotas.length === 0) writer.line(0, '\nNo resource quota.');
  else writer.line(0, '\nResource Quotas');
  for (const quota of quotas.toSorted(byName)) {
    writer.line(1, `Name:\t${quota.metadata.name}`);
    writeScopes(writer, quota, '  * ');
    writeUse(writer, quota, ' ', '---');
  }
  const ranges = (related['limitranges'] ?? []) as readonly LimitRange[];
  if (ranges.length === 0) {
    writer.line(0, '\nNo LimitRange resource.');
    return;
  }
  writer.line(
    0,
    '\nResource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio',
  );
  writer.line(
    0,
    ' ----\t--------\t---\t---\t---------------\t-------------\t-----------------------',
  );
  for (const range of ranges) writeLimits(writer, range, ' ');
}

const byName = (a: ResourceQuota, b: ResourceQuota): number =>
  a.metadata.name < b.metadata.name ? -1 : 1;

/** Bounds of what objects of a namespace may use. */
export function describeLimitRange(writer: DescribeWriter, object: LimitRange): void {
  const { metadata } = object;
  writer.field(0, 'Name', metadata.name);
  writer.field(0, 'Namespace', metadata.namespace ?? '');
  writer.line(
    0,
    'Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio',
  );
  writer.line(
    0,
    '----\t--------\t---\t---\t---------------\t-------------\t-----------------------',
  );
  writeLimits(writer, object, '');
}

function writeLimits(writer: DescribeWriter, { spec }: LimitRange, space: string): void {
  for (const { type, ...amounts } of spec?.limits ?? []) {
    const { min, max, defaultRequest, default: limit, maxLimitRequestRatio } = amounts;
    const columns = [min, max, defaultRequest, limit, maxLimitRequestRatio];
    const names = new Set(columns.flatMap((column) => Object.keys(column ?? {})));
    for (const name of [...names].sort()) {
      const cells = columns.map((column) => column?.[name] ?? '-');
      writer.line(0, `${space}${[type, name, ...cells].join('\t')}`);
    }
  }
}

/** A quota: what is used of what may be. */
export function describeQuota(writer: DescribeWriter, object: ResourceQuota): void {
  writer.field(0, 'Name', object.metadata.name);
  writer.field(0, 'Namespace', object.metadata.namespace ?? '');
  writeScopes(writer, object, ' * ');
  writeUse(writer, object, '', '----');
}

/** What the scopes of a quota mean, in kubectl's words. */
const scopeTexts: Readonly<Record<string, string>> = {
  Terminating:
    'Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.',
  NotTerminating:
    'Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.',
  BestEffort:
    'Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.',
  NotBestEffort:
    'Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.',
};

function writeScopes(writer: DescribeWriter, { spec }: ResourceQuota, mark: string): void {
  const scopes = (spec?.scopes ?? []).toSorted();
  if (scopes.length === 0) return;
  const space = mark.startsWith('  ') ? '  ' : '';
  writer.line(0, `${space}Scopes:\t${scopes.join(', ')}`);
  for (const scope of scopes) {
    const text = scopeTexts[scope];
    if (text !== undefined) writer.line(0, `${mark}${text}`);
  }
}

function writeUse(
  writer: DescribeWriter,
  { status }: ResourceQuota,
  space: string,
  line: string,
): void {
  writer.line(0, `${space}${space}Resource\tUsed\tHard`);
  writer.line(0, `${space}${space}--------\t${line}\t${line}`);
  for (const [name, amount] of sortedEntries(status?.hard)) {
    const used = parseQuantity(status?.used?.[name] ?? '0')?.toString() ?? '0';
    writer.line(0, `${space}${space}${name}\t${used}\t${amount}`);
  }
}
