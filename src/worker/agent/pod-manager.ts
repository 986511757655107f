/** The pods of this node: who they are comes from the API, what runs of them from the runtime. */
import type { Pod } from '../../api/types/core.js';
import { parseTime } from '../../api/facts/time.js';
import type { ApiClient, Change, Informer } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { ContainerState, RuntimeEvent } from '../../runtime/types.js';
import type { Adopted } from '../run/adoption.js';
import type { NodeContext } from '../run/node-context.js';
import { keyOf } from '../run/node-context.js';
import { takesRoom } from '../pod/phase.js';
import { PodWorker } from '../run/pod-worker.js';
import { checkStorage } from '../run/storage-check.js';
import type { TokenCache } from '../sources/token-cache.js';
import { recoverPods, removeOrphans } from './recovery.js';
import type { Orphans } from './orphans.js';
import { findOrphans, removeOrphanedObjects } from './orphans.js';
import { resources } from '../../client/resources.js';
import { StatusReporter } from './status-reporter.js';

/** The dependencies of {@link PodManager}. */
export interface PodManagerOptions {
  readonly node: NodeContext;
  readonly client: ApiClient;
  readonly tokens: TokenCache;
  readonly pods: Informer<Pod>;
}

/** Everything is compared with the runtime this often, in case an event was missed. */
export const resyncMs = 60_000;
/** Between two looks at what pods have written. @see kubelet's eviction monitoring interval */
const storageMs = 10_000;
/** The longest time until a change of a ConfigMap or Secret shows in volumes. */
const refreshMs = 20_000;

/** All pods of one node, each with its worker. */
export class PodManager {
  readonly #options: PodManagerOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #reporter: StatusReporter;
  /** The pods of which is looked just now how much they have written. */
  readonly #measured = new Set<string>();
  readonly #ends: (() => void)[] = [];
  #stopped = false;

