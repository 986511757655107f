import { hostPortsConflict } from '../../../api/facts/host-ports.js';
import type { FilterPlugin } from './types.js';

const failure = {
  plugin: 'NodePorts',
  reasons: ["node(s) didn't have free ports for the requested pod ports"],
  unresolvable: false,
};

/** Host ports may be taken once per address and protocol; 0.0.0.0 is every address. */
export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  local: true,
  wakeOn: ['pod-deleted', 'node'],
  prepare: ({ hostPorts }) => {
    if (hostPorts.length === 0) return undefined;
    return (node) => {
      for (const other of node.withHostPorts.values()) {
        for (const taken of other.hostPorts) {
          if (hostPorts.some((wanted) => hostPortsConflict(wanted, taken))) return failure;
        }
      }
      return undefined;
    };
  },
};
