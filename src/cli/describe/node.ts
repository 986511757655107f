import { parseQuantity } from '../../api/quantity.js';
import { podAmounts } from '../../api/facts/amounts.js';
import type { Node, Pod } from '../../api/types/core.js';
import type { DescribeFacts } from './common.js';
import { ageText, longTime, writeEvents, writeList, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

const rolePrefix = 'node-role.kubernetes.io/';
const shownAmounts = ['cpu', 'memory', 'ephemeral-storage'];

/** A node, with what its pods ask for. */
export function describeNode(writer: DescribeWriter, node: Node, facts: DescribeFacts): void {
  const { metadata, spec, status } = node;
  writer.field(0, 'Name', metadata.name);
  const roles = Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith(rolePrefix));
  const names = roles.map((key) => key.slice(rolePrefix.length)).sort();
  writer.field(0, 'Roles', names.length === 0 ? '<none>' : names.join(','));
  writePairs(writer, node);
  writer.field(0, 'CreationTimestamp', longTime(metadata.creationTimestamp));
  const taints = (spec?.taints ?? []).map(({ key, value = '', effect }) =>
    value === '' ? `${key}:${effect}` : `${key}=${value}:${effect}`,
  );
  writeList(writer, 'Taints', taints.sort());
  writer.field(0, 'Unschedulable', spec?.unschedulable ?? false);
  writeLease(writer, facts);
  writeNodeConditions(writer, node);
  writer.line(0, 'Addresses:');
  for (const { type, address } of status?.addresses ?? []) writer.field(1, type, address);
  writeAmounts(writer, 'Capacity', status?.capacity);
  writeAmounts(writer, 'Allocatable', status?.allocatable);
  writeSystem(writer, node);
  if ((spec?.podCIDR ?? '') !== '') writer.field(0, 'PodCIDR', spec?.podCIDR);
  if ((spec?.podCIDRs ?? []).length > 0)
    writer.field(0, 'PodCIDRs', (spec?.podCIDRs ?? []).join(','));
  if ((spec?.providerID ?? '') !== '') writer.field(0, 'ProviderID', spec?.providerID);
  writePods(writer, node, facts);
  writeEvents(writer, facts);
}

function writeLease(writer: DescribeWriter, { related }: DescribeFacts): void {
  const [lease] = related['lease'] ?? [];
  const {
    holderIdentity = '<unset>',
    acquireTime,
    renewTime,
  } = (lease as { spec?: Record<string, string> } | undefined)?.spec ?? {};
  writer.line(0, 'Lease:');
  writer.field(1, 'HolderIdentity', holderIdentity);
  writer.field(1, 'AcquireTime', longTime(acquireTime));
  writer.field(1, 'RenewTime', longTime(renewTime));
}

function writeNodeConditions(writer: DescribeWriter, { status }: Node): void {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return;
  writer.line(0, 'Conditions:');
  writer.line(1, 'Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage');
  writer.line(1, '----\t------\t-----------------\t------------------\t------\t-------');
  for (const {
    type,
    status: value,
    lastHeartbeatTime,
    lastTransitionTime,
    reason = '',
    message = '',
  } of conditions) {
    writer.line(
      1,
      `${type} \t${value} \t${longTime(lastHeartbeatTime)} \t${longTime(lastTransitionTime)} \t${reason} \t${message}`,
    );
  }
}

function writeAmounts(
  writer: DescribeWriter,
  title: string,
  amounts: Readonly<Record<string, string>> | undefined,
): void {
  const entries = Object.entries(amounts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length > 0) writer.line(0, `${title}:`);
  for (const [name, amount] of entries) writer.field(1, name, amount);
}

function writeSystem(writer: DescribeWriter, { status }: Node): void {
  const info = status?.nodeInfo;
  writer.line(0, 'System Info:');
  for (const [title, value] of [
    ['Machine ID', info?.machineID],
    ['System UUID', info?.systemUUID],
    ['Boot ID', info?.bootID],
    ['Kernel Version', info?.kernelVersion],
    ['OS Image', info?.osImage],
    ['Operating System', info?.operatingSystem],
    ['Architecture', info?.architecture],
    ['Container Runtime Version', info?.containerRuntimeVersion],
    ['Kubelet Version', info?.kubeletVersion],
    ['Kube-Proxy Version', info?.kubeProxyVersion],
  ] as const) {
    writer.line(1, `${title}:\t${value ?? ''}`);
  }
}

type Totals = Record<'requests' | 'limits', Map<string, bigint>>;

function writePods(writer: DescribeWriter, node: Node, { related, nowMs }: DescribeFacts): void {
  const pods = ((related['pods'] ?? []) as readonly Pod[]).filter(
    ({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
  writer.line(0, `Non-terminated Pods:\t(${pods.length} in total)`);
  writer.line(
    1,
    'Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge',
  );
  writer.line(
    1,
    '---------\t----\t\t------------\t----------\t---------------\t-------------\t---',
  );
  const totals: Totals = { requests: new Map(), limits: new Map() };
  for (const pod of pods) {
    const shown = (['cpu', 'memory'] as const).flatMap((name) =>
      (['requests', 'limits'] as const).map((part) => {
        const amount = podAmounts(pod.spec, part).get(name);
        return amountText(node, name, amount?.nanos ?? 0n);
      }),
    );
    for (const part of ['requests', 'limits'] as const) {
      for (const [name, amount] of podAmounts(pod.spec, part)) {
        totals[part].set(name, (totals[part].get(name) ?? 0n) + amount.nanos);
      }
    }
    const { namespace = '', name, creationTimestamp } = pod.metadata;
    writer.line(
      1,
      `${namespace}\t${name}\t\t${shown.join('\t')}\t${ageText(creationTimestamp, nowMs)}`,
    );
  }
  writeTotals(writer, node, totals);
}

function writeTotals(writer: DescribeWriter, node: Node, totals: Totals): void {
  writer.line(0, 'Allocated resources:');
  writer.line(1, '(Total limits may be over 100 percent, i.e., overcommitted.)');
  writer.line(1, 'Resource\tRequests\tLimits');
  writer.line(1, '--------\t--------\t------');
  const huge = Object.keys(node.status?.allocatable ?? {}).filter((name) =>
    name.startsWith('hugepages-'),
  );
  for (const name of [...shownAmounts, ...huge.sort()]) {
    const text = (part: 'requests' | 'limits'): string =>
      amountText(node, name, totals[part].get(name) ?? 0n);
    writer.line(1, `${name}\t${text('requests')}\t${text('limits')}`);
  }
}

/** An amount, and how much of the node it is. */
function amountText(node: Node, name: string, nanos: bigint): string {
  const whole = parseQuantity(node.status?.allocatable?.[name] ?? '0')?.nanos ?? 0n;
  const percent = whole === 0n ? 0n : (nanos * 100n) / whole;
  return `${quantityText(name, nanos)} (${percent}%)`;
}

const nano = 1_000_000_000n;

function quantityText(name: string, nanos: bigint): string {
  if (name === 'cpu') return nanos % nano === 0n ? String(nanos / nano) : `${nanos / 1_000_000n}m`;
  const bytes = nanos / nano;
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let [value, unit] = [bytes, 0];
  while (value > 0n && value % 1024n === 0n && unit < units.length - 1)
    [value, unit] = [value / 1024n, unit + 1];
  return `${value}${units[unit] ?? ''}`;
}
