/** Limits of a pod's or a container's cgroup, as CRI has them: pure. */
import type { LinuxContainerResources } from '../../gen/cri/api.js';
import type { LinuxResources } from '../types.js';

/** In CRI a 0 is a limit that is not set, or that an update leaves as it is. */
const none: LinuxContainerResources = {
  cpuPeriod: 0n,
  cpuQuota: 0n,
  cpuShares: 0n,
  memoryLimitInBytes: 0n,
  oomScoreAdj: 0n,
  cpusetCpus: '',
  cpusetMems: '',
  hugepageLimits: [],
  unified: {},
  memorySwapLimitInBytes: 0n,
};

/** Of something new. Memory that is limited gets no swap on top, as with the kubelet's NoSwap. */
export function newLimits(resources: LinuxResources): LinuxContainerResources {
  const { cpuShares, cpuQuotaMicros, cpuPeriodMicros, memoryLimitBytes, oomScoreAdj } = resources;
  const memory = whole(memoryLimitBytes);
  return {
    ...none,
    cpuPeriod: whole(cpuPeriodMicros),
    cpuQuota: whole(cpuQuotaMicros),
    cpuShares: whole(cpuShares),
    memoryLimitInBytes: memory,
    memorySwapLimitInBytes: memory,
    oomScoreAdj: whole(oomScoreAdj),
  };
}

/** Of a container that runs: a limit that it is to have no more is -1. The OOM score stays. */
export function changedLimits(resources: LinuxResources): LinuxContainerResources {
  const limits = newLimits(resources);
  const unlimited = (amount: bigint): bigint => (amount === 0n ? -1n : amount);
  return {
    ...limits,
    cpuQuota: unlimited(limits.cpuQuota),
    memoryLimitInBytes: unlimited(limits.memoryLimitInBytes),
    memorySwapLimitInBytes: unlimited(limits.memorySwapLimitInBytes),
    oomScoreAdj: 0n,
  };
}

function whole(amount: number | undefined): bigint {
  return amount === undefined ? 0n : BigInt(Math.trunc(amount));
}
