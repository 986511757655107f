/** Requests and limits as numbers for cgroups. @see kubelet pkg/kubelet/cm/helpers_linux.go */
import { parseQuantity } from '../../api/quantity.js';
import type { Container, Pod } from '../../api/types/core.js';
import type { LinuxResources } from '../../runtime/types.js';
import { containersOf } from '../pod-fields.js';
import { qosClass } from './qos.js';

const periodMicros = 100_000;
const quotaMicrosMin = 1000;
const sharesMin = 2;
const sharesMax = 262_144;
/** From here on priorities are the system's. */
const systemCriticalPriority = 2_000_000_000;

interface Amounts {
  /** Thousandths of a CPU; undefined: none set. */
  readonly cpuMilli: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** @param nodeMemoryBytes of the whole node, for the OOM score of burstable containers */
export function containerResources(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
): LinuxResources {
  const limits = amounts(container.resources?.limits);
  const requested = amounts(container.resources?.requests);
  const requestMilli = requested.cpuMilli ?? limits.cpuMilli ?? 0;
  const requestBytes = requested.memoryBytes ?? limits.memoryBytes ?? 0;
  return {
    ...limitFields(limits),
    cpuShares: cpuShares(requestMilli),
    oomScoreAdj: oomScore(pod, requestBytes, nodeMemoryBytes),
  };
}

/** The sum of its containers: limits only where every container has one. */
export function podResources(pod: Pod): LinuxResources {
  const all = containersOf(pod);
  const sum = (pick: (container: Container) => number | undefined): number | undefined => {
    let total = 0;
    for (const container of all) {
      const amount = pick(container);
      if (amount === undefined || amount === 0) return undefined;
      total += amount;
    }
    return total;
  };
  const cpuMilli = sum((container) => amounts(container.resources?.limits).cpuMilli);
  const memoryBytes = sum((container) => amounts(container.resources?.limits).memoryBytes);
  const requestMilli = all.reduce((total, { resources }) => {
    return (
      total + (amounts(resources?.requests).cpuMilli ?? amounts(resources?.limits).cpuMilli ?? 0)
    );
  }, 0);
  return { ...limitFields({ cpuMilli, memoryBytes }), cpuShares: cpuShares(requestMilli) };
}

function limitFields({ cpuMilli, memoryBytes }: Amounts): LinuxResources {
  return {
    ...(cpuMilli === undefined || cpuMilli === 0
      ? {}
      : {
          cpuQuotaMicros: Math.max(quotaMicrosMin, (cpuMilli * periodMicros) / 1000),
          cpuPeriodMicros: periodMicros,
        }),
    ...(memoryBytes === undefined || memoryBytes === 0 ? {} : { memoryLimitBytes: memoryBytes }),
  };
}

function cpuShares(milli: number): number {
  return Math.min(sharesMax, Math.max(sharesMin, Math.floor((milli * 1024) / 1000)));
}

/**
 * The more of the node's memory it has asked for, the later it is killed; what the node itself needs, last.
 * @see kubelet pkg/kubelet/qos/policy.go
 */
function oomScore(pod: Pod, requestBytes: number, nodeBytes: number): number {
  const qos = qosClass(pod);
  if (qos === 'Guaranteed' || isNodeCritical(pod)) return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * requestBytes) / Math.max(1, nodeBytes));
  return Math.min(999, Math.max(3, score));
}

function isNodeCritical({ spec }: Pod): boolean {
  return (
    spec.priorityClassName === 'system-node-critical' &&
    (spec.priority ?? 0) >= systemCriticalPriority
  );
}

function amounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  const cpu = list?.['cpu'];
  const memory = list?.['memory'];
  return {
    cpuMilli: cpu === undefined ? undefined : ceilDiv(parseQuantity(cpu)?.nanos ?? 0n, 1_000_000n),
    memoryBytes:
      memory === undefined
        ? undefined
        : ceilDiv(parseQuantity(memory)?.nanos ?? 0n, 1_000_000_000n),
  };
}

function ceilDiv(value: bigint, by: bigint): number {
  return Number((value + by - 1n) / by);
}
