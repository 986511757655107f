import { parseSingle } from '../builder/arguments.js';
import { fetchObject } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { historyOf } from '../../history/history.js';
import { objectAt, versionsMax } from '../../history/past.js';
import { momentValue, revisionAt } from '../history/moment.js';
import { pastOf } from '../history/reader.js';
import { historyTable } from '../history/table.js';
import { displayName } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { parseOutput } from '../print/output.js';
import type { KubeObject } from '../../api/object.js';
import { formatJson } from '../../lib/json.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme history`. */
export const historyCommand = defineCommand({
  name: 'history',
  summary: 'show who changed which field of an object, and when',
  description:
    'It reads the versions of the object that the store still keeps (an hour, unless masters are told otherwise), newest first, and compares each with the one before. Who wrote it comes from its managed fields. Changes of the status alone are left out. The values of Secrets are not shown.',
  usage: '(TYPE NAME | TYPE/NAME)',
  examples: [
    ['of a deployment', 'trireme history deployment/web'],
    ['as it was ten minutes ago, and before', 'trireme history deployment/web --at 10m'],
    ['with what controllers wrote into its status', 'trireme history pod/web-0 --status'],
    ['for another program', 'trireme history configmap/settings -o json'],
  ],
  flags: {
    at: { type: 'text', value: momentValue, help: 'begin there; also for what is deleted by now' },
    limit: { type: 'int', default: 20, value: 'N', help: 'so many versions' },
    status: { type: 'bool', help: 'with changes of the status alone' },
    output: { type: 'text', short: 'o', value: 'FORMAT', help: 'json, or a table' },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length === 0) throw missingResources();
    const format = parseOutput(flags.output, undefined, ['json']);
    return withSession(invocation, async (session) => {
      const ref = await singleRef(session, args);
      const newest = await newestOf(session, ref, flags.at);
      const options = { limit: Math.max(1, flags.limit), status: flags.status ?? false };
      const { entries, leftOut, isCut } = await historyOf(pastOf(session, ref), newest, options);
      if (isCut) {
        context.err(
          `Only its newest ${versionsMax} versions were looked at: --at goes on from one.\n`,
        );
      }
      if (format?.name === 'json') {
        context.out(`${formatJson(entries, 4)}\n`);
        return;
      }
      context.out(historyTable(entries, context.clock.nowMs()));
      if (leftOut > 0) {
        context.err(`${leftOut} more changed its status only: --status shows them.\n`);
      }
    });
  },
});

/** The one object that the words name. */
export async function singleRef(session: Session, words: readonly string[]): Promise<ObjectRef> {
  const { resource, name } = await parseSingle(session.mapper, words);
  return { resource, name, namespace: resource.namespaced ? session.namespace : undefined };
}

async function newestOf(
  session: Session,
  ref: ObjectRef,
  at: string | undefined,
): Promise<KubeObject> {
  if (at === undefined) return fetchObject(session, ref);
  const { revision } = await revisionAt(session, at);
  const found = await objectAt(pastOf(session, ref).list, ref.name, revision);
  if (found !== undefined) return found;
  throw plain(`${displayName(ref.resource, ref.name)} did not exist at revision ${revision}`);
}
