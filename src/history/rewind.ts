/** The body with which an object becomes what it was. Pure. */
import type { KubeObject, OwnerReference } from '../api/object.js';

/** What the API server sets by itself, and what an older object must not bring back. */
const ownMetadata = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;
/** The garbage collector's, which say how an object was being deleted. */
const ofDeletion = ['foregroundDeletion', 'orphan'];
/** The labels by which a Job knows its pods: each holds its uid or its name. */
const jobLabels = [
  'controller-uid',
  'job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
];
/** What a Service is given once and for all. */
const serviceAddresses = ['clusterIP', 'clusterIPs'];

type Fields = Record<string, unknown>;

/** The object that is to be replaced or made anew. */
export interface RewindFacts {
  /** Undefined: it is gone, and is made anew. */
  readonly present: KubeObject | undefined;
  /** True for an owner that is there, under the same uid. */
  readonly isOwnerThere: (owner: OwnerReference) => boolean;
}

/**
 * The old object as a replacement of the present one: without its status, at the version of the present one, so that
 * it takes nothing back that somebody writes meanwhile. Finalizers and owners stay those of the present one: what they
 * promise holds whatever the object looked like before. One that is made anew has only owners that are there: else the
 * garbage collector would take it away.
 */
export function rewound(old: KubeObject, { present, isOwnerThere }: RewindFacts): KubeObject {
  const { status: _status, ...rest } = old as KubeObject & { status?: unknown; spec?: Fields };
  const metadata: Fields = { ...old.metadata };
  for (const name of ownMetadata) delete metadata[name];
  if (present === undefined) {
    const { finalizers = [], ownerReferences = [] } = old.metadata;
    put(
      metadata,
      'finalizers',
      finalizers.filter((name) => !ofDeletion.includes(name)),
    );
    put(metadata, 'ownerReferences', ownerReferences.filter(isOwnerThere));
  } else {
    metadata['uid'] = present.metadata.uid;
    metadata['resourceVersion'] = present.metadata.resourceVersion;
    put(metadata, 'finalizers', present.metadata.finalizers ?? []);
    put(metadata, 'ownerReferences', present.metadata.ownerReferences ?? []);
  }
  const isSame = present?.metadata.uid === old.metadata.uid;
  const spec = isSame ? rest.spec : specOfAnother(rest, present);
  return {
    ...rest,
    ...(spec === undefined ? {} : { spec }),
    metadata: metadata as unknown as KubeObject['metadata'],
  };
}

function put(metadata: Fields, name: string, values: readonly unknown[]): void {
  if (values.length > 0) metadata[name] = values;
  else delete metadata[name];
}

/** The old spec for an object with another uid: without what was made of the old one's. */
function specOfAnother(
  old: KubeObject & { readonly spec?: Fields },
  present: KubeObject | undefined,
): Fields | undefined {
  const { spec } = old;
  if (spec === undefined) return undefined;
  const presentSpec = (present as { readonly spec?: Fields } | undefined)?.spec;
  if (old.kind === 'Job' && spec['manualSelector'] !== true) return jobSpec(spec, presentSpec);
  if (old.kind === 'Service' && presentSpec !== undefined) {
    const given = serviceAddresses.map((name) => [name, presentSpec[name]]);
    return { ...spec, ...Object.fromEntries(given) };
  }
  return spec;
}

/** A Job's spec with the selector and labels of the present one; without any where it is made anew: it gets its own. */
function jobSpec(spec: Fields, present: Fields | undefined): Fields {
  const { selector: _selector, ...rest } = spec;
  const template = (spec['template'] ?? {}) as { readonly metadata?: { labels?: Fields } };
  const labels: Fields = { ...template.metadata?.labels };
  for (const name of jobLabels) delete labels[name];
  if (present !== undefined) {
    const now = present['template'] as typeof template | undefined;
    for (const name of jobLabels) {
      const value = now?.metadata?.labels?.[name];
      if (value !== undefined) labels[name] = value;
    }
  }
  return {
    ...rest,
    ...(present?.['selector'] === undefined ? {} : { selector: present['selector'] }),
    template: { ...template, metadata: { ...template.metadata, labels } },
  };
}
