/** The schema of Node. */
import {
  always,
  bool,
  flag,
  int32,
  int64,
  list,
  listMap,
  num64,
  quantities,
  req,
  set,
  str,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';

const taint = struct('core/v1.Taint', 'Keeps pods away that do not tolerate it.', {
  effect: req(str('NoSchedule, PreferNoSchedule or NoExecute.', { checksEmpty: true })),
  key: req(str('Key of the taint.', { checksEmpty: true })),
  timeAdded: time('When it was added; for NoExecute.'),
  value: str('Value of the taint.'),
});

/** Nothing reads it any more, and nobody refuses what is missing. */
const unchecked = { checksEmpty: true };
const configMapSource = struct('core/v1.ConfigMapNodeConfigSource', 'A ConfigMap.', {
  kubeletConfigKey: req(str('Key in the ConfigMap.', unchecked)),
  name: req(str('Name of the ConfigMap.', unchecked)),
  namespace: req(str('Namespace of the ConfigMap.', unchecked)),
  resourceVersion: str('Version of the ConfigMap.'),
  uid: str('UID of the ConfigMap.'),
});
const configSource = struct('core/v1.NodeConfigSource', 'No longer used.', {
  configMap: configMapSource,
});

const nodeSpec = struct('core/v1.NodeSpec', 'What the node shall be.', {
  configSource,
  externalID: str('No longer used.'),
  podCIDR: str('Addresses of the pods on the node.'),
  podCIDRs: set('Addresses of the pods by IP family.', str(''), { strategy: 'merge' }),
  providerID: str('Id of the machine at its provider.'),
  taints: list('Taints of the node.', taint),
  unschedulable: flag('No new pods are placed here.'),
});

const nodeCondition = struct('core/v1.NodeCondition', 'One aspect of the state of a node.', {
  lastHeartbeatTime: time('When the node last told it.'),
  lastTransitionTime: time('When the status last changed.'),
  message: str('Details for people.'),
  reason: str('Reason of the last change.'),
  status: req(str('True, False or Unknown.')),
  type: req(str('Such as Ready, MemoryPressure, DiskPressure, PIDPressure.')),
});

const info = (text: string) => req(tuned(str(text), { pointer: true, default: '' }));

const nodeSystemInfo = struct('core/v1.NodeSystemInfo', 'Ids and versions.', {
  architecture: info('Processor architecture.'),
  bootID: info('Id of the boot.'),
  containerRuntimeVersion: info('Runtime, as type://version.'),
  kernelVersion: info('Kernel.'),
  kubeProxyVersion: info('Deprecated: version of the proxy.'),
  kubeletVersion: info('Version of the agent.'),
  machineID: info('Id of the machine.'),
  operatingSystem: info('Operating system.'),
  osImage: info('Distribution.'),
  swap: struct('core/v1.NodeSwapStatus', 'Swap of the node.', {
    capacity: int64('Bytes of swap.'),
  }),
  systemUUID: info('UUID of the machine.'),
});

const nodeStatus = struct('core/v1.NodeStatus', 'What is known of the node.', {
  addresses: listMap(
    'Addresses of the node.',
    ['type'],
    struct('core/v1.NodeAddress', 'An address.', {
      address: req(str('The address.')),
      type: req(str('Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.')),
    }),
  ),
  allocatable: quantities('Resources that pods may use.'),
  capacity: quantities('All resources.'),
  conditions: listMap('State by aspect.', ['type'], nodeCondition),
  config: struct('core/v1.NodeConfigStatus', 'No longer used.', {
    active: configSource,
    assigned: configSource,
    error: str('Error.'),
    lastKnownGood: configSource,
  }),
  daemonEndpoints: written(
    struct('core/v1.NodeDaemonEndpoints', "Ports of the node's services.", {
      kubeletEndpoint: written(
        struct('core/v1.DaemonEndpoint', 'A port.', {
          Port: req(int32('Number of the port.', { default: 0 })),
        }),
      ),
    }),
  ),
  features: struct('core/v1.NodeFeatures', 'What the runtime can do.', {
    supplementalGroupsPolicy: bool('Supports supplementalGroupsPolicy.'),
  }),
  images: list(
    'Images on the node.',
    struct('core/v1.ContainerImage', 'An image.', {
      names: list('Names of the image.', str('')),
      sizeBytes: num64('Size in bytes.'),
    }),
  ),
  nodeInfo: written(nodeSystemInfo),
  phase: str('No longer used.'),
  runtimeHandlers: list(
    'Runtime handlers of the node.',
    struct('core/v1.NodeRuntimeHandler', 'A runtime handler.', {
      features: struct('core/v1.NodeRuntimeHandlerFeatures', 'What it can do.', {
        recursiveReadOnlyMounts: bool('Supports recursive read-only mounts.'),
        userNamespaces: bool('Supports user namespaces.'),
      }),
      name: str('Name; empty for the default.'),
    }),
  ),
  volumesAttached: list(
    'Volumes attached to the node.',
    struct('core/v1.AttachedVolume', 'An attached volume.', {
      devicePath: req(str('Path of the device.')),
      name: req(str('Name of the volume.')),
    }),
  ),
  volumesInUse: list('Volumes that pods use.', str('')),
});

/** Node. */
export const nodeSchema = kindSchema('core/v1.Node', 'A machine that runs pods.', {
  spec: always(nodeSpec),
  status: written(nodeStatus),
});
