/** The state of the node that its conditions report. */
import type { ContainerRuntime } from '../../runtime/types.js';
import type { PressureType } from '../eviction/pressure.js';
import type { NodeHealth } from './node-object.js';

/** The reason why pods cannot have their network. */
export interface NetworkProblem {
  readonly message: string;
  /** The agent has only just begun. */
  readonly isStarting: boolean;
}

/** Asks the runtime. */
export async function nodeHealth(options: {
  readonly runtime: ContainerRuntime;
  /** What the node runs out of. */
  readonly pressures: readonly PressureType[];
  /** Why pods cannot have their network yet; undefined: they can. */
  readonly networkProblem: () => NetworkProblem | undefined;
}): Promise<NodeHealth> {
  const { runtime, pressures, networkProblem } = options;
  const runtimeProblem = await runtime.health();
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
    memoryPressure: pressures.includes('MemoryPressure'),
    diskPressure: pressures.includes('DiskPressure'),
    pidPressure: pressures.includes('PIDPressure'),
  };
}
