import type { KubeObject } from '../../api/object.js';
import { parseSingle } from '../builder/arguments.js';
import { fileFlags } from '../builder/file-flags.js';
import { fetchObject, hasFiles, readFiles } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { createMade, generatorFlags, pairsOf } from '../generate/generator.js';
import { withSession } from '../kube/session.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** A pod, a service, or a workload with a template. */
type Exposable = KubeObject & {
  spec?: {
    selector?: Record<string, string> & {
      matchLabels?: Record<string, string>;
      matchExpressions?: unknown[];
    };
    template?: { spec?: PodPart };
    ports?: { port: number; protocol?: string }[];
  } & PodPart;
};

interface PodPart {
  containers?: { ports?: { containerPort: number; protocol?: string }[] }[];
}

const exposed = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'deployments',
  'replicasets',
  'statefulsets',
]);

/** `trireme expose`. */
export const exposeCommand = defineCommand({
  name: 'expose',
  summary: 'make a service for a workload',
  usage: '(TYPE NAME | -f FILE) [--port=PORT] [--target-port=PORT] [--type=TYPE]',
  examples: [
    ['a deployment, on port 80', 'trireme expose deployment web --port=80 --target-port=8080'],
    ['on a port of every node', 'trireme expose deployment web --port=80 --type=NodePort'],
  ],
  flags: {
    ...fileFlags,
    ...generatorFlags,
    port: {
      type: 'text',
      value: 'PORT',
      help: "the service's port (default: those of the containers)",
    },
    'target-port': { type: 'text', value: 'PORT', help: "the pods' port, or its name" },
    protocol: { type: 'text', value: 'TCP|UDP|SCTP', help: 'the protocol' },
    type: {
      type: 'text',
      value: 'TYPE',
      help: 'ClusterIP, NodePort, LoadBalancer or ExternalName',
    },
    name: { type: 'text', value: 'NAME', help: 'of the service (default: that of the object)' },
    selector: { type: 'text', value: 'LABELS', help: 'of the pods (default: those of the object)' },
    labels: { type: 'text', short: 'l', value: 'LABELS', help: 'of the service' },
    'external-ip': { type: 'text', value: 'IP', help: 'one more address' },
    'load-balancer-ip': { type: 'text', value: 'IP', help: 'the address outside' },
    'cluster-ip': {
      type: 'text',
      value: 'IP',
      help: 'the address in the cluster; None is without one',
    },
    'session-affinity': {
      type: 'text',
      value: 'None|ClientIP',
      help: 'whether a client stays with a pod',
    },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags } = invocation;
    if (args.length === 0 && !hasFiles(flags)) throw missingResources();
    const service = await withSession(invocation, async (session) => {
      const ref = hasFiles(flags)
        ? (await readFiles(session, flags))[0]?.ref
        : { ...(await parseSingle(session.mapper, args)), namespace: session.namespace };
      if (ref === undefined) throw missingResources();
      if (!exposed.has(ref.resource.plural)) {
        const { kind, group } = ref.resource;
        throw plain(`cannot expose a ${group === '' ? kind : `${kind}.${group}`}`);
      }
      const object = (await fetchObject(session, ref)) as Exposable;
      return serviceFor(object, flags);
    });
    await createMade({ ...invocation, flags }, service, false, 'exposed');
  },
});

/** The service of a workload. @throws CommandLineError in kubectl's words */
export function serviceFor(
  object: Exposable,
  flags: {
    readonly port: string | undefined;
    readonly 'target-port': string | undefined;
    readonly protocol: string | undefined;
    readonly type: string | undefined;
    readonly name: string | undefined;
    readonly selector: string | undefined;
    readonly labels: string | undefined;
    readonly 'external-ip': string | undefined;
    readonly 'load-balancer-ip': string | undefined;
    readonly 'cluster-ip': string | undefined;
    readonly 'session-affinity': string | undefined;
  },
): KubeObject {
  const labels =
    flags.labels === undefined
      ? object.metadata.labels
      : pairsOf(flags.labels.split(','), 'labels');
  const selector =
    flags.selector === undefined
      ? selectorOf(object)
      : pairsOf(flags.selector.split(','), 'selector');
  const ports = portsOf(object, flags);
  const { type, 'session-affinity': affinity } = flags;
  if (affinity !== undefined && !['None', 'ClientIP'].includes(affinity)) {
    throw plain(`unknown session affinity: ${affinity}`);
  }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...(labels === undefined ? {} : { labels }),
      name: flags.name ?? object.metadata.name,
    },
    spec: {
      ...(flags['cluster-ip'] === undefined ? {} : { clusterIP: flags['cluster-ip'] }),
      ...(flags['external-ip'] === undefined ? {} : { externalIPs: [flags['external-ip']] }),
      ...(flags['load-balancer-ip'] === undefined
        ? {}
        : { loadBalancerIP: flags['load-balancer-ip'] }),
      ports,
      selector,
      ...(flags['session-affinity'] === undefined
        ? {}
        : { sessionAffinity: flags['session-affinity'] }),
      ...(type === undefined ? {} : { type }),
    },
    status: { loadBalancer: {} },
  } as KubeObject;
}

function selectorOf(object: Exposable): Record<string, string> {
  const { selector } = object.spec ?? {};
  if (object.kind === 'Pod') {
    const { labels } = object.metadata;
    if (labels === undefined)
      throw plain(
        "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot be exposed",
      );
    return labels;
  }
  if (object.kind === 'Service' || object.kind === 'ReplicationController') return selector ?? {};
  if ((selector?.matchExpressions ?? []).length > 0) {
    throw plain(
      'couldn\'t retrieve selectors via --selector flag or introspection: couldn\'t convert expressions - "matchExpressions" to map-based selector format',
    );
  }
  return selector?.matchLabels ?? {};
}

/** @throws CommandLineError in Go's words for what is no number */
function portOf(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw plain(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function portsOf(
  object: Exposable,
  flags: {
    readonly port: string | undefined;
    readonly 'target-port': string | undefined;
    readonly protocol: string | undefined;
  },
): object[] {
  const containers = object.spec?.template?.spec?.containers ?? object.spec?.containers ?? [];
  const declared =
    object.kind === 'Service'
      ? (object.spec?.ports ?? [])
      : containers.flatMap(({ ports = [] }) =>
          ports.map(({ containerPort, protocol }) => ({ port: containerPort, protocol })),
        );
  const wanted: { port: number; protocol: string | undefined }[] =
    flags.port === undefined
      ? declared.map(({ port, protocol }) => ({ port, protocol }))
      : flags.port.split(',').map((port) => ({ port: portOf(port), protocol: undefined }));
  if (wanted.length === 0) throw plain("couldn't find port via --port flag or introspection");
  return wanted.map(({ port, protocol }, at) => {
    const target = flags['target-port'] ?? String(port);
    return {
      ...(wanted.length === 1 ? {} : { name: `port-${at + 1}` }),
      port,
      protocol: flags.protocol ?? protocol ?? 'TCP',
      targetPort: /^\d+$/.test(target) ? Number(target) : target,
    };
  });
}
