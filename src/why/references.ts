/** ConfigMaps, Secrets, keys and service accounts that a pod names and that do not exist. Pure. */
import type { ConfigMap, Container, Pod, Secret } from '../api/types/core.js';
import type { Finding, Mend } from './finding.js';
import { changeTemplate } from './targets.js';
import type { ClusterView } from './view.js';

/** A ConfigMap or Secret, or a key of one, that something of the pod needs. */
interface Need {
  readonly kind: 'configmap' | 'secret';
  readonly name: string;
  /** Undefined: the object itself is all that is needed. */
  readonly key?: string | undefined;
  /** `variable PASSWORD of container app`. */
  readonly for: string;
}

/** A reference to a key, or to the whole object. */
type Reference =
  | {
      readonly name?: string | undefined;
      readonly key?: string | undefined;
      readonly optional?: boolean | undefined;
    }
  | undefined;

function need(kind: Need['kind'], reference: Reference, what: string): Need[] {
  const { name = '', key, optional = false } = reference ?? {};
  if (reference === undefined || name === '' || optional) return [];
  return [{ kind, name, key, for: what }];
}

/** What one container needs for its variables. */
function needsOfContainer({ name, env = [], envFrom = [] }: Container): Need[] {
  return [
    ...env.flatMap(({ name: variable, valueFrom }) => [
      ...need('configmap', valueFrom?.configMapKeyRef, `variable ${variable} of container ${name}`),
      ...need('secret', valueFrom?.secretKeyRef, `variable ${variable} of container ${name}`),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...need('configmap', configMapRef, `the variables of container ${name}`),
      ...need('secret', secretRef, `the variables of container ${name}`),
    ]),
  ];
}

function needsOfVolumes({ volumes = [] }: Pod['spec']): Need[] {
  return volumes.flatMap(({ name, configMap, secret, projected }) => {
    const what = `volume ${name}`;
    const parts = [
      { kind: 'configmap' as const, source: configMap, object: configMap?.name },
      { kind: 'secret' as const, source: secret, object: secret?.secretName },
      ...(projected?.sources ?? []).flatMap((source) => [
        { kind: 'configmap' as const, source: source.configMap, object: source.configMap?.name },
        { kind: 'secret' as const, source: source.secret, object: source.secret?.name },
      ]),
    ];
    return parts.flatMap(({ kind, source, object }) => {
      if (source === undefined || source.optional === true) return [];
      const keys = (source.items ?? []).map(({ key }) => key);
      const whole = need(kind, { name: object }, what);
      return [...whole, ...keys.flatMap((key) => need(kind, { name: object, key }, what))];
    });
  });
}

/** What the pod names and is not there. @param container only what this one needs; its volumes are the pod's */
export function missingReferences(pod: Pod, view: ClusterView, container?: Container): Finding[] {
  const needs =
    container === undefined
      ? [...needsOfVolumes(pod.spec), ...allContainers(pod).flatMap(needsOfContainer)]
      : needsOfContainer(container);
  const findings = new Map<string, Finding>();
  for (const one of needs) {
    const finding = missing(pod, one, view);
    const key = `${one.kind} ${one.name} ${finding?.says ?? ''}`;
    if (finding !== undefined && !findings.has(key)) findings.set(key, finding);
  }
  return [...findings.values()];
}

const allContainers = ({ spec }: Pod): Container[] => [
  ...(spec.initContainers ?? []),
  ...spec.containers,
];

function missing(
  pod: Pod,
  { kind, name, key, for: what }: Need,
  view: ClusterView,
): Finding | undefined {
  const { namespace } = pod.metadata;
  const object = view.get<ConfigMap | Secret>(`${kind}s`, namespace, name);
  if (object === undefined) return undefined;
  const about = `${kind}/${name}`;
  if (object === null) {
    const says = `does not exist, and ${what} needs it`;
    return {
      about,
      level: 'problem',
      says,
      mend: [createIt(kind, name, key, view.flag(namespace))],
    };
  }
  if (key === undefined) return undefined;
  const keys = [
    ...Object.keys(object.data ?? {}),
    ...Object.keys(('binaryData' in object ? object.binaryData : undefined) ?? {}),
  ];
  if (keys.includes(key)) return undefined;
  return {
    about,
    level: 'problem',
    says: `has no key ${key}, which ${what} needs`,
    details: [keys.length === 0 ? 'it has no keys' : `its keys are ${keys.toSorted().join(', ')}`],
    mend: [
      {
        words: 'add the key, or correct its name in the pod',
        command: `trireme edit ${kind} ${name}${view.flag(namespace)}`,
      },
    ],
  };
}

function createIt(kind: Need['kind'], name: string, key: string | undefined, flag: string): Mend {
  const noun = kind === 'secret' ? 'secret generic' : 'configmap';
  return {
    words: 'make it, or correct its name in the pod',
    command: `trireme create ${noun} ${name}${flag} --from-literal=${key ?? 'KEY'}=VALUE`,
  };
}

/** A service account that the pod runs as and that is gone. */
export function missingAccount(pod: Pod, view: ClusterView): Finding[] {
  const name = pod.spec.serviceAccountName ?? '';
  if (name === '' || view.get('serviceaccounts', pod.metadata.namespace, name) !== null) return [];
  const flag = view.flag(pod.metadata.namespace);
  return [
    {
      about: `serviceaccount/${name}`,
      level: 'problem',
      says: 'does not exist, and the pod runs as it',
      mend: [{ words: 'make it', command: `trireme create serviceaccount ${name}${flag}` }],
    },
  ];
}

/** A command that raises a container's limit of memory to double. */
export function doubleMemory(pod: Pod, container: Container, view: ClusterView): Mend[] {
  const limit = container.resources?.limits?.['memory'];
  const doubled = /^(\d+)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(limit ?? '');
  if (doubled === null)
    return [{ words: 'give the container a limit, or move the pod to a node with more memory' }];
  const value = `${Number(doubled[1]) * 2}${doubled[2] ?? ''}`;
  const rest = `-c ${container.name} --limits=memory=${value}`;
  const command = changeTemplate(pod, view, 'resources', rest);
  return [
    {
      words: 'give it more memory, or let it use less',
      ...(command === undefined ? {} : { command }),
    },
  ];
}
