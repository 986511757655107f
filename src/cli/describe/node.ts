import { parseQuantity } from '../../api/quantity.js';
import type { Amounts } from '../../api/facts/amounts.js';
import { addAmounts, podAmounts } from '../../api/facts/amounts.js';
import type { Node, Pod } from '../../api/types/core.js';
import type { DescribeFacts } from './common.js';
import { ageText, longTime, timeOrZero, writeEvents, writeList, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

const rolePrefix = 'node-role.kubernetes.io/';
/** The label of roles before there was a label for each. */
const roleLabel = 'kubernetes.io/role';
const shownAmounts = ['cpu', 'memory', 'ephemeral-storage'];

/** A node, with what its pods ask for. */
export function describeNode(writer: DescribeWriter, node: Node, facts: DescribeFacts): void {
  const { metadata, spec, status } = node;
  writer.field(0, 'Name', metadata.name);
  const labels = Object.entries(metadata.labels ?? {});
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return [key.slice(rolePrefix.length)];
    return key === roleLabel && value !== '' ? [value] : [];
  });
  const names = [...new Set(roles)].sort();
  writer.field(0, 'Roles', names.length === 0 ? '<none>' : names.join(','));
  writePairs(writer, node);
  writer.field(0, 'CreationTimestamp', longTime(metadata.creationTimestamp));
  const taints = (spec?.taints ?? []).map(({ key, value = '', effect }) =>
    value === '' ? `${key}:${effect}` : `${key}=${value}:${effect}`,
  );
  writeList(writer, 'Taints', taints.sort());
  writer.field(0, 'Unschedulable', spec?.unschedulable ?? false);
  writeLease(writer, node, facts);
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

function writeLease(writer: DescribeWriter, node: Node, { related }: DescribeFacts): void {
  const [lease] = related['lease'] ?? [];
  if (lease === undefined) {
    const { name } = node.metadata;
    writer.line(0, `Lease:\tFailed to get lease: leases.coordination.k8s.io "${name}" not found`);
    return;
  }
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
      `${type} \t${value} \t${timeOrZero(lastHeartbeatTime)} \t${timeOrZero(lastTransitionTime)} \t${reason} \t${message}`,
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

type Part = 'requests' | 'limits';
const parts: readonly Part[] = ['requests', 'limits'];

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
  const totals: Record<Part, Amounts> = { requests: new Map(), limits: new Map() };
  for (const pod of pods) {
    const own: Record<Part, Amounts> = {
      requests: podAmounts(pod.spec, 'requests'),
      limits: podAmounts(pod.spec, 'limits'),
    };
    for (const part of parts) totals[part] = addAmounts(totals[part], own[part]);
    const shown = ['cpu', 'memory'].flatMap((name) =>
      parts.map((part) => amountText(node, name, own[part])),
    );
    const { namespace = '', name, creationTimestamp } = pod.metadata;
    writer.line(
      1,
      `${namespace}\t${name}\t\t${shown.join('\t')}\t${ageText(creationTimestamp, nowMs)}`,
    );
  }
  writeTotals(writer, node, totals);
}

function writeTotals(
  writer: DescribeWriter,
  node: Node,
  totals: Readonly<Record<Part, Amounts>>,
): void {
  writer.line(0, 'Allocated resources:');
  writer.line(1, '(Total limits may be over 100 percent, i.e., overcommitted.)');
  writer.line(1, 'Resource\tRequests\tLimits');
  writer.line(1, '--------\t--------\t------');
  const names = Object.keys(allocatableOf(node)).sort();
  const huge = names.filter((name) => name.startsWith('hugepages-'));
  for (const name of [...shownAmounts, ...huge]) {
    const cells = parts.map((part) => amountText(node, name, totals[part]));
    writer.line(1, [name, ...cells].join('\t'));
  }
  // Of what no node has of itself kubectl prints no share.
  for (const name of names) {
    if (huge.includes(name) || [...shownAmounts, 'pods'].includes(name)) continue;
    const cells = parts.map((part) => totals[part].get(name)?.toString() ?? '0');
    writer.line(1, [name, ...cells].join('\t'));
  }
}

/** What pods may use: all there is, until the agent has said what it keeps. */
function allocatableOf({ status }: Node): Readonly<Record<string, string>> {
  const { allocatable = {}, capacity = {} } = status ?? {};
  return Object.keys(allocatable).length > 0 ? allocatable : capacity;
}

/** An amount, and how much of the node it is. */
function amountText(node: Node, name: string, amounts: Amounts): string {
  const whole = parseQuantity(allocatableOf(node)[name] ?? '0')?.nanos ?? 0n;
  const amount = amounts.get(name);
  const percent = whole === 0n ? 0n : ((amount?.nanos ?? 0n) * 100n) / whole;
  return `${amount?.toString() ?? '0'} (${percent}%)`;
}
