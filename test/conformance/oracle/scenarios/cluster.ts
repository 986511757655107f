/** One of two clusters that scenarios run on: carries steps out, and plays the kubelet of scripted nodes. */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../../../src/lib/clock.js';
import type { Answer, Ask } from '../client.js';
import { normalText, recordOf } from './normalize.js';
import type { Json, Scenario, Step } from './steps.js';
import { isClusterWide, pathOf, pathOfObject, versionOf } from './steps.js';

const clock = systemClock();
const quietMs = 3500;
const quietMsMax = 45_000;
const pollMs = 400;
const heartbeatMs = 8000;

type Meta = Json & { readonly name: string; readonly deletionTimestamp?: string };

type Mode = 'ready' | 'running' | 'idle';

/** What was seen: lines by `look number, kind and name`. */
export type Seen = Map<string, string[]>;

interface Place {
  readonly namespace: string;
  readonly index: number;
  readonly seen: Seen;
  /** Of the objects that the scenario creates. */
  readonly names: ReadonlySet<string>;
}

export class Cluster {
  readonly #ask: Ask;
  readonly #silent = new Set<string>();
  readonly #modes = new Map<string, Mode>();
  #nodes: readonly Json[] = [];
  #stopped = false;
  #address = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Plays the kubelet until `stop`. */
  async play(): Promise<void> {
    let beat = 0;
    while (!this.#stopped) {
      if (clock.nowMs() - beat > heartbeatMs) {
        beat = clock.nowMs();
        for (const node of this.#nodes) await this.#renew(nameOf(node));
      }
      await Promise.all([...this.#modes].map((each) => this.#runPods(...each)));
      await pause(pollMs);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Makes the nodes of a scenario the only ones. */
  async haveNodes(nodes: readonly Json[]): Promise<void> {
    this.#nodes = [];
    this.#silent.clear();
    // What was told of other nodes of these names.
    await this.#ask('DELETE', pathOf('Event', 'default'));
    const there = await this.#list('Node', '');
    for (const node of there) await this.#ask('DELETE', `/api/v1/nodes/${nameOf(node)}`);
    for (const node of nodes) {
      await this.#must('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', ...node });
      const status = { ...(node['status'] as Json), conditions: [ready('KubeletReady')] };
      const path = `/api/v1/nodes/${nameOf(node)}/status`;
      await this.#must('PATCH', path, { status }, 'application/merge-patch+json');
      await this.#renew(nameOf(node));
    }
    this.#nodes = nodes;
    // The controllers take the taint of a new node away.
    for (let left = 40; left > 0; left--) {
      const taints = (await this.#list('Node', '')).flatMap(
        (node) => ((node['spec'] as Json)['taints'] ?? []) as Json[],
      );
      if (!taints.some(({ key }) => key === 'node.kubernetes.io/not-ready')) return;
      await pause(pollMs);
    }
  }

  /** Runs a scenario in a namespace of its own. */
  async run(named: Scenario, namespace: string): Promise<Seen> {
    const text = JSON.stringify(named).replaceAll('$ns', namespace);
    const scenario = JSON.parse(text) as Scenario;
    const seen: Seen = new Map();
    this.#modes.set(namespace, 'ready');
    await this.#must('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    await this.#until(`/api/v1/namespaces/${namespace}/serviceaccounts/default`);
    const created = scenario.steps.flatMap((step) => ('create' in step ? step.create : []));
    const names = new Set(created.map(nameOf));
    for (const [index, written] of scenario.steps.entries()) {
      const step = await this.#withUids(written, namespace);
      const answers = await this.#step(step, { namespace, index, seen, names });
      for (const { code, body } of answers) {
        if (code < 300) continue;
        const key = `${index} answer`;
        const text = `${code} ${String(body['reason'])} ${String(body['message'])}`;
        seen.set(key, [...(seen.get(key) ?? []), normalText(text)]);
      }
    }
    this.#modes.delete(namespace);
    await this.#clean(scenario, namespace);
    return seen;
  }

  /** Removes what other scenarios would see. */
  async #clean({ steps }: Scenario, namespace: string): Promise<void> {
    const body = { gracePeriodSeconds: 0 };
    for (const { metadata } of await this.#list('Pod', namespace)) {
      const { name } = metadata as Meta;
      await this.#ask('DELETE', pathOfObject(`Pod/${name}`, namespace), { body });
    }
    await this.#ask('DELETE', `/api/v1/namespaces/${namespace}`);
    for (const object of steps.flatMap((step) => ('create' in step ? step.create : []))) {
      const kind = String(object['kind']);
      const path = pathOfObject(`${kind}/${nameOf(object)}`, namespace);
      if (path.includes('/namespaces/') || path.includes('/nodes/')) continue;
      await this.#ask('DELETE', path);
      const patch = { body: { metadata: { finalizers: null } } };
      await this.#ask('PATCH', path, { ...patch, type: 'application/merge-patch+json' });
    }
  }

  /** Writes the uids of objects that are there for `$uid(KIND/NAME@NAMESPACE)`. */
  async #withUids(step: Step, namespace: string): Promise<Step> {
    let text = JSON.stringify(step);
    for (const [word, object = '', other = namespace] of text.matchAll(
      /\$uid\(([^@)]+)@?([^)]+)?\)/g,
    )) {
      const { body } = await this.#ask('GET', pathOfObject(object, other));
      text = text.replace(word, String((body['metadata'] as Json | undefined)?.['uid']));
    }
    return JSON.parse(text) as Step;
  }

  async #step(step: Step, { namespace, index, seen, names }: Place): Promise<Answer[]> {
    if ('create' in step) {
      const answers: Answer[] = [];
      for (const object of step.create) {
        const kind = String(object['kind']);
        const body = { apiVersion: versionOf(kind), ...object };
        answers.push(await this.#ask('POST', pathOf(kind, namespace), { body }));
      }
      return answers;
    }
    if ('patchAll' in step) {
      const options = { body: step.body, type: 'application/merge-patch+json' };
      const answers: Answer[] = [];
      for (const object of (await this.#list(step.patchAll, namespace)).slice(0, step.count)) {
        const path = pathOfObject(`${step.patchAll}/${nameOf(object)}`, namespace);
        answers.push(await this.#ask('PATCH', path, options));
      }
      return answers;
    }
    if ('removeAll' in step) {
      const body = step.options ?? {};
      for (const object of await this.#list(step.removeAll, namespace)) {
        const name = nameOf(object);
        if (!name.startsWith(step.about ?? '')) continue;
        await this.#ask('DELETE', pathOfObject(`${step.removeAll}/${name}`, namespace), { body });
      }
      return [];
    }
    if ('patch' in step) {
      const path = pathOfObject(step.patch, namespace);
      const at = step.subresource === undefined ? path : `${path}/${step.subresource}`;
      const type = 'application/merge-patch+json';
      return [await this.#ask('PATCH', at, { body: step.body, type })];
    }
    if ('remove' in step) {
      const body = step.options ?? {};
      return [await this.#ask('DELETE', pathOfObject(step.remove, namespace), { body })];
    }
    if ('post' in step) {
      const path = `${pathOfObject(step.post, namespace)}/${step.subresource}`;
      const answer = await this.#ask(step.method ?? 'POST', path, { body: step.body });
      const { code, body } = answer;
      seen.set(`${index} post`, [
        normalText(`${code} ${String(body['message'])} ${JSON.stringify(body['details'])}`),
      ]);
      return [];
    }
    if ('pods' in step) return await this.#setPods(step, namespace);
    if ('kubelet' in step) this.#modes.set(namespace, step.kubelet);
    if ('silence' in step) for (const node of step.silence) this.#silent.add(node);
    if ('settle' in step) await pause(step.settle * 1000);
    if ('look' in step) {
      await this.#quiet(namespace, step.look);
      for (const kind of step.look) {
        const of = kind === 'Event' ? aboutOf : nameOf;
        const objects = (await this.#list(kind, step.namespace ?? namespace)).filter((object) =>
          step.about === undefined
            ? concerns(kind, object, namespace, names)
            : of(object) === step.about,
        );
        for (const [key, lines] of recordOf(kind, objects)) {
          seen.set(`${index} ${key}`, lines);
        }
      }
    }
    return [];
  }

  async #setPods(
    step: { readonly pods: string; readonly status: Json; readonly count?: number },
    namespace: string,
  ): Promise<Answer[]> {
    const pods = (await this.#list('Pod', namespace)).filter((pod) => {
      const { phase } = pod['status'] as Json;
      const meta = pod['metadata'] as Meta;
      return (
        meta.name.startsWith(step.pods) &&
        phase !== 'Failed' &&
        phase !== 'Succeeded' &&
        meta.deletionTimestamp === undefined
      );
    });
    const answers: Answer[] = [];
    for (const pod of pods.slice(0, step.count)) {
      answers.push(await this.#setStatus(pod, step.status));
    }
    return answers;
  }

  #setStatus(pod: Json, status: Json): Promise<Answer> {
    const { namespace, name } = pod['metadata'] as Meta;
    const path = `/api/v1/namespaces/${String(namespace)}/pods/${name}/status`;
    return this.#ask('PATCH', path, { body: { status }, type: 'application/merge-patch+json' });
  }

  async #runPods(namespace: string, mode: Mode): Promise<void> {
    if (mode === 'idle') return;
    for (const pod of await this.#list('Pod', namespace)) {
      if (!this.#isOwed(pod)) continue;
      const { name, deletionTimestamp } = pod['metadata'] as Meta;
      if (deletionTimestamp !== undefined) {
        const body = { gracePeriodSeconds: 0 };
        await this.#ask('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { body });
        continue;
      }
      const ip = `10.9.${Math.floor(this.#address / 200)}.${(this.#address++ % 200) + 1}`;
      const { conditions = [] } = pod['status'] as { readonly conditions?: readonly Json[] };
      const isReady = mode === 'ready' ? 'True' : 'False';
      await this.#setStatus(pod, {
        phase: 'Running',
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [
          ...conditions.filter(({ type }) => type === 'PodScheduled'),
          condition('Ready', isReady),
          condition('ContainersReady', isReady),
        ],
      });
    }
  }

  /** True of a pod that the scripted kubelet has to start, or to end. */
  #isOwed({ metadata, spec, status }: Json): boolean {
    const { nodeName } = spec as { readonly nodeName?: string };
    if (nodeName === undefined || this.#silent.has(nodeName)) return false;
    const isDeleted = (metadata as Meta).deletionTimestamp !== undefined;
    const isHeld = ((metadata as Json)['finalizers'] as unknown[] | undefined) !== undefined;
    const { phase } = status as Json;
    return isDeleted
      ? !(isHeld && phase !== 'Pending' && phase !== 'Running')
      : phase === 'Pending';
  }

  async #list(kind: string, namespace: string): Promise<Json[]> {
    const { body } = await this.#ask('GET', pathOf(kind, namespace));
    return (body['items'] ?? []) as Json[];
  }

