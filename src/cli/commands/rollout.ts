import { cloneJson } from '../../api/clone.js';
import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/types/workloads.js';
import { Command } from 'commander';
import { delay } from '../../lib/clock.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import type { Connection } from '../connection.js';
import type { NamedResource } from '../resources.js';
import type { RolloutProgress } from '../rollout-progress.js';
import { daemonSetProgress, deploymentProgress, statefulSetProgress } from '../rollout-progress.js';
import { displayName, parseTargets } from '../resources.js';
import { renderTable } from '../table.js';
import { parseFlags, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';

interface Flags extends NamespaceFlags {
  readonly toRevision?: string;
  readonly timeout: string;
}

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const mergePatch = 'application/merge-patch+json';
const pollMs = 200;

/** `trireme rollout status|history|undo|restart|pause|resume TYPE NAME`. */
export async function runRollout(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('rollout')
      .argument('<action>', 'status, history, undo, restart, pause or resume')
      .argument('<target...>', 'TYPE NAME or TYPE/NAME')
      .option('--to-revision <n>', 'undo: the revision to return to (default: the previous one)')
      .option('--timeout <seconds>', 'status: give up after so many seconds', '600'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
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
  const connection = await context.connect(options);
  try {
    const namespace = options.namespace ?? connection.namespace;
    const rollout = new Rollout(context, connection, resource, { namespace, name });
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
  readonly #context: CommandContext;
  readonly #connection: Connection;
  readonly #resource: NamedResource;
  readonly #key: { readonly namespace: string; readonly name: string };

  constructor(
    context: CommandContext,
    connection: Connection,
    resource: NamedResource,
    key: { readonly namespace: string; readonly name: string },
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#resource = resource;
    this.#key = key;
  }

  get #displayName(): string {
    return displayName(this.#resource, this.#key.name);
  }

  #get(): Promise<KubeObject> {
    return this.#connection.api.get<KubeObject>(this.#resource.id, this.#key);
  }

  async #patch(patch: unknown): Promise<void> {
    await this.#connection.api.patch<KubeObject>(this.#resource.id, this.#key, mergePatch, patch, {
      fieldManager: 'trireme',
    });
  }

  async status(timeoutSeconds: number): Promise<number> {
    const { clock } = this.#context;
    const giveUpMs = clock.monotonicMs() + timeoutSeconds * 1000;
    let said = '';
    while (clock.monotonicMs() < giveUpMs) {
      const { state, text } = await this.#progress();
      if (state === 'failed') {
        this.#context.err(`error: ${text}\n`);
        return 1;
      }
      if (text !== said) this.#context.out(`${text}\n`);
      if (state === 'done') return 0;
      said = text;
      await delay(clock, pollMs);
    }
    this.#context.err('error: timed out waiting for the rollout\n');
    return 1;
  }

  async #progress(): Promise<RolloutProgress> {
    const { api } = this.#connection;
    const { id, kind } = this.#resource;
    switch (kind.plural) {
      case 'deployments':
        return deploymentProgress(await api.get<Deployment>(id, this.#key));
      case 'daemonsets':
        return daemonSetProgress(await api.get<DaemonSet>(id, this.#key));
      case 'statefulsets':
        return statefulSetProgress(await api.get<StatefulSet>(id, this.#key));
      default:
        throw new UsageError(`no status viewer for ${kind.plural}`);
    }
  }

  /** The ReplicaSets of a Deployment by revision, the oldest first. */
  async #revisions(): Promise<{ readonly revision: number; readonly set: ReplicaSet }[]> {
    if (this.#resource.kind.plural !== 'deployments') {
      throw new UsageError('history and undo are for deployments');
    }
    const owner = await this.#get();
    const { items } = await this.#connection.api.list<ReplicaSet>(resources.replicaSets, {
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
    this.#context.out(`${this.#displayName}\n${renderTable(['REVISION', 'CHANGE-CAUSE'], rows)}`);
    return 0;
  }

  async undo(toRevision: number | undefined): Promise<number> {
    const revisions = await this.#revisions();
    const target =
      toRevision === undefined
        ? revisions.at(-2)
        : revisions.find(({ revision }) => revision === toRevision);
    if (target === undefined) {
      this.#context.err(
        toRevision === undefined
          ? 'error: no rollout history found\n'
          : `error: unable to find specified revision ${toRevision} in history\n`,
      );
      return 1;
    }
    const template = cloneJson(target.set.spec?.template ?? {});
    delete template.metadata?.labels?.['pod-template-hash'];
    const patch = [{ op: 'replace', path: '/spec/template', value: template }];
    await this.#connection.api.patch<KubeObject>(
      this.#resource.id,
      this.#key,
      'application/json-patch+json',
      patch,
    );
    this.#context.out(`${this.#displayName} rolled back\n`);
    return 0;
  }

  async restart(): Promise<number> {
    const now = new Date(this.#context.clock.nowMs()).toISOString();
    const annotations = { 'kubectl.kubernetes.io/restartedAt': now };
    await this.#patch({ spec: { template: { metadata: { annotations } } } });
    this.#context.out(`${this.#displayName} restarted\n`);
    return 0;
  }

  async pause(paused: boolean): Promise<number> {
    await this.#patch({ spec: { paused: paused ? true : null } });
    this.#context.out(`${this.#displayName} ${paused ? 'paused' : 'resumed'}\n`);
    return 0;
  }
}
