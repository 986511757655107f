/**
 * Warnings of pods and of templates of pods: what is stored, though nobody can have meant it, in Kubernetes' words.
 */
import { goQuote } from '../go-text/quote.js';
import { at, child } from '../field-error.js';
import type { FieldPath } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { parseQuantity } from '../quantity.js';
import type { Container, ContainerPort, PodSpec, PodTemplateSpec } from '../types/core.js';
import { dnsLabel } from '../validation/names.js';

const oldLabels: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  [
    'failure-domain.beta.kubernetes.io/region',
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  ],
  [
    'failure-domain.beta.kubernetes.io/zone',
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  ],
  [
    'beta.kubernetes.io/instance-type',
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  ],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  [
    'scheduler.alpha.kubernetes.io/preferAvoidPods',
    'deprecated since v1.22; use Taints and Tolerations instead',
  ],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

const oldAnnotations: readonly (readonly [key: string, text: string])[] = [
  [
    'scheduler.alpha.kubernetes.io/critical-pod',
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  ],
  [
    'security.alpha.kubernetes.io/sysctls',
    'non-functional in v1.11+; use the "sysctls" field instead',
  ],
  [
    'security.alpha.kubernetes.io/unsafe-sysctls',
    'non-functional in v1.11+; use the "sysctls" field instead',
  ],
];

