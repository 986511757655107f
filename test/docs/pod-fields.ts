/** A value for each field of a pod's spec that is tried, and what the trial itself cannot see. */

/** A value, and what else the pod needs for it to be allowed. */
export interface FieldValue {
  readonly value: unknown;
  readonly also?: Readonly<Record<string, unknown>>;
}

const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { a: 'b' } } };
const podTerms = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
const nodeTerms = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
  },
};
const probe = { tcpSocket: { port: 80 } };
const resources = { requests: { cpu: '10m' }, limits: { memory: '64Mi' } };
const profile = { type: 'RuntimeDefault' };
const second = { name: 'second', image: 'busybox' };
const scratch = { volumes: [{ name: 'v', emptyDir: {} }] };
const mounted = {
  ...scratch,
  containers: [{ name: 'main', image: 'busybox', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
};
const claimed = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
const disk = { pdName: 'd', volumeID: 'd', diskName: 'd', diskURI: 'd', volumePath: 'd' };
const monitors = { monitors: ['m'], image: 'i' };

/** Values of fields, by path. */
const values: Readonly<Record<string, FieldValue>> = {
  activeDeadlineSeconds: { value: 60 },
  'affinity.nodeAffinity': { value: nodeTerms },
  'affinity.podAffinity': { value: podTerms },
  'affinity.podAntiAffinity': { value: podTerms },
  automountServiceAccountToken: { value: false },
  'containers.args': { value: ['-c', 'true'] },
  'containers.command': { value: ['sh'] },
  'containers.env': { value: [{ name: 'A', value: 'b' }] },
  'containers.envFrom': { value: [{ configMapRef: { name: 'c', optional: true } }] },
  'containers.image': { value: 'other:1' },
  'containers.imagePullPolicy': { value: 'Never' },
  'containers.lifecycle': { value: { preStop: { exec: { command: ['true'] } } } },
  'containers.livenessProbe': { value: probe },
  'containers.name': { value: 'other' },
  'containers.ports': { value: [{ containerPort: 80, hostPort: 8080 }] },
  'containers.readinessProbe': { value: probe },
  'containers.resizePolicy': {
    value: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }],
  },
  'containers.resources': { value: resources },
  'containers.restartPolicy': { value: 'Always' },
  'containers.securityContext.allowPrivilegeEscalation': { value: false },
  'containers.securityContext.appArmorProfile': { value: profile },
  'containers.securityContext.capabilities': { value: { add: ['NET_ADMIN'] } },
  'containers.securityContext.privileged': { value: true },
  'containers.securityContext.procMount': { value: 'Unmasked', also: { hostUsers: false } },
  'containers.securityContext.readOnlyRootFilesystem': { value: true },
  'containers.securityContext.runAsGroup': { value: 7 },
  'containers.securityContext.runAsNonRoot': { value: true },
  'containers.securityContext.runAsUser': { value: 7 },
  'containers.securityContext.seLinuxOptions': { value: { level: 's0:c1,c2' } },
  'containers.securityContext.seccompProfile': { value: profile },
  'containers.securityContext.windowsOptions': { value: { runAsUserName: 'u' } },
  'containers.startupProbe': { value: probe },
  'containers.stdin': { value: true },
  'containers.stdinOnce': { value: true, also: {} },
  'containers.terminationMessagePath': { value: '/tmp/last' },
  'containers.terminationMessagePolicy': { value: 'FallbackToLogsOnError' },
  'containers.tty': { value: true },
  'containers.volumeDevices': { value: [{ name: 'v', devicePath: '/dev/x' }], also: claimed },
  'containers.volumeMounts.mountPath': { value: '/other', also: mounted },
  'containers.volumeMounts.mountPropagation': { value: 'HostToContainer', also: mounted },
  'containers.volumeMounts.name': {
    value: 'w',
    also: {
      ...mounted,
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', emptyDir: {} },
      ],
    },
  },
  'containers.volumeMounts.readOnly': { value: true, also: mounted },
  'containers.volumeMounts.recursiveReadOnly': {
    value: 'Enabled',
    also: {
      ...scratch,
      containers: [
        {
          name: 'main',
          image: 'busybox',
          volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }],
        },
      ],
    },
  },
  'containers.volumeMounts.subPath': { value: 'sub', also: mounted },
  'containers.volumeMounts.subPathExpr': {
    value: '$(NAME)',
    also: {
      ...scratch,
      containers: [
        {
          name: 'main',
          image: 'busybox',
          env: [{ name: 'NAME', value: 'value' }],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
    },
  },
  'containers.workingDir': { value: '/tmp' },
  'dnsConfig.nameservers': { value: ['192.0.2.1'] },
  'dnsConfig.options': { value: [{ name: 'ndots', value: '2' }] },
  'dnsConfig.searches': { value: ['a.example'] },
  dnsPolicy: { value: 'Default' },
  enableServiceLinks: { value: false },
  ephemeralContainers: { value: [{ name: 'debug', image: 'busybox' }] },
  hostAliases: { value: [{ ip: '192.0.2.1', hostnames: ['a'] }] },
  hostIPC: { value: true },
  hostNetwork: { value: true },
  hostPID: { value: true },
  hostUsers: { value: false },
  hostname: { value: 'h' },
  imagePullSecrets: { value: [{ name: 's' }] },
  initContainers: { value: [second] },
  nodeName: { value: 'n1' },
  nodeSelector: { value: { a: 'b' } },
  os: { value: { name: 'linux' } },
  overhead: { value: { cpu: '10m' }, also: { runtimeClassName: 'runc' } },
  preemptionPolicy: { value: 'PreemptLowerPriority' },
  priority: { value: 0 },
  priorityClassName: { value: 'system-node-critical' },
  readinessGates: { value: [{ conditionType: 'a.example/b' }] },
  resourceClaims: { value: [{ name: 'c', resourceClaimName: 'c' }] },
  resources: { value: resources },
  restartPolicy: { value: 'Never' },
  runtimeClassName: { value: 'runc' },
  schedulerName: { value: 'other' },
  schedulingGates: { value: [{ name: 'a.example/b' }] },
  'securityContext.appArmorProfile': { value: profile },
  'securityContext.fsGroup': { value: 7 },
  'securityContext.fsGroupChangePolicy': { value: 'OnRootMismatch' },
  'securityContext.runAsGroup': { value: 7 },
  'securityContext.runAsNonRoot': { value: true },
  'securityContext.runAsUser': { value: 7 },
  'securityContext.seLinuxChangePolicy': { value: 'Recursive' },
  'securityContext.seLinuxOptions': { value: { level: 's0:c1,c2' } },
  'securityContext.seccompProfile': { value: profile },
  'securityContext.supplementalGroups': { value: [7] },
  'securityContext.supplementalGroupsPolicy': { value: 'Strict' },
  'securityContext.sysctls': { value: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] },
  'securityContext.windowsOptions': { value: { runAsUserName: 'u' } },
  serviceAccount: { value: 'default' },
  serviceAccountName: { value: 'default' },
  setHostnameAsFQDN: { value: true, also: { subdomain: 's' } },
  shareProcessNamespace: { value: true },
  subdomain: { value: 's' },
  terminationGracePeriodSeconds: { value: 5 },
  tolerations: { value: [{ operator: 'Exists' }] },
  topologySpreadConstraints: {
    value: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
  },
  'volumes.configMap': { value: { name: 'c' } },
  'volumes.csi': { value: { driver: 'a.example' } },
  'volumes.downwardAPI': {
    value: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] },
  },
  'volumes.emptyDir': { value: { sizeLimit: '1Mi' } },
  'volumes.ephemeral': {
    value: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
      },
    },
  },
  'volumes.gitRepo': { value: { repository: 'r' } },
  'volumes.hostPath': { value: { path: '/tmp' } },
  'volumes.image': { value: { reference: 'busybox', pullPolicy: 'IfNotPresent' } },
  'volumes.nfs': { value: { server: 's', path: '/p' } },
  'volumes.persistentVolumeClaim': { value: { claimName: 'c' } },
  'volumes.projected': { value: { sources: [{ configMap: { name: 'c' } }] } },
  'volumes.secret': { value: { secretName: 's' } },
  'volumes.awsElasticBlockStore': { value: { volumeID: disk.volumeID } },
  'volumes.azureDisk': { value: { diskName: 'd', diskURI: '/subscriptions/d', kind: 'Managed' } },
  'volumes.azureFile': { value: { secretName: 's', shareName: 'd' } },
  'volumes.cephfs': { value: { monitors: monitors.monitors } },
  'volumes.cinder': { value: { volumeID: disk.volumeID } },
  'volumes.fc': { value: { targetWWNs: ['w'], lun: 1 } },
  'volumes.flexVolume': { value: { driver: 'a.example/d' } },
  'volumes.flocker': { value: { datasetName: 'd' } },
  'volumes.gcePersistentDisk': { value: { pdName: disk.pdName } },
  'volumes.glusterfs': { value: { endpoints: 'e', path: 'p' } },
  'volumes.iscsi': {
    value: { targetPortal: '192.0.2.1', iqn: 'iqn.2001-04.com.example:storage', lun: 1 },
  },
  'volumes.photonPersistentDisk': { value: { pdID: 'd' } },
  'volumes.portworxVolume': { value: { volumeID: disk.volumeID } },
  'volumes.quobyte': { value: { registry: 'r:1', volume: 'd' } },
  'volumes.rbd': { value: monitors },
  'volumes.scaleIO': {
    value: { gateway: 'g', system: 's', secretRef: { name: 's' }, volumeName: 'd' },
  },
  'volumes.storageos': { value: { volumeName: 'd' } },
  'volumes.vsphereVolume': { value: { volumePath: disk.volumePath } },
  'volumes.name': { value: 'other' },
};

