/** Reads an agent's summary: the use of a node and of its pods, as far as it is complete. Pure. */
import { formatTime, parseTime } from '../../../api/facts/time.js';
import { isJsonObject } from '../../../api/object.js';
import { Quantity } from '../../../api/quantity.js';
import { formatDurationMs } from '../../../lib/go-duration.js';

/** An amount of each resource, in Kubernetes' quantities. */
type Amounts = Record<'cpu' | 'memory', string>;

/** The use of one thing, and when it was measured. */
interface Used {
  readonly timestampMs: number;
  readonly windowMs: number;
  readonly usage: Amounts;
}

/** What a node told of itself. */
export interface Summary {
  readonly node: Used | undefined;
  /** By the pod's uid. A pod with a container whose use is not known yet is missing. */
  readonly pods: ReadonlyMap<string, readonly (Used & { readonly name: string })[]>;
}

type Json = Readonly<Record<string, unknown>>;

function field(value: unknown, name: string): Json {
  const found = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(found) ? found : {};
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const found = isJsonObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found : [];
}

/** A count as a node may tell it: anything else is no number to rely on. */
function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** @throws SyntaxError for a summary that is no JSON */
export function parseSummary(bytes: Buffer): Summary {
  const all: unknown = JSON.parse(bytes.toString());
  const pods = new Map<string, (Used & { readonly name: string })[]>();
  for (const pod of listOf(all, 'pods')) {
    const { uid } = field(pod, 'podRef');
    const containers = listOf(pod, 'containers').map((container) => ({
      name: isJsonObject(container) ? String(container['name']) : '',
      used: usedOf(container),
    }));
    const known = containers.flatMap(({ name, used }) => (used ? [{ name, ...used }] : []));
    if (typeof uid !== 'string' || known.length === 0) continue;
    if (known.length === containers.length) pods.set(uid, known);
  }
  return { node: usedOf(field(all, 'node')), pods };
}

function usedOf(value: unknown): Used | undefined {
  const [cpu, memory] = [field(value, 'cpu'), field(value, 'memory')];
  const [nanoCores, bytes] = [countOf(cpu['usageNanoCores']), countOf(memory['workingSetBytes'])];
  const timestampMs = parseTime(typeof cpu['time'] === 'string' ? cpu['time'] : undefined);
  const window = cpu['windowSeconds'];
  if (nanoCores === undefined || bytes === undefined || timestampMs === undefined) return undefined;
  if (typeof window !== 'number' || !(window > 0)) return undefined;
  const usage = {
    cpu: new Quantity(BigInt(nanoCores), 'DecimalSI').toString(),
    memory: new Quantity(BigInt(bytes) * 1_000_000_000n, 'BinarySI').toString(),
  };
  return { timestampMs, windowMs: window * 1_000, usage };
}

interface Times {
  readonly timestamp: string;
  readonly window: string;
}

function timesOf({ timestampMs, windowMs }: Used): Times {
  return { timestamp: formatTime(timestampMs), window: formatDurationMs(windowMs) };
}

/** The body of a node's NodeMetrics; undefined where its use is not known. */
export function nodeUsage(summary: Summary | undefined): (Times & { usage: Amounts }) | undefined {
  const node = summary?.node;
  return node === undefined ? undefined : { ...timesOf(node), usage: { ...node.usage } };
}

/** The body of a pod's PodMetrics, with the time of the container that was measured first, as metrics-server does. */
export function podUsage(
  summary: Summary | undefined,
  uid: string,
): (Times & { containers: { name: string; usage: Amounts }[] }) | undefined {
  const used = summary?.pods.get(uid);
  const [first] = used?.toSorted((a, b) => a.timestampMs - b.timestampMs) ?? [];
  if (used === undefined || first === undefined) return undefined;
  const containers = used.map(({ name, usage }) => ({ name, usage: { ...usage } }));
  return { ...timesOf(first), containers };
}
