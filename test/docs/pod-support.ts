/**
 * Tries every field of a pod's spec: at an API server in this process, and at the parts of the node agent that make
 * sandboxes, volumes and containers of it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { podSchema } from '../../src/api/core/pod-schema.js';
import type { Container, Pod } from '../../src/api/types/core.js';
import { silentLogger } from '../../src/lib/log.js';
import type { SandboxConfig } from '../../src/runtime/types.js';
import { refusalOf } from '../../src/worker/pod/admission.js';
import { containerConfig } from '../../src/worker/run/container-config.js';
import { podResolver } from '../../src/worker/run/dns-config.js';
import { HollowNetwork } from '../../src/worker/run/hollow-network.js';
import type { NodeContext } from '../../src/worker/run/node-context.js';
import { hostnameOf, managedHosts, PodFiles } from '../../src/worker/run/pod-files.js';
import { makeSandbox } from '../../src/worker/run/sandbox.js';
import { VolumeManager } from '../../src/worker/volumes/volume-manager.js';
import type { Identity, TwoDoors } from '../security/two-doors.js';
import { elsewhere, valueOf, withoutEffect } from './pod-fields.js';

/** What came of a field: its row on the page. */
export interface FieldRow {
  readonly field: string;
  readonly outcome: 'works' | 'refused' | 'dropped' | 'no effect' | 'unexplained';
  readonly how: string;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** The fields below which each is tried by itself. */
const opened: ReadonlySet<string> = new Set([
  'affinity',
  'containers',
  'containers.securityContext',
  'containers.volumeMounts',
  'dnsConfig',
  'securityContext',
  'volumes',
]);

/** Every field to try, as a path below `spec`. */
export function fieldsOfPods(): string[] {
  const spec = (podSchema as Schema).properties?.['spec'];
  const below = (schema: Schema | undefined, prefix: string): string[] =>
    Object.entries(schema?.properties ?? {}).flatMap(([name, value]) => {
      const path = `${prefix}${name}`;
      return opened.has(path) ? below(value.items ?? value, `${path}.`) : [path];
    });
  return below(spec, '').toSorted();
}

const container: Container = { name: 'main', image: 'busybox' };
const plain = { containers: [container] };

/** A pod with a field set, and with what it takes for that field to be allowed. */
export function podWith(field: string): Pod {
  const { value, also = {} } = valueOf(field);
  const parts = field.split('.');
  const [list, ...rest] = parts;
  const spec: Record<string, unknown> = { ...structuredClone(plain), ...structuredClone(also) };
  if (list === 'containers') {
    const [first = container, ...others] = spec['containers'] as Container[];
    spec['containers'] = [set(first, rest, value), ...others];
  } else if (list === 'volumes' && rest.length > 0) {
    const source = rest[0] === 'name' ? { emptyDir: {} } : {};
    spec['volumes'] = [set({ name: 'v', ...source }, rest, value)];
  } else Object.assign(spec, set(spec, parts, value));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'tried', namespace: 'default', uid: 'uid' },
    spec: spec as unknown as Pod['spec'],
  };
}

/** A copy of an object with a value at a path; into the first of a list. */
function set(object: object, path: readonly string[], value: unknown): Record<string, unknown> {
  const [name = '', ...rest] = path;
  const copy: Record<string, unknown> = { ...object };
  if (rest.length === 0) copy[name] = value;
  else {
    const inner = copy[name];
    copy[name] = Array.isArray(inner)
      ? [set((inner as object[])[0] ?? {}, rest, value), ...(inner as object[]).slice(1)]
      : set((inner as object | undefined) ?? {}, rest, value);
  }
  return copy;
}

function at(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => {
    const one: unknown = Array.isArray(inner) ? inner[0] : inner;
    return (one as Readonly<Record<string, unknown>> | undefined)?.[name];
  }, object);
}

/** Tries fields. */
export class FieldTrials {
  readonly #doors: TwoDoors;
  readonly #admin: Identity;
  readonly #directory = mkdtempSync(join(tmpdir(), 'pod-support-'));

  constructor(doors: TwoDoors, admin: Identity) {
    this.#doors = doors;
    this.#admin = admin;
  }

  stop(): void {
    rmSync(this.#directory, { recursive: true });
  }

  async prepare(): Promise<void> {
    const runc = {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'runc' },
      handler: 'runc',
      overhead: { podFixed: { cpu: '10m' } },
    };
    const path = '/apis/node.k8s.io/v1/runtimeclasses';
    await this.#doors.rest(this.#admin, 'POST', path, { body: runc });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    await this.#doors.rest(this.#admin, 'POST', accounts, { body: account });
  }

