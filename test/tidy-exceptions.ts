/** The exceptions of the tidy test, file by file, each with its reason. */

/**
 * The files of the node agent and the runtimes that open paths by name, and whose paths these are. None of them may be
 * in the reach of a container, or be chosen by an object of the API: such paths are opened through `src/lib/safe-files`
 * (its README says why).
 */
export const mayOpenFiles: Readonly<Record<string, string>> = {
  'src/runtime/cgroups.ts': 'cgroups',
  'src/runtime/console-session.ts':
    'FIFOs of the shim, in the directory of the container, which no container reaches',
  'src/runtime/containerd/containers.ts':
    'specifications and pid files in directories that no container reaches',
  'src/runtime/containerd/daemon.ts': "containerd's own directories",
  'src/runtime/containerd/exec/leftovers.ts': 'the directories of its own pipes',
  'src/runtime/containerd/exec/pipes.ts': 'named pipes in a directory of its own',
  'src/runtime/containerd/exec/process.ts':
    "the container's specification, which the runtime wrote",
  'src/runtime/containerd/host.ts': 'facts of the machine',
  'src/runtime/containerd/image-views.ts': 'mount points of images, made and removed',
  'src/runtime/containerd/interactive.ts':
    'files of the shim, in directories that no container reaches',
  'src/runtime/containerd/pause.ts': '/proc',
  'src/runtime/containerd/rootfs.ts': 'makes the directories of a container that does not run yet',
  'src/runtime/containerd/runtime.ts': "the runtime's own directories and program",
  'src/runtime/containerd/sandboxes.ts': 'mount points, cgroups and /proc',
  'src/runtime/containerd/seccomp.ts': "profiles of the node's owner, by a path without ..",
  'src/runtime/containerd/stats.ts': 'cgroups',
  'src/runtime/containerd/stuck.ts': 'cgroups',
  'src/runtime/cri/containers.ts': 'makes the directories of logs, where no container reaches',
  'src/runtime/cri/log-rotation.ts': 'logs, which the runtime writes where no container reaches',
  'src/runtime/log-attach.ts': 'logs, which the shim writes where no container reaches',
  'src/runtime/log-file.ts': 'logs, which the shim writes where no container reaches',
  'src/runtime/mounts.ts': '/proc',
  'src/runtime/process/images.ts':
    'without isolation: this runtime runs only what the user might run',
  'src/runtime/process/posix.ts': 'without isolation',
  'src/runtime/process/process-stats.ts': '/proc',
  'src/runtime/process/runtime.ts': 'without isolation',
  'src/runtime/shim/install.ts': "the runtime's own program",
  'src/runtime/state-store.ts': "the runtime's own records",
  'src/worker/agent/worker-node.ts': 'makes the data directory',
  'src/worker/devices/device-manager.ts': 'sockets of plugins, which it removes and does not open',
  'src/worker/images/image-collector.ts': 'asks how full the disk is',
  'src/worker/images/image-import.ts': "archives of the node's owner",
  'src/worker/join/credentials.ts': "the agent's own credentials",
  'src/worker/kept-runtime.ts': "the agent's own record; lists which pods there are",
  'src/worker/node/facts.ts': 'facts of the machine',
  'src/worker/eviction/observe.ts': 'facts of the machine',
  'src/worker/observation/node-logs.ts': 'what lib/safe-files holds, by its descriptor',
  'src/worker/run/dns-config.ts': "the node's own resolv.conf",
  'src/worker/run/pod-files.ts': 'makes, lists and writes files where no container changes names',
  'src/worker/run/sandbox.ts': 'asks whether a network namespace is there',
  'src/worker/runtime-choice.ts': 'asks which programs are there',
  'src/worker/service/log-stream.ts': 'logs, which the shim writes where no container reaches',
  'src/worker/start.ts': 'makes the data directory',
  'src/worker/volumes/host-path.ts':
    'makes directories that the pod may name freely, as everywhere in Kubernetes',
  'src/worker/volumes/memory-volumes.ts': 'makes the directory of the tmpfs',
  'src/worker/volumes/sub-path.ts': 'makes mount points that no container reaches',
  'src/worker/volumes/volume-manager.ts':
    'makes the tops of volumes, whose names no container changes',
};

/**
 * Interfaces of objects outside of `src/api`, whose kinds are not ours or have no one schema. All others are inferred
 * from the schemas, in `src/api/types`.
 */
export const ownObjects: Readonly<Record<string, string>> = {
  Review: 'what the access reviews have in common',
  CommandOptions: 'query of a connection',
  PortForwardOptions: 'query of a connection',
  ProxyOptions: 'query of a connection',
};
