import { createInterface } from 'node:readline';
import { humanDuration } from '../../api/print/duration.js';
import { parseTime } from '../../api/facts/time.js';
import type { KubeObject, OwnerReference } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { missingResources } from '../builder/missing-resources.js';
import { fetchObject } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { changedFields, isStatusOnly } from '../../history/changes.js';
import { changeText } from '../../history/history.js';
import type { RevisionAt } from '../history/moment.js';
import { momentValue, revisionAt, timeOfRevision } from '../history/moment.js';
import { objectAt } from '../../history/past.js';
import { pastOf } from '../history/reader.js';
import { rewound } from '../../history/rewind.js';
import { displayName, objectPath, pathOf } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { writeQuery } from '../kube/write.js';
import { singleRef } from './history.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme rewind`. */
export const rewindCommand = defineCommand({
  name: 'rewind',
  summary: 'make an object what it was at a time or a revision',
  description:
    'It shows which fields would change, after the API server has checked the write without keeping it, and asks. The status is left to the controllers, finalizers and owners stay as they are. An object that is gone is made anew, without owners that are gone. `history` shows the revisions.',
  usage: '(TYPE NAME | TYPE/NAME) --to MOMENT',
  examples: [
    ['as it was ten minutes ago', 'trireme rewind deployment/web --to 10m'],
    ['to a revision of its history', 'trireme rewind configmap/settings --to 1234'],
    ['without asking', 'trireme rewind deployment/web --to 10m --yes'],
    ['only show what would change', 'trireme rewind deployment/web --to 10m --dry-run'],
  ],
  flags: {
    to: { type: 'text', required: true, value: momentValue, help: 'as it was then' },
    yes: { type: 'bool', short: 'y', help: 'do not ask' },
    'dry-run': { type: 'bool', help: 'show what would change, and change nothing' },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length === 0) throw missingResources();
    const to = flags.to ?? '';
    return withSession(invocation, async (session) => {
      const ref = await singleRef(session, args);
      const moment = await momentOf(session, to);
      const old = await objectAt(pastOf(session, ref).list, ref.name, moment.revision);
      const name = displayName(ref.resource, ref.name);
      if (old === undefined) throw plain(`${name} did not exist at revision ${moment.revision}`);
      const present = await presentOf(session, ref);
      if (present?.metadata.deletionTimestamp !== undefined) {
        throw plain(`${name} is being deleted: once it is gone, it can be made anew`);
      }
      const owners = present === undefined ? await ownersOf(session, old) : [];
      const lost = owners.filter(({ isThere }) => !isThere).map(({ owner }) => owner);
      const body = rewound(old, { present, isOwnerThere: (owner) => !lost.includes(owner) });
      const checked = await write(session, ref, { body, present, dryRun: true });
      const changes = present === undefined ? [] : changedFields(present, checked);
      const shown = changes.filter((change) => !isStatusOnly([change]));
      const then = momentText(moment, context.clock.nowMs());
      if (present !== undefined && shown.length === 0) {
        context.out(`${name} is as it was at ${then}\n`);
        return 0;
      }
      const lines =
        present === undefined ? ['it is gone, and is made anew'] : shown.map(changeText);
      lines.push(
        ...lost.map((owner) => `without its owner ${owner.kind} ${owner.name}, which is gone`),
      );
      context.out(`${name} as at ${then}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
      if (flags['dry-run'] === true) return 0;
      if (flags.yes !== true && !(await agrees(context, `Rewind ${name}? (y/N) `))) {
        context.err('Nothing was changed.\n');
        return 1;
      }
      await write(session, ref, { body, present, dryRun: false });
      context.out(`${name} rewound\n`);
      return 0;
    });
  },
});

async function momentOf(session: Session, text: string): Promise<RevisionAt> {
  const moment = await revisionAt(session, text);
  if (moment.time !== undefined) return moment;
  const time = await timeOfRevision(session, moment.revision);
  return time === undefined ? moment : { ...moment, time };
}

function momentText({ revision, time }: RevisionAt, nowMs: number): string {
  const timeMs = parseTime(time);
  const ago = timeMs === undefined ? '' : `, ${humanDuration(nowMs - timeMs)} ago`;
  return `revision ${revision}${ago}`;
}

/** The owners that an object had, and which of them are there. One that may not be read counts as there. */
async function ownersOf(
  { kube, mapper }: Session,
  { metadata }: KubeObject,
): Promise<{ readonly owner: OwnerReference; readonly isThere: boolean }[]> {
  const { namespace } = metadata;
  return Promise.all(
    (metadata.ownerReferences ?? []).map(async (owner) => {
      const resource = await mapper.findKind(owner.apiVersion, owner.kind);
      if (resource === undefined) return { owner, isThere: false };
      const where = resource.namespaced ? { namespace } : {};
      const path = pathOf(resource, { ...where, name: owner.name });
      try {
        const found = await kube.json<KubeObject>({ path });
        return { owner, isThere: found.metadata.uid === owner.uid };
      } catch (error) {
        if (isApiError(error, 'NotFound')) return { owner, isThere: false };
        if (isApiError(error, 'Forbidden')) return { owner, isThere: true };
        throw error;
      }
    }),
  );
}

async function presentOf(session: Session, ref: ObjectRef): Promise<KubeObject | undefined> {
  return fetchObject(session, ref).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
}

function write(
  { kube }: Session,
  ref: ObjectRef,
  options: {
    readonly body: KubeObject;
    readonly present: KubeObject | undefined;
    readonly dryRun: boolean;
  },
): Promise<KubeObject> {
  const { body, present, dryRun } = options;
  const { resource, namespace } = ref;
  return kube.json<KubeObject>({
    method: present === undefined ? 'POST' : 'PUT',
    path: present === undefined ? pathOf(resource, { namespace }) : objectPath(ref),
    query: writeQuery({ dryRun: dryRun ? 'server' : 'none' }),
    body,
  });
}

/** Asks on standard error; what cannot be read is a no. */
async function agrees(context: CommandContext, question: string): Promise<boolean> {
  context.err(question);
  const lines = createInterface({ input: context.input() });
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  } finally {
    lines.close();
  }
}
