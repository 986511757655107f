/** Measures the pressures on the node that its conditions report. */
import { readFile, statfs } from 'node:fs/promises';
import type { ContainerRuntime } from '../../runtime/types.js';
import type { NodeHealth } from './node-object.js';

/** @see kubelet's default hard eviction thresholds */
const memoryBytesMin = 100 * 1024 * 1024;
const diskShareMin = 0.02;

/** The reason why pods cannot have their network. */
export interface NetworkProblem {
  readonly message: string;
  /** The agent has only just begun. */
  readonly isStarting: boolean;
}

/** Looks at the machine and asks the runtime. */
export async function nodeHealth(options: {
  readonly runtime: ContainerRuntime;
  readonly dataDir: string;
  /** Why pods cannot have their network yet; undefined: they can. */
  readonly networkProblem: () => NetworkProblem | undefined;
}): Promise<NodeHealth> {
  const { runtime, dataDir, networkProblem } = options;
  const [runtimeProblem, availableBytes, disk] = await Promise.all([
    runtime.health(),
    availableMemory(),
    statfs(dataDir).catch(() => undefined),
  ]);
  const network = networkProblem();
  const problem =
    runtimeProblem !== undefined
      ? `container runtime is down: ${runtimeProblem}`
      : network === undefined
        ? undefined
        : `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${network.message}`;
  return {
    problem,
    isStarting: runtimeProblem === undefined && network?.isStarting === true,
    memoryPressure: availableBytes < memoryBytesMin,
    diskPressure: disk !== undefined && Number(disk.bavail) < Number(disk.blocks) * diskShareMin,
    pidPressure: false,
  };
}

async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kibibytes = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1];
  return kibibytes === undefined ? Number.POSITIVE_INFINITY : Number(kibibytes) * 1024;
}