/** The value to try a field with. @throws Error for a field that nobody has thought of */
export function valueOf(field: string): FieldValue {
  const found = values[field];
  if (found === undefined) throw new Error(`test/docs/pod-fields.ts has no value for ${field}`);
  return found;
}

const scheduler = 'the scheduler';
const admission = 'the API server, when the pod is made';
const machine = 'the node: when containers start and end (`src/worker/pod`)';
const probes = 'the node: asks while the container runs (`src/worker/probes`)';

/** Fields that other parts see to, or the agent while the pod runs. */
export const elsewhere: Readonly<Record<string, string>> = {
  activeDeadlineSeconds: machine,
  'affinity.nodeAffinity': scheduler,
  'affinity.podAffinity': scheduler,
  'affinity.podAntiAffinity': scheduler,
  automountServiceAccountToken: admission,
  'containers.envFrom': 'the node: environment, from objects that are there',
  'containers.imagePullPolicy': 'the node: gets the image (`src/worker/images`)',
  'containers.lifecycle': machine,
  'containers.livenessProbe': probes,
  'containers.ports': 'the node: publishes host ports with the network',
  'containers.readinessProbe': probes,
  'containers.resizePolicy': 'the node: restarts the container when the resource is resized',
  'containers.startupProbe': probes,
  'containers.terminationMessagePolicy': 'the node: reads the end of the log',
  ephemeralContainers: 'the subresource `ephemeralcontainers`; dropped from a new pod',
  imagePullSecrets: 'the node: gets the image (`src/worker/images`)',
  initContainers: machine,
  nodeName: scheduler,
  nodeSelector: scheduler,
  os: 'the node: rejects a pod for Windows, PodOSNotSupported',
  overhead: scheduler,
  preemptionPolicy: scheduler,
  priority: scheduler,
  priorityClassName: scheduler,
  readinessGates: 'the node: condition Ready',
  restartPolicy: machine,
  runtimeClassName: 'the node: classes of the handler `runc`; for others FailedCreatePodSandBox',
  schedulerName: scheduler,
  schedulingGates: scheduler,
  'securityContext.fsGroupChangePolicy': 'the node: owners of volumes, with fsGroup',
  serviceAccount: admission,
  serviceAccountName: admission,
  terminationGracePeriodSeconds: machine,
  tolerations: scheduler,
  topologySpreadConstraints: scheduler,
};

const noSeLinux = 'as on every node without SELinux';
const noWindows = 'as on every node with Linux';

/** Fields that are accepted and change nothing. */
export const withoutEffect: Readonly<Record<string, string>> = {
  'containers.securityContext.seLinuxOptions': noSeLinux,
  'containers.securityContext.windowsOptions': noWindows,
  'securityContext.seLinuxChangePolicy': noSeLinux,
  'securityContext.seLinuxOptions': noSeLinux,
  'securityContext.windowsOptions': noWindows,
};