  constructor(options: PodManagerOptions) {
    this.#options = options;
    const { clock, log } = options.node;
    this.#reporter = new StatusReporter({
      client: options.client,
      clock,
      log,
      find: (uid) => this.#workers.get(uid),
    });
  }

  get workers(): ReadonlyMap<string, PodWorker> {
    return this.#workers;
  }

  /** The informer must be synced: what it does not know is taken down. */
  async start(): Promise<void> {
    const { node, pods } = this.#options;
    // What ends while others are taken down is told before anybody is there to be told.
    const early: RuntimeEvent[] = [];
    let hear = (event: RuntimeEvent): unknown => early.push(event);
    this.#ends.push(node.runtime.onEvent((event) => hear(event)));
    const uids = new Set(pods.list().map((pod) => keyOf(pod).uid));
    node.devices?.keep(uids);
    const adopted = await recoverPods(node, uids);
    for (const pod of inOrderOfAdmission(pods.list(), adopted)) {
      this.#add(pod, adopted.get(keyOf(pod).uid));
    }
    adopted.clear();
    hear = (event) => this.#handle(event);
    for (const event of early) this.#handle(event);
    this.#ends.push(pods.onChange((change) => this.#podChanged(change)));
    await removeOrphans(node, (uid) => this.#workers.has(uid));
    this.#every(resyncMs, () => this.resync());
    this.#every(refreshMs, () => this.#refresh());
    this.#every(storageMs, async () =>
      this.#own(this.checkStorage(), 'what pods have written could not be looked at'),
    );
  }

  /** Pods go on; what is known of them is reported. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const end of this.#ends) end();
    for (const worker of this.#workers.values()) worker.stop();
    await this.#reporter.stop();
  }

  /** A pod by name; its uid must fit if one is given. */
  find(namespace: string, name: string, uid: string): PodWorker | undefined {
    for (const worker of this.#workers.values()) {
      const key = keyOf(worker.pod);
      if (key.namespace !== namespace || key.name !== name) continue;
      if (uid === '' ? !worker.state.gone : key.uid === uid) return worker;
    }
    return undefined;
  }

  #podChanged(change: Change<Pod>): void {
    const pod = change.object;
    const { uid } = keyOf(pod);
    const worker = this.#workers.get(uid);
    if (change.type === 'delete') worker?.gone();
    else if (worker === undefined) this.#add(pod);
    else worker.update(pod);
  }

  #add(pod: Pod, adopted?: Adopted): void {
    const { node, tokens } = this.#options;
    const { uid } = keyOf(pod);
    const worker = new PodWorker({
      node,
      pod,
      ...(adopted === undefined ? {} : { adopted }),
      others: () => this.#takenBefore(uid),
      onChange: () => {
        this.#reporter.changed(uid);
        const state = this.#workers.get(uid)?.state;
        if (state !== undefined && !takesRoom(state)) node.devices?.release(uid);
      },
      deleteObject: () => this.#delete(uid),
      onGone: () => {
        this.#workers.delete(uid);
        node.devices?.release(uid);
        node.observer?.podGone(uid);
        this.#reporter.forget(uid);
        tokens.forget(uid);
        this.#own(node.files.remove(uid), 'the files of a pod could not be removed');
      },
    });
    this.#workers.set(uid, worker);
    worker.kick();
  }

  /** The pods that take resources of the node and were taken before this one. The order of the map is theirs. */
  #takenBefore(uid: string): Pod[] {
    const all = [...this.#workers];
    const at = all.findIndex(([other]) => other === uid);
    const before = at === -1 ? all : all.slice(0, at);
    return before.filter(([, { state }]) => takesRoom(state)).map(([, { pod }]) => pod);
  }

  async #delete(uid: string): Promise<void> {
    const worker = this.#workers.get(uid);
    if (worker === undefined) return;
    const { namespace, name } = keyOf(worker.pod);
    await this.#reporter.report(uid);
    try {
      await this.#options.client.delete(
        resources.pods,
        { namespace, name },
        { gracePeriodSeconds: 0, preconditions: { uid } },
      );
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }

  #handle(event: RuntimeEvent): void {
    if (event.type === 'resync') {
      this.#own(this.resync(), 'pods could not be compared with the runtime');
      return;
    }
    for (const worker of this.#workers.values()) {
      if (event.type === 'oom') worker.oom(event.containerId);
      else worker.exited(event.containerId, { exitCode: event.exitCode, atMs: event.atMs });
    }
  }

  /** Work that nobody waits for fails into the log. */
  #own(work: Promise<void>, failure: string): void {
    work.catch((error: unknown) => this.#options.node.log.warn({ error }, failure));
  }

  /** Compares all pods with what the runtime has. */
  async resync(): Promise<void> {
    const { node } = this.#options;
    try {
      const held = new Map([...this.#workers].map(([uid, worker]) => [uid, worker.held()]));
      const { sandboxes, containers } = await node.runtime.list();
      const ids = new Set(sandboxes.map(({ id }) => id));
      const byId = byIdOf(containers);
      for (const [uid, worker] of this.#workers) {
        worker.resync(held.get(uid) ?? new Set(), ids, byId);
      }
      await this.#collect({ sandboxes, containers });
    } catch (error) {
      node.log.warn({ error }, 'the runtime could not be listed');
    }
  }

  /** Takes away what the runtime and the disk hold of pods that are gone. */
  async #collect(held: Orphans): Promise<void> {
    const { node } = this.#options;
    const isKnown = (uid: string): boolean => this.#workers.has(uid);
    const current = new Map(
      [...this.#workers].map(([uid, { state }]) => [uid, state.sandbox.id] as const),
    );
    const orphans = findOrphans(held, current, node.clock.nowMs());
    await removeOrphanedObjects(node, orphans, isKnown);
    await removeOrphans(node, isKnown);
  }

  async #refresh(): Promise<void> {
    const { node } = this.#options;
    node.objects.retain([...this.#workers.values()].map(({ pod }) => pod));
    for (const worker of this.#workers.values()) {
      try {
        await worker.refreshVolumes();
      } catch (error) {
        node.log.debug({ error, ...keyOf(worker.pod) }, 'volumes could not be refreshed');
      }
    }
  }

  /** Evicts the pods that have written more than they may. One that takes long to measure holds up no other. */
  async checkStorage(): Promise<void> {
    await Promise.all([...this.#workers].map(([uid, worker]) => this.#checkStorageOf(uid, worker)));
  }

  async #checkStorageOf(uid: string, worker: PodWorker): Promise<void> {
    if (this.#measured.has(uid)) return;
    this.#measured.add(uid);
    try {
      await checkStorage(this.#options.node, worker);
    } finally {
      this.#measured.delete(uid);
    }
  }

  #every(periodMs: number, work: () => Promise<void>): void {
    let cancel: () => void = () => undefined;
    const { clock, log } = this.#options.node;
    const next = (): void => {
      if (this.#stopped) return;
      cancel = clock.schedule(periodMs, () => {
        work().then(next, (error: unknown) => {
          log.error({ error }, 'a round over all pods failed');
          next();
        });
      });
    };
    this.#ends.push(() => cancel());
    next();
  }
}

/** What runs already is taken first, the rest by age: as kubelet, which sorts them by creation. */
function inOrderOfAdmission(pods: readonly Pod[], adopted: ReadonlyMap<string, Adopted>): Pod[] {
  const runs = (pod: Pod): boolean => adopted.has(keyOf(pod).uid);
  const createdMs = ({ metadata }: Pod): number => parseTime(metadata.creationTimestamp) ?? 0;
  return [
    ...pods.filter(runs),
    ...pods.filter((pod) => !runs(pod)).toSorted((a, b) => createdMs(a) - createdMs(b)),
  ];
}

function byIdOf(containers: readonly ContainerState[]): ReadonlyMap<string, ContainerState> {
  return new Map(containers.map((container) => [container.id, container]));
}