  /** Waits until nothing of a namespace changes for a while. */
  async #quiet(namespace: string, kinds: readonly string[]): Promise<void> {
    let [last, since] = ['', clock.nowMs()];
    const end = clock.nowMs() + quietMsMax;
    const plays = this.#modes.get(namespace) !== 'idle';
    while (clock.nowMs() < end && clock.nowMs() - since < quietMs) {
      const versions: string[] = [];
      for (const kind of new Set([...kinds, 'Pod'])) {
        for (const object of await this.#list(kind, namespace)) {
          const { name, resourceVersion } = object['metadata'] as Meta;
          if (kind === 'Pod' && plays && this.#isOwed(object)) versions.push(String(clock.nowMs()));
          if (kind !== 'Node') versions.push(`${name} ${String(resourceVersion)}`);
        }
      }
      const now = versions.toSorted().join();
      if (now !== last) [last, since] = [now, clock.nowMs()];
      await pause(pollMs);
    }
  }

  async #renew(name: string): Promise<void> {
    if (this.#silent.has(name)) return;
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    };
    const type = 'application/merge-patch+json';
    const { code } = await this.#ask('PATCH', `${path}/${name}`, { body: { spec }, type });
    if (code === 404) {
      const body = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name },
        spec,
      };
      await this.#ask('POST', path, { body });
    }
  }

  async #until(path: string): Promise<void> {
    for (let left = 50; left > 0; left--) {
      if ((await this.#ask('GET', path)).code === 200) return;
      await pause(pollMs);
    }
    throw new Error(`${path} does not come`);
  }

  async #must(method: string, path: string, body: Json, type?: string): Promise<void> {
    const answer = await this.#ask(method, path, { body, ...(type === undefined ? {} : { type }) });
    if (answer.code < 300) return;
    throw new Error(`${method} ${path}: ${answer.code} ${String(answer.body['message'])}`);
  }
}