/** The third names a source in a warning where its field is written otherwise. */
const oldVolumes: readonly (readonly [source: string, text: string, shown?: string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** The parts of a pod, or of a template of pods, that warnings are about. */
interface PodParts {
  readonly metadata?:
    { readonly annotations?: Readonly<Record<string, string>> | undefined } | undefined;
  readonly spec?: PodSpec | undefined;
}

/** No answer has room for more (4 KiB in all), so that no more are made of one list. */
const warningsMax = 200;
/** Each port is held against those of its number: more looks than this no pod gets that anybody wrote. */
const portLooksMax = 10_000;

/** @param path where the pod's template stands; empty for a pod */
function podWarnings({ metadata, spec }: PodParts, path: FieldPath): string[] {
  if (spec === undefined) return [];
  const below = child(path, 'spec');
  return [
    ...labelWarnings(spec, below),
    ...annotationWarnings(metadata?.annotations ?? {}, child(path, 'metadata.annotations')),
    ...volumeWarnings(spec, below),
    ...repeated(spec.hostAliases ?? [], child(below, 'hostAliases'), 'ip'),
    ...repeated(spec.imagePullSecrets ?? [], child(below, 'imagePullSecrets'), 'name'),
    ...namelessSecrets(spec, below),
    ...fractions(spec.overhead, child(below, 'overhead')),
    ...containersOf(spec, below).flatMap(([container, here]) => containerWarnings(container, here)),
    ...portWarnings(spec, below),
    ...graceWarnings(spec, below),
    ...affinityWarnings(spec, child(below, 'affinity')),
  ].slice(0, warningsMax);
}

function labelWarnings(spec: PodSpec, path: FieldPath): string[] {
  const found: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = oldLabels.get(key);
    if (text !== undefined) found.push(`${at(child(path, 'nodeSelector'), key)}: ${text}`);
  }
  const affinity = spec.affinity?.nodeAffinity;
  const nodes = child(path, 'affinity.nodeAffinity');
  const needed = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const must = `${nodes}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  const ofTerms = needed.flatMap((term, index) => termWarnings(term, at(must, index)));
  const wished = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const may = `${nodes}.preferredDuringSchedulingIgnoredDuringExecution`;
  const ofWishes = wished.flatMap(({ preference }, index) =>
    termWarnings(preference, child(at(may, index), 'preference')),
  );
  const ofSpread: string[] = [];
  (spec.topologySpreadConstraints ?? []).forEach(({ topologyKey, labelSelector }, index) => {
    const here = at(child(path, 'topologySpreadConstraints'), index);
    const text = oldLabels.get(topologyKey);
    if (text !== undefined)
      ofSpread.push(`${child(here, 'topologyKey')}: ${topologyKey} is ${text}`);
    if (labelSelector === undefined) ofSpread.push(noSelector(here));
  });
  return [...found, ...ofTerms, ...ofWishes, ...ofSpread];
}

function termWarnings(
  term: { readonly matchExpressions?: readonly { readonly key: string }[] | undefined } | undefined,
  path: FieldPath,
): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, index) => {
    const text = oldLabels.get(key);
    if (text === undefined) return [];
    return [`${child(at(child(path, 'matchExpressions'), index), 'key')}: ${key} is ${text}`];
  });
}

function annotationWarnings(
  annotations: Readonly<Record<string, string>>,
  path: FieldPath,
): string[] {
  return oldAnnotations
    .filter(([key]) => Object.hasOwn(annotations, key))
    .map(([key, text]) => `${at(path, key)}: ${text}`);
}

function volumeWarnings(spec: PodSpec, path: FieldPath): string[] {
  return (spec.volumes ?? []).flatMap((volume, index) =>
    oldVolumes
      .filter(([source]) => Object.hasOwn(volume, source))
      .map(([source, text, shown = source]) => {
        const here = child(at(child(path, 'volumes'), index), shown);
        return `${here}: ${text}`;
      }),
  );
}

function repeated<K extends string>(
  items: readonly { readonly [field in K]?: string | undefined }[],
  path: FieldPath,
  field: K,
): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const value = item[field] ?? '';
    const isKnown = seen.has(value);
    seen.add(value);
    const here = child(at(path, index), field);
    return isKnown ? [`${here}: duplicate ${field} ${goQuote(value)}`] : [];
  });
}

function namelessSecrets({ imagePullSecrets = [] }: PodSpec, path: FieldPath): string[] {
  return imagePullSecrets.flatMap(({ name = '' }, index) => {
    const here = child(at(child(path, 'imagePullSecrets'), index), 'name');
    return name === '' ? [`${here}: invalid empty name ""`] : [];
  });
}

const countedInBytes = ['memory', 'ephemeral-storage'];

/** Amounts of what is counted in bytes that are no whole number of them. */
function fractions(
  amounts: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  names: readonly string[] = countedInBytes,
): string[] {
  return names.flatMap((name) => {
    const text = amounts?.[name];
    if (text === undefined || !text.endsWith('m')) return [];
    const milli = parseQuantity(text)?.milliValue() ?? 0;
    if (milli % 1000 === 0) return [];
    const quoted = goQuote(text);
    return [`${at(path, name)}: fractional byte value ${quoted} is invalid, must be an integer`];
  });
}

/** All containers of a pod, each with its place. */
function containersOf(spec: PodSpec, path: FieldPath): [Container, FieldPath][] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((field) =>
    ((spec[field] ?? []) as readonly Container[]).map(
      (container, index): [Container, FieldPath] => [container, at(child(path, field), index)],
    ),
  );
}

function containerWarnings({ resources, env = [] }: Container, path: FieldPath): string[] {
  const found = countedInBytes.flatMap((name) => [
    ...fractions(resources?.limits, child(path, 'resources.limits'), [name]),
    ...fractions(resources?.requests, child(path, 'resources.requests'), [name]),
  ]);
  const seen = new Set<string>();
  env.forEach(({ name, value = '', valueFrom }, index) => {
    const reference = `$(${name})`;
    const extends_ = valueFrom === undefined && value !== reference && value.includes(reference);
    if (seen.has(name) && !extends_) {
      const hidden = `hides previous definition of ${goQuote(name)}`;
      found.push(
        `${at(child(path, 'env'), index)}: ${hidden}, which may be dropped when using apply`,
      );
    }
    seen.add(name);
  });
  return found;
}

interface PlacedPort {
  readonly here: FieldPath;
  readonly hostIP: string;
  readonly hostPort: number;
}

function portWarnings(spec: PodSpec, path: FieldPath): string[] {
  const found: string[] = [];
  const byNumber = new Map<string, PlacedPort[]>();
  let looks = 0;
  const all = containersOf(spec, path).flatMap(([{ ports = [] }, place]) =>
    ports.map((port, index) => ({ port, here: at(child(place, 'ports'), index) })),
  );
  for (const { port, here } of all) {
    if (found.length === warningsMax) break;
    if ((port.hostIP ?? '') !== '' && (port.hostPort ?? 0) === 0) {
      found.push(`${here}: hostIP set without hostPort: ${goPort(port)}`);
    }
    const placed = { here, hostIP: port.hostIP ?? '', hostPort: port.hostPort ?? 0 };
    const key = `${port.containerPort}/${port.protocol ?? ''}`;
    const others = byNumber.get(key) ?? [];
    for (const other of others) {
      if (++looks > portLooksMax || found.length === warningsMax) break;
      const how = likeness(placed, other);
      if (how !== undefined) found.push(`${here}: ${how} port definition with ${other.here}`);
    }
    others.push(placed);
    byNumber.set(key, others);
  }
  const byName = new Map<string, FieldPath>();
  for (const { port, here } of all) {
    const { name = '' } = port;
    if (name === '') continue;
    const other = byName.get(name);
    if (other === undefined) byName.set(name, here);
    else {
      const text = `duplicate port name ${goQuote(name)} with ${other}`;
      found.push(
        `${here}: ${text}, services and probes that select ports by name will use ${other}`,
      );
    }
  }
  return found;
}

/** A port as Go's `%+v` shows it. */
function goPort({ name = '', containerPort, protocol = '', hostIP = '' }: ContainerPort): string {
  const shown = `ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}`;
  return `{Name:${name} HostPort:0 ${shown}}`;
}

/** How two definitions of one port get into each other's way. */
function likeness(a: PlacedPort, b: PlacedPort): string | undefined {
  if (a.hostIP === b.hostIP && a.hostPort === b.hostPort) return 'duplicate';
  if (a.hostPort === 0 || b.hostPort === 0) return 'overlapping';
  const isAnywhere = (a.hostIP === '') !== (b.hostIP === '');
  return a.hostPort === b.hostPort && isAnywhere ? 'dangerously ambiguous' : undefined;
}

function graceWarnings(spec: PodSpec, path: FieldPath): string[] {
  if (Number(spec.terminationGracePeriodSeconds ?? 0) >= 0) return [];
  const here = child(path, 'terminationGracePeriodSeconds');
  return [`${here}: must be >= 0; negative values are invalid and will be treated as 1`];
}

function noSelector(path: FieldPath): string {
  return `${child(path, 'labelSelector')}: a null labelSelector results in matching no pod`;
}

function affinityWarnings({ affinity }: PodSpec, path: FieldPath): string[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((field) => {
    const {
      requiredDuringSchedulingIgnoredDuringExecution: needed = [],
      preferredDuringSchedulingIgnoredDuringExecution: wished = [],
    } = affinity?.[field] ?? {};
    const here = child(path, field);
    const must = child(here, 'requiredDuringSchedulingIgnoredDuringExecution');
    const may = child(here, 'preferredDuringSchedulingIgnoredDuringExecution');
    return [
      ...needed.flatMap(({ labelSelector }, index) =>
        labelSelector === undefined ? [noSelector(at(must, index))] : [],
      ),
      ...wished.flatMap(({ podAffinityTerm }, index) =>
        podAffinityTerm?.labelSelector === undefined
          ? [noSelector(child(at(may, index), 'podAffinityTerm'))]
          : [],
      ),
    ];
  });
}

function nameWarnings({ metadata }: KubeObject, used: string): string[] {
  const errors = dnsLabel(metadata.name ?? '');
  if (errors.length === 0) return [];
  const text = `${used}, which can result in surprising behavior; a DNS label is recommended`;
  return [`metadata.name: this is used in ${text}: [${errors.join(' ')}]`];
}

/** The warnings of a new pod; whoever updates one is no human being. */
export function warningsOfPod(pod: KubeObject & PodParts, old: KubeObject | undefined): string[] {
  if (old !== undefined) return [];
  return [...nameWarnings(pod, "the Pod's hostname"), ...podWarnings(pod, '')];
}

/**
 * The warnings of a kind that has a template of pods: of a new object, and of one whose template may have changed.
 * @param options.names whether names of pods are made from the object's own
 */
export function templateWarnings<T extends KubeObject>(
  path: FieldPath,
  templateOf: (object: T) => PodTemplateSpec | undefined,
  options: { readonly names: boolean },
): (object: T, old: KubeObject | undefined) => string[] {
  return (object, old) => {
    const isSame = old !== undefined && old.metadata.generation === object.metadata.generation;
    const template = templateOf(object);
    if (isSame || template === undefined) return [];
    const named = options.names && old === undefined ? nameWarnings(object, podNames) : [];
    return [...named, ...podWarnings(template, path)];
  };
}

const podNames = 'Pod names and hostnames';