  async row(field: string): Promise<FieldRow> {
    const asked = podWith(field);
    const path = '/api/v1/namespaces/default/pods?dryRun=All';
    const { metadata, ...rest } = asked;
    const body = { ...rest, metadata: { name: metadata.name } };
    const answer = await this.#doors.rest(this.#admin, 'POST', path, { body });
    if (answer.code >= 400) {
      return {
        field,
        outcome: 'refused',
        how: `the API answers ${answer.code}: ${answer.message}`,
      };
    }
    const stored = JSON.parse(answer.text) as Pod;
    const other = elsewhere[field];
    if (at(stored.spec, field.split('.')) === undefined) {
      if (other !== undefined) return { field, outcome: 'works', how: other };
      return { field, outcome: 'dropped', how: 'as in 1.33 with its gates as they are by default' };
    }
    const refusal = await this.#refusal(asked);
    if (refusal !== undefined) return { field, outcome: 'refused', how: refusal };
    const changes = await this.#changes(field, asked);
    if (changes !== undefined) return { field, outcome: 'works', how: changes };
    if (other !== undefined) return { field, outcome: 'works', how: other };
    const why = withoutEffect[field];
    if (why !== undefined) return { field, outcome: 'no effect', how: why };
    return { field, outcome: 'unexplained', how: '' };
  }

  /** What the node says to it. */
  async #refusal(pod: Pod): Promise<string | undefined> {
    const refused = refusalOf(pod, { unsafeSysctls: [], kernel: [6, 1] });
    if (refused !== undefined)
      return `the node rejects the pod, ${refused.reason}: ${refused.message}`;
    try {
      await this.#sandbox(pod);
    } catch (error) {
      return `FailedCreatePodSandBox: ${textOf(error)}`;
    }
    try {
      await this.#mounts(pod);
    } catch (error) {
      const text = textOf(error);
      return text.startsWith('MountVolume')
        ? `FailedMount: ${text}`
        : `CreateContainerConfigError: ${text}`;
    }
    return undefined;
  }

  /** The parts of what the node makes that differ from those of a pod without the field. */
  async #changes(field: string, pod: Pod): Promise<string | undefined> {
    const without = { ...pod, spec: { ...structuredClone(plain), ...valueOf(field).also } };
    const [before, after] = [await this.#made(without), await this.#made(pod)];
    const parts = Object.keys(after) as (keyof typeof after)[];
    const changed = parts.filter(
      (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    );
    return changed.length === 0 ? undefined : `the node: ${changed.join(', ')}`;
  }

  async #made(pod: Pod) {
    const node = { nodeName: 'n1', domain: 'cluster.local' };
    const [first = container] = pod.spec.containers;
    const volumePaths = await this.#pathsOf(pod);
    const config = await containerConfig({
      id: 'c1',
      sandboxId: 's1',
      restartCount: 0,
      hostname: hostnameOf(pod, node),
      pod,
      container: first,
      source: { configMap: () => undefined, secret: () => undefined },
      facts: { nodeName: 'n1', hostIps: ['192.168.0.1'], podIps: ['10.0.0.1'], allocatable: {} },
      services: [{ metadata: { namespace: 'default', name: 'web' }, spec: webSpec }],
      files: new PodFiles(this.#directory),
      volumes: this.#volumes(),
      volumePaths,
      nodeMemoryBytes: 2 ** 32,
      logMaxBytes: 1,
    });
    const { security, resources, mounts, env, annotations: _annotations, ...others } = config;
    const { devices = [], ...process } = others;
    const host = { nameservers: ['192.168.0.53'], searches: [], options: [] };
    return {
      sandbox: await this.#sandbox(pod),
      security,
      limits: resources,
      volumes: [...volumePaths.keys()],
      mounts,
      devices,
      environment: env,
      process,
      hosts: managedHosts({ pod, ips: ['10.0.0.1'], domain: node.domain }),
      'resolv.conf': podResolver(pod, host, { address: '10.96.0.10', domain: node.domain }),
    };
  }

  async #sandbox(pod: Pod): Promise<unknown> {
    const made: SandboxConfig[] = [];
    const runtime = {
      createSandbox: (config: SandboxConfig) => {
        made.push(config);
        return Promise.resolve({ id: config.id, pod: config.pod, createdAtMs: 0 });
      },
    };
    const node = {
      nodeName: 'n1',
      hostIps: ['192.168.0.1'],
      runtime,
      network: new HollowNetwork('192.168.0.1'),
      objects: { runtimeClass: (handler: string) => Promise.resolve({ handler }) },
      dns: () => ({ address: '10.96.0.10', domain: 'cluster.local' }),
      newId: () => 's1',
      log: silentLogger,
    } as unknown as NodeContext;
    await makeSandbox(node, pod);
    return made;
  }

  async #mounts(pod: Pod): Promise<void> {
    const volumes = this.#volumes();
    const paths = await this.#pathsOf(pod);
    const env = new Map([['NAME', 'value']]);
    for (const one of pod.spec.containers) {
      await volumes.mountsFor({ pod, container: one, paths, env });
      volumes.devicesFor(pod, one, paths);
    }
  }

  /** Few machines have a block device to spare: a volume of that kind is taken to be there. */
  async #pathsOf(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const devices = pod.spec.containers.flatMap(({ volumeDevices = [] }) => volumeDevices);
    if (devices.length > 0) return new Map(devices.map(({ name }) => [name, '/dev/spare']));
    return this.#volumes().setUp(pod, facts);
  }

  #volumes(): VolumeManager {
    return new VolumeManager({
      dataDir: this.#directory,
      isRoot: false,
      sources: {
        config: () => ({
          configMap: (name) => ({ metadata: { name }, data: {} }),
          secret: (name) => ({ metadata: { name }, data: {} }),
        }),
        claim: (_namespace, name) => ({
          metadata: {
            name,
            uid: 'claim',
            ownerReferences: [
              { apiVersion: 'v1', kind: 'Pod', name: 'tried', uid: 'uid', controller: true },
            ],
          },
          spec: { volumeName: 'pv' },
          status: { phase: 'Bound' },
        }),
        volume: () => ({
          metadata: { name: 'pv' },
          spec: { hostPath: { path: this.#directory }, claimRef: { uid: 'claim' } },
        }),
        token: () => Promise.resolve('token'),
      },
    });
  }
}