function nameOf(object: Json): string {
  return (object['metadata'] as Meta).name;
}

/** The name of the object that an event is about. */
function aboutOf(event: Json): string {
  return String((event['involvedObject'] as Json)['name']);
}

const madeByControllers = new Set(['Node', 'Namespace', 'VolumeAttachment']);

/** Leaves out what every cluster has by itself, and what other scenarios have made. */
function concerns(
  kind: string,
  { metadata }: Json,
  namespace: string,
  created: ReadonlySet<string>,
): boolean {
  if (isClusterWide(kind) && !madeByControllers.has(kind)) {
    return created.has((metadata as Meta).name);
  }
  const { name, labels } = metadata as Meta;
  if (name.startsWith('s-')) return name === namespace;
  const bootstrapping = (labels as Json | undefined)?.['kubernetes.io/bootstrapping'];
  return bootstrapping === undefined && !/^(kube-(?!root)|default$)/.test(name);
}

function condition(type: string, status: string, reason?: string): Json {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  return { type, status, lastTransitionTime: now, ...(reason === undefined ? {} : { reason }) };
}

function ready(reason: string): Json {
  const now = new Date().toISOString().replace(/\.\d+/, '');
  return { ...condition('Ready', 'True', reason), lastHeartbeatTime: now };
}
