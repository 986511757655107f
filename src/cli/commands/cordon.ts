/** `cordon` and `uncordon`. */
import type { Node } from '../../api/types/core.js';
import { findObjects } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { selectorFlag } from '../builder/file-flags.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import type { DryRun } from '../kube/write.js';
import { dryRunFlag, dryRunSuffix, parseDryRun, writeQuery } from '../kube/write.js';

/** The nodes that the words and labels name. @throws CommandLineError */
export async function findNodes(
  session: Session,
  args: readonly string[],
  selector: string | undefined,
  verb: string,
): Promise<Found[]> {
  if (args.length === 0 && selector === undefined) {
    throw new CommandLineError(`USAGE: ${verb} NODE [flags]`);
  }
  if (args.length > 0 && selector !== undefined) {
    throw new CommandLineError('cannot specify both a node name and a --selector option');
  }
  const words = args.some((word) => word.includes('/')) ? args : ['nodes', ...args];
  const found = await findObjects(session, words, { selector });
  for (const { ref } of found) {
    const { group, version, plural } = ref.resource;
    if (group === '' && plural === 'nodes') continue;
    throw new CommandLineError(
      `expected resource of type node, got "${group}/${version}, Resource=${plural}"`,
      { plain: true },
    );
  }
  return found;
}

/** Says whether pods may come to a node, and prints what was done. */
export async function setUnschedulable(
  session: Session,
  { ref, object }: Found,
  unschedulable: boolean,
  dryRun: DryRun,
): Promise<void> {
  const { out } = session.context;
  const is = (object as Node).spec?.unschedulable === true;
  const word = unschedulable ? 'cordoned' : 'uncordoned';
  if (is === unschedulable) {
    out(`node/${ref.name} already ${word}${dryRunSuffix(dryRun)}\n`);
    return;
  }
  if (dryRun !== 'client') {
    await session.kube.json({
      method: 'PATCH',
      path: objectPath(ref),
      contentType: 'application/merge-patch+json',
      query: writeQuery({ dryRun }),
      body: { spec: { unschedulable: unschedulable ? true : null } },
    });
  }
  out(`node/${ref.name} ${word}${dryRunSuffix(dryRun)}\n`);
}

function command(
  name: 'cordon' | 'uncordon',
  summary: string,
  examples: CommandSpec['examples'],
): CommandSpec {
  return defineCommand({
    name,
    summary,
    usage: '(NODE... | -l LABELS)',
    examples,
    flags: { ...selectorFlag, ...dryRunFlag },
    completes: 'nodes',
    run: (invocation) => {
      const { args, flags, context } = invocation;
      const dryRun = parseDryRun(flags['dry-run']);
      return withSession(invocation, async (session) => {
        const found = await findNodes(session, args, flags.selector, name);
        return forEachUnlessRefused(context, found, (node) =>
          setUnschedulable(session, node, name === 'cordon', dryRun),
        );
      });
    },
  });
}

/** `trireme cordon`. */
export const cordonCommand = command('cordon', 'let no more pods come to nodes', [
  ['a node', 'trireme cordon worker-1'],
]);

/** `trireme uncordon`. */
export const uncordonCommand = command('uncordon', 'let pods come to nodes again', [
  ['a node', 'trireme uncordon worker-1'],
]);