const facts = { nodeName: 'n1', hostIps: [], podIps: [], allocatable: {} };
const webSpec = { clusterIP: '10.96.0.9', ports: [{ port: 80 }] };

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const words: Readonly<Record<FieldRow['outcome'], string>> = {
  works: 'works',
  refused: 'refused',
  dropped: 'dropped',
  'no effect': '**no effect**',
  unexplained: '?',
};

/** Where a node with `--runtime cri` differs; `src/runtime/cri` and its tests are the reason. */
const overCri: readonly string[] = [
  '## With `--runtime cri`',
  '',
  '- `runtimeClassName`: any handler that the runtime has; for others FailedCreatePodSandBox with its words.',
  '- `containers.lifecycle.stopSignal`: refused (CreateContainerConfigError): not every runtime knows it.',
  '- `ephemeralContainers` that are privileged, in a pod that has no privileged container: the runtime refuses them.',
  '- `containers.ports.hostPort`: published by the `portmap` plugin that the runtime calls; with `--cni-conf-dir=none` by',
  "  the other network's, or not.",
  '- Probes, hooks and grace periods: whole seconds, rounded up. An end is seen within a second where the runtime has no',
  '  events (containerd 1.6).',
  '- `containers.resources.limits` of `ephemeral-storage`: what the runtime says of its writable layer counts.',
];

/** The page. */
export function podPage(rows: readonly FieldRow[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();
  const count = (outcome: FieldRow['outcome']): number =>
    rows.filter((row) => row.outcome === outcome).length;
  return [
    '# A pod, field by field',
    '',
    'What becomes of each field of the PodSpec of Kubernetes 1.33, as it was tried: posted to an API server in one process,',
    'then handed to the parts of the node agent that make sandboxes, volumes and containers of it. "the node:" names what',
    'these made otherwise than without the field; where another part sees to it, that part is named. What cannot be done',
    'is refused with the reason that stands here, or it is said that it has no effect. Written by',
    '`test/docs/pod-support.test.ts` (`UPDATE=1`), which fails when a field is missing or something else comes of it.',
    '',
    `Of ${rows.length} fields ${count('works')} work, ${count('refused')} are refused, ${count('dropped')} dropped, and ${count('no effect')} have no effect.`,
    '',
    '| Field | Outcome | How, or why not |',
    '| --- | --- | --- |',
    ...rows.map(({ field, outcome, how }) => `| \`${field}\` | ${words[outcome]} | ${cell(how)} |`),
    '',
    ...overCri,
    '',
  ].join('\n');
}
