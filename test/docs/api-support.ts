/** Tries what each kind of the API can do, at an API server in this process, and writes the outcome as a table. */
import { builtInKinds } from '../../src/api/kinds.js';
import type { KindDeclaration } from '../../src/api/kind.js';
import { formatGroupVersion } from '../../src/api/object.js';
import type { KubeObject } from '../../src/api/object.js';
import { readSamples } from '../conformance/oracle/samples.js';
import type { DoorAnswer, Identity, TwoDoors } from '../security/two-doors.js';

/** One thing that a client may do with a kind: its column. */
export type Feature = (typeof features)[number];

const features = [
  ...(['create', 'dry run', 'get', 'list', 'watch', 'table', 'protobuf', 'update'] as const),
  ...(['JSON patch', 'merge patch', 'strategic', 'apply', 'status', 'scale', 'delete'] as const),
  'delete all',
] as const;

/** The answer to a try: `yes`, or the code of the refusal. Unset: the kind does not offer it. */
export type Outcomes = Partial<Record<Feature, string>>;

const versionOf = ({ group, version }: KindDeclaration): string =>
  formatGroupVersion(group, version);

const levelSpec = {
  type: 'Limited',
  limited: { nominalConcurrencyShares: 5, limitResponse: { type: 'Reject' } },
};
const rules = [
  {
    subjects: [{ kind: 'Group', group: { name: 'a' } }],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a'] }],
  },
];
const podRule = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['pods'],
};
const apiSpec = {
  group: 'a.example.com',
  version: 'v1',
  groupPriorityMinimum: 1,
  versionPriority: 1,
};

/** Objects of kinds that the samples of the conformance tests lack. */
const further: Readonly<Record<string, object>> = {
  APIService: { metadata: { name: 'v1.a.example.com' }, spec: apiSpec },
  CSIStorageCapacity: { storageClassName: 'fast', capacity: '1Gi' },
  FlowSchema: { spec: { priorityLevelConfiguration: { name: 'exempt' }, rules } },
  PriorityLevelConfiguration: { spec: levelSpec },
  LocalSubjectAccessReview: {
    metadata: { namespace: 'default' },
    spec: {
      user: 'u',
      resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' },
    },
  },
  SelfSubjectAccessReview: { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } },
  SelfSubjectRulesReview: { spec: { namespace: 'default' } },
  SubjectAccessReview: { spec: { user: 'u', nonResourceAttributes: { path: '/', verb: 'get' } } },
  ValidatingAdmissionPolicy: {
    spec: {
      matchConstraints: { resourceRules: [podRule] },
      validations: [{ expression: 'true' }],
    },
  },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'a', validationActions: ['Deny'] } },
  TokenReview: { spec: { token: 'x' } },
};

/** An object of a kind under a name of its own; undefined where none is known. */
function sampleOf(kind: KindDeclaration): KubeObject | undefined {
  const found = readSamples().find(
    ({ object }) => object.kind === kind.kind && object.apiVersion === versionOf(kind),
  )?.object;
  const extra = further[kind.kind];
  if (found === undefined && extra === undefined && kind.kind !== 'SelfSubjectReview') {
    return undefined;
  }
  const name = found?.metadata.name ?? 'sample';
  const namespace = kind.namespaced ? { namespace: found?.metadata.namespace ?? 'default' } : {};
  const head = { kind: kind.kind, apiVersion: versionOf(kind) };
  // What is never stored has no name.
  const metadata = kind.virtual ? namespace : { name, ...namespace };
  const object = { metadata, ...found, ...extra, ...head } as KubeObject;
  return { ...object, metadata: { ...metadata, ...object.metadata, ...namespace } };
}

/** Kinds that are tried as others' versions, or that need what is not there (a pod that waits for a node). */
const untried: Readonly<Record<string, string>> = {
  Binding: 'it binds a pod',
  Namespace: 'its end takes time',
};

/** Tries one kind after the other. */
export class ApiTrials {
  readonly #doors: TwoDoors;
  readonly #admin: Identity;

  constructor(doors: TwoDoors, admin: Identity) {
    this.#doors = doors;
    this.#admin = admin;
  }

