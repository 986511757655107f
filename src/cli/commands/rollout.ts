import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import { delay, systemClock } from '../../lib/clock.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import type { Connection } from '../connection.js';
import { connect } from '../connection.js';
import type { NamedResource } from '../resources.js';
import { displayName, parseTargets } from '../resources.js';
import { renderTable } from '../table.js';
import { parseFlags, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends NamespaceFlags {
  readonly toRevision?: string;
  readonly timeout: string;
}

interface Workload extends KubeObject {
  spec?: {
    replicas?: number;
    paused?: boolean;
    template?: { metadata?: { labels?: Record<string, string> } };
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    readyReplicas?: number;
    conditions?: { type: string; reason?: string }[];
  };
}

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const mergePatch = 'application/merge-patch+json';
const pollMs = 200;

/** `trireme rollout status|history|undo|restart|pause|resume TYPE NAME`. */
export async function runRollout(argv: readonly string[]): Promise<number> {
  const command = addNamespaceFlags(
    new Command('rollout')
      .argument('<action>', 'status, history, undo, restart, pause or resume')
      .argument('<target...>', 'TYPE NAME or TYPE/NAME')
      .option('--to-revision <n>', 'undo: to this one (default: the one before)')
      .option('--timeout <seconds>', 'status: give up after so long', '600'),
  );
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return 0;
  const { options } = parsed;
  const [action = '', ...target] = options.args;
  const [first] = parseTargets(target);
  const name = first?.names[0];
  if (first === undefined || name === undefined) throw new UsageError('name what to roll out');
  const { resource } = first;
  if (resource.kind.group !== 'apps') {
    throw new UsageError(`no rollouts for ${resource.kind.plural}`);
  }
  const connection = await connect(options);
  try {
    const namespace = options.namespace ?? connection.namespace;
    const rollout = new Rollout(connection, resource, namespace, name);
    switch (action) {
      case 'status':
        return await rollout.status(wholeNumber('--timeout', options.timeout, 1, 86_400));
      case 'history':
        return await rollout.history();
      case 'undo':
        return await rollout.undo(
          options.toRevision === undefined
            ? undefined
            : wholeNumber('--to-revision', options.toRevision, 1, 2 ** 31),
        );
      case 'restart':
        return await rollout.restart();
      case 'pause':
        return await rollout.pause(true);
      case 'resume':
        return await rollout.pause(false);
      default:
        throw new UsageError(`unknown action "${action}"`);
    }
  } finally {
    connection.close();
  }
}

class Rollout {
  readonly #connection: Connection;
  readonly #resource: NamedResource;
  readonly #key: { readonly namespace: string; readonly name: string };

  constructor(connection: Connection, resource: NamedResource, namespace: string, name: string) {
    this.#connection = connection;
    this.#resource = resource;
    this.#key = { namespace, name };
  }

  get #displayName(): string {
    return displayName(this.#resource, this.#key.name);
  }

  #get(): Promise<Workload> {
    return this.#connection.api.get<Workload>(this.#resource.id, this.#key);
  }

  async #patch(patch: unknown): Promise<void> {
    await this.#connection.api.patch<Workload>(this.#resource.id, this.#key, mergePatch, patch, {
      fieldManager: 'trireme',
    });
  }

  async status(timeoutSeconds: number): Promise<number> {
    const clock = systemClock();
    const giveUpMs = clock.monotonicMs() + timeoutSeconds * 1000;
    let said = '';
    while (clock.monotonicMs() < giveUpMs) {
      const workload = await this.#get();
      const late = workload.status?.conditions?.some(
        (condition) => condition.reason === 'ProgressDeadlineExceeded',
      );
      if (late === true) {
        process.stderr.write(
          `error: ${this.#resource.kind.singular} "${this.#key.name}" exceeded its progress deadline\n`,
        );
        return 1;
      }
      const waiting = describeProgress(workload);
      if (waiting === undefined) {
        process.stdout.write(
          `${this.#resource.kind.singular} "${this.#key.name}" successfully rolled out\n`,
        );
        return 0;
      }
      if (waiting !== said) process.stdout.write(`${waiting}\n`);
      said = waiting;
      await delay(clock, pollMs);
    }
    process.stderr.write('error: timed out waiting for the rollout\n');
    return 1;
  }

  /** The ReplicaSets of a Deployment by revision, the oldest first. */
  async #revisions(): Promise<{ readonly revision: number; readonly set: Workload }[]> {
    if (this.#resource.kind.plural !== 'deployments') {
      throw new UsageError('history and undo are for deployments');
    }
    const owner = await this.#get();
    const { items } = await this.#connection.api.list<Workload>(resources.replicaSets, {
      namespace: this.#key.namespace,
    });
    return items
      .filter((set) =>
        (set.metadata.ownerReferences ?? []).some((ref) => ref.uid === owner.metadata.uid),
      )
      .map((set) => ({
        revision: Number(set.metadata.annotations?.[revisionAnnotation] ?? 0),
        set,
      }))
      .toSorted((a, b) => a.revision - b.revision);
  }

  async history(): Promise<number> {
    const rows = (await this.#revisions()).map(({ revision, set }) => [
      String(revision),
      set.metadata.annotations?.['kubernetes.io/change-cause'] ?? '<none>',
    ]);
    process.stdout.write(
      `${this.#displayName}\n${renderTable(['REVISION', 'CHANGE-CAUSE'], rows)}`,
    );
    return 0;
  }

  async undo(toRevision: number | undefined): Promise<number> {
    const revisions = await this.#revisions();
    const target =
      toRevision === undefined
        ? revisions.at(-2)
        : revisions.find(({ revision }) => revision === toRevision);
    if (target === undefined) {
      process.stderr.write(
        toRevision === undefined
          ? 'error: no rollout history found\n'
          : `error: unable to find specified revision ${toRevision} in history\n`,
      );
      return 1;
    }
    const template = structuredClone(target.set.spec?.template ?? {});
    delete template.metadata?.labels?.['pod-template-hash'];
    const patch = [{ op: 'replace', path: '/spec/template', value: template }];
    await this.#connection.api.patch<Workload>(
      this.#resource.id,
      this.#key,
      'application/json-patch+json',
      patch,
    );
    process.stdout.write(`${this.#displayName} rolled back\n`);
    return 0;
  }

  async restart(): Promise<number> {
    const now = new Date(systemClock().nowMs()).toISOString();
    const annotations = { 'kubectl.kubernetes.io/restartedAt': now };
    await this.#patch({ spec: { template: { metadata: { annotations } } } });
    process.stdout.write(`${this.#displayName} restarted\n`);
    return 0;
  }

  async pause(paused: boolean): Promise<number> {
    await this.#patch({ spec: { paused: paused ? true : null } });
    process.stdout.write(`${this.#displayName} ${paused ? 'paused' : 'resumed'}\n`);
    return 0;
  }
}

/** What the rollout waits for; undefined when it is done. */
export function describeProgress(workload: Workload): string | undefined {
  const { name, generation } = workload.metadata;
  const status = workload.status ?? {};
  const wanted = workload.spec?.replicas ?? 1;
  if (status.observedGeneration === undefined || status.observedGeneration < (generation ?? 0)) {
    return 'Waiting for the rollout to be seen by its controller...';
  }
  const updated = status.updatedReplicas ?? 0;
  if (updated < wanted) {
    return `Waiting for "${name}" rollout to finish: ${updated} out of ${wanted} new replicas have been updated...`;
  }
  if ((status.replicas ?? 0) > updated) {
    return `Waiting for "${name}" rollout to finish: ${(status.replicas ?? 0) - updated} old replicas are pending termination...`;
  }
  const available = status.availableReplicas ?? status.readyReplicas ?? 0;
  if (available < updated) {
    return `Waiting for "${name}" rollout to finish: ${available} of ${updated} updated replicas are available...`;
  }
  return undefined;
}