  async #ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<DoorAnswer> {
    return this.#doors.rest(this.#admin, method, path, { body, headers });
  }

  /** Makes what samples refer to. */
  async prepare(): Promise<void> {
    const account = { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' } };
    await this.#ask('POST', '/api/v1/namespaces/default/serviceaccounts', account);
  }

  async outcomesOf(kind: KindDeclaration): Promise<Outcomes> {
    const outcomes: Outcomes = {};
    const tell = (feature: Feature, { code }: DoorAnswer): void => {
      outcomes[feature] = code >= 200 && code < 300 ? 'yes' : String(code);
    };
    const object = sampleOf(kind);
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${versionOf(kind)}`;
    const namespace = object?.metadata.namespace ?? 'default';
    const place = `${root}${kind.namespaced ? `/namespaces/${namespace}` : ''}/${kind.plural}`;
    const offers = (verb: string): boolean => kind.verbs.some((known) => known === verb);
    if (offers('list')) tell('list', await this.#ask('GET', place));
    if (offers('watch')) {
      tell('watch', await this.#ask('GET', `${place}?watch=1&timeoutSeconds=-1`));
    }
    if (object === undefined || untried[kind.kind] !== undefined) return outcomes;
    if (!offers('create')) return outcomes;
    if (!kind.virtual) tell('dry run', await this.#ask('POST', `${place}?dryRun=All`, object));
    const made = await this.#ask('POST', place, object);
    tell('create', made);
    if (kind.virtual || outcomes.create !== 'yes') return outcomes;
    const { name } = (JSON.parse(made.text) as KubeObject).metadata;
    await this.#tryObject(kind, `${place}/${name}`, tell);
    tell('delete', await this.#ask('DELETE', `${place}/${name}?gracePeriodSeconds=0`));
    const none = `${place}?labelSelector=nobody=has`;
    if (offers('deletecollection')) tell('delete all', await this.#ask('DELETE', none));
    return outcomes;
  }

  /** Writes an object back as it is; anew when a controller was faster. */
  async #put(path: string): Promise<DoorAnswer> {
    for (;;) {
      const { text } = await this.#ask('GET', path);
      const answer = await this.#ask('PUT', path, JSON.parse(text));
      if (answer.code !== 409) return answer;
    }
  }

  async #tryObject(
    kind: KindDeclaration,
    path: string,
    tell: (feature: Feature, answer: DoorAnswer) => void,
  ): Promise<void> {
    const got = await this.#ask('GET', path);
    tell('get', got);
    const as = (accept: string): Promise<DoorAnswer> =>
      this.#ask('GET', path, undefined, { accept });
    tell('table', await as('application/json;as=Table;v=v1;g=meta.k8s.io'));
    tell('protobuf', await as('application/vnd.kubernetes.protobuf'));
    tell('update', await this.#put(path));
    const label = { metadata: { labels: { tried: 'yes' } } };
    const patch = (type: string, body: unknown, query = ''): Promise<DoorAnswer> =>
      this.#ask('PATCH', `${path}${query}`, body, { 'content-type': `application/${type}` });
    const add = [{ op: 'add', path: '/metadata/annotations', value: { tried: 'yes' } }];
    tell('JSON patch', await patch('json-patch+json', add));
    tell('merge patch', await patch('merge-patch+json', label));
    tell('strategic', await patch('strategic-merge-patch+json', label));
    const applied = { kind: kind.kind, apiVersion: versionOf(kind), ...label };
    tell('apply', await patch('apply-patch+yaml', applied, '?fieldManager=a&force=true'));
    for (const feature of ['status', 'scale'] as const) {
      if (!kind.subresources.some(({ name }) => name === feature)) continue;
      tell(feature, await this.#ask('GET', `${path}/${feature}`));
    }
  }
}

/** The page: one row for each kind, and the tries that its kind does not offer left empty. */
export function supportPage(rows: ReadonlyMap<KindDeclaration, Outcomes>): string {
  const columns = features.filter((feature) => [...rows.values()].some((one) => one[feature]));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const body = [...rows].map(([kind, outcomes]) =>
    line([`${versionOf(kind)} ${kind.kind}`, ...columns.map((feature) => outcomes[feature] ?? '')]),
  );
  return [
    '# The API, kind by kind',
    '',
    'What each kind of Kubernetes 1.33 that is served can do, as an API server in one process answered when it was tried:',
    '`yes`, or the code of its refusal; empty where the kind does not offer it, here as there. Written by',
    '`test/docs/api-support.test.ts` (`UPDATE=1`), which fails when the page says something else than the server does.',
    '',
    ...Object.entries(untried).map(([kind, why]) => `${kind} is tried elsewhere: ${why}.`),
    '',
    line(['Kind', ...columns]),
    line(['---', ...columns.map(() => '---')]),
    ...body,
    '',
    ...notServed,
    '',
  ].join('\n');
}

const notServed = [
  '## Not served',
  '',
  '- resource.k8s.io (dynamic resource allocation), storagemigration.k8s.io, internal.apiserver.k8s.io.',
  '- Alpha and beta versions, which 1.33 leaves off by default as well: VolumeAttributesClass among them.',
  '- admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicy and its binding, alpha and off in 1.33: 404 as there.',
  '  Missing are the kinds, typed objects in CEL (`Object{…}`, `JSONPatch{…}`) and reinvocation',
  '  ([decisions/0015](decisions/0015-no-mutating-admission-policy.md)).',
];

/** The kinds of the page. */
export const triedKinds: readonly KindDeclaration[] = builtInKinds;
