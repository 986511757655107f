import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { parseSelections } from '../builder/arguments.js';
import {
  allNamespacesFlag,
  fieldSelectorFlag,
  fileFlags,
  selectorFlag,
} from '../builder/file-flags.js';
import { hasFiles, listObjects, mayNotNameBoth, readFiles } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { mustBeOneFile, sendRaw } from '../kube/raw-request.js';
import { objectPath, typeName } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitGone } from '../kube/wait-gone.js';
import type { DryRun } from '../kube/write.js';
import { dryRunFlag, dryRunSuffix, parseDryRun } from '../kube/write.js';

const flags = {
  ...fileFlags,
  ...selectorFlag,
  ...fieldSelectorFlag,
  ...allNamespacesFlag,
  ...dryRunFlag,
  all: { type: 'bool', help: 'all objects of the type in the namespace' },
  cascade: {
    type: 'text',
    default: 'background',
    bare: 'background',
    value: 'background|foreground|orphan',
    help: 'what happens to the objects that it owns',
  },
  'grace-period': {
    type: 'int',
    default: -1,
    value: 'SECONDS',
    help: 'time to end for pods; -1 is their own, 1 at once, 0 only with --force',
  },
  force: { type: 'bool', help: 'remove from the API at once, without waiting for the node' },
  now: { type: 'bool', help: 'as --grace-period=1' },
  wait: { type: 'bool', default: true, help: 'wait until they are gone' },
  timeout: {
    type: 'text',
    default: '0s',
    value: 'DURATION',
    help: 'how long to wait; 0 is without a bound',
  },
  'ignore-not-found': { type: 'bool', help: 'what is not there is no failure' },
  raw: { type: 'text', value: 'PATH', help: 'DELETE this path; a file is the body, as it is' },
  output: { type: 'text', short: 'o', value: 'name', help: 'name: only TYPE/NAME' },
} as const;

/** `trireme delete`. */
export const deleteCommand = defineCommand({
  name: 'delete',
  summary: 'delete objects, and wait until they are gone',
  usage: '(TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | TYPE --all | -f FILE)',
  examples: [
    ['a pod', 'trireme delete pod web-0'],
    ['what a file names', 'trireme delete -f web.yaml'],
    ['all pods with a label', 'trireme delete pods -l app=web'],
    ['at once, without waiting for its node', 'trireme delete pod web-0 --force --grace-period=0'],
    ['a deployment, but not its pods', 'trireme delete deployment web --cascade=orphan'],
  ],
  flags,
  completes: 'targets',
  run: runDelete,
});

type Delete = Invocation<typeof flags>;
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const policies = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' } as const;

async function runDelete(invocation: Delete): Promise<number> {
  const { flags, context } = invocation;
  if (flags.raw !== undefined) {
    mustBeOneFile(flags, { isNeeded: false });
    return sendRaw(invocation, 'DELETE', flags.raw, flags.filename[0]);
  }
  if (!Object.hasOwn(policies, flags.cascade)) {
    throw plain(
      `invalid cascade value (${flags.cascade}). Must be "background", "foreground", or "orphan"`,
    );
  }
  const dryRun = parseDryRun(flags['dry-run']);
  const grace = graceOf(flags);
  if (flags.output !== undefined && flags.output !== 'name') {
    throw plain(`unexpected -o output mode: ${flags.output}. We only support '-o name'`);
  }
  mayNotNameBoth(invocation.args, flags);
  return withSession(invocation, async (session) => {
    const { refs, code, sources } = await chooseRefs(session, invocation);
    if (refs.length === 0) {
      if (code === 0) context.out('No resources found\n');
      return code;
    }
    const force = flags.force === true && grace === 0;
    if (force) {
      context.err(
        'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n',
      );
    }
    const waiting: { ref: ObjectRef; uid: string }[] = [];
    const act = async (ref: ObjectRef): Promise<void> => {
      const uid = await deleteOne(session, ref, flags, grace, dryRun);
      if (uid === undefined) return;
      waiting.push({ ref, uid });
      const word = force ? 'force deleted' : 'deleted';
      context.out(
        flags.output === 'name'
          ? `${typeName(ref.resource)}/${ref.name}\n`
          : `${typeName(ref.resource)} "${ref.name}" ${word}${dryRunSuffix(dryRun)}\n`,
      );
    };
    const refused = await forEachUnlessRefused(context, refs, act, (ref) => {
      const source = sources.get(ref);
      return source === undefined ? '' : `error when deleting "${source}": `;
    });
    // Objects that are orphaned or force deleted are gone, or somebody else's work.
    if (flags.wait && dryRun === 'none' && !force) await waitAll(session, waiting, flags.timeout);
    return Math.max(code, refused);
  });
}

/** Undefined: the object's own. @throws CommandLineError in kubectl's words */
function graceOf(flags: Delete['flags']): number | undefined {
  const grace = flags['grace-period'];
  if (flags.now === true) {
    if (grace !== -1) throw plain('--now and --grace-period cannot be specified together');
    if (flags.force === true) {
      throw plain('--force and --grace-period greater than 0 cannot be specified together');
    }
    return 1;
  }
  if (flags.force === true && grace < 0) return 0;
  if (flags.force === true && grace > 0) {
    throw plain('--force and --grace-period greater than 0 cannot be specified together');
  }
  // Zero without --force would leave what runs without a record: as soon as may be, instead.
  if (grace === 0 && flags.force !== true) return 1;
  return grace < 0 ? undefined : grace;
}

async function chooseRefs(
  session: Session,
  { args, flags, context }: Delete,
): Promise<{ refs: ObjectRef[]; code: number; sources: ReadonlyMap<ObjectRef, string> }> {
  if (hasFiles(flags)) {
    const files = await readFiles(session, flags);
    const sources = new Map(files.map(({ ref, source }) => [ref, source]));
    return { refs: [...sources.keys()], code: 0, sources };
  }
  const isSelected = flags.selector !== undefined || flags['field-selector'] !== undefined;
  if (args.length === 0) {
    throw flags.all === true || isSelected
      ? plain('at least one resource must be specified to use a selector')
      : missingResources();
  }
  if (flags.all === true && isSelected) {
    throw plain("setting 'all' parameter but found a non empty selector. ");
  }
  const chosen =
    flags.all === true || flags.selector !== undefined || flags['field-selector'] !== undefined;
  const refs: ObjectRef[] = [];
  let code = 0;
  for (const { resource, names } of await parseSelections(session.mapper, args)) {
    const everywhere = flags['all-namespaces'] === true;
    const namespace = resource.namespaced && !everywhere ? session.namespace : undefined;
    if (names.length > 0) {
      if (chosen) {
        throw plain('name cannot be provided when a selector is specified');
      }
      for (const name of names) refs.push({ resource, namespace, name });
      continue;
    }
    if (!chosen) throw plain('resource(s) were provided, but no name was specified');
    const objects = await listObjects(session, resource, {
      namespace,
      labelSelector: flags.selector,
      fieldSelector: flags['field-selector'],
    }).catch((error: unknown) => {
      if (!isApiError(error)) throw error;
      context.err(`${error.message}\n`);
      code = 1;
      return [];
    });
    for (const { metadata } of objects) {
      refs.push({ resource, namespace: metadata.namespace, name: metadata.name });
    }
  }
  return { refs, code, sources: new Map() };
}

/** @returns the object's uid; undefined when it was not there and that is no failure */
async function deleteOne(
  { kube }: Session,
  ref: ObjectRef,
  flags: Delete['flags'],
  grace: number | undefined,
  dryRun: DryRun,
): Promise<string | undefined> {
  const path = objectPath(ref);
  try {
    if (dryRun === 'client') return (await kube.json<KubeObject>({ path })).metadata.uid ?? '';
    const answer = await kube.json<KubeObject & { details?: { uid?: string } }>({
      method: 'DELETE',
      path,
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: policies[flags.cascade as keyof typeof policies],
        gracePeriodSeconds: grace,
        ...(dryRun === 'server' ? { dryRun: ['All'] } : {}),
      },
    });
    return answer.details?.uid ?? answer.metadata?.uid ?? '';
  } catch (error) {
    if (flags['ignore-not-found'] === true && isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function waitAll(
  session: Session,
  waiting: readonly { readonly ref: ObjectRef; readonly uid: string }[],
  timeout: string,
): Promise<void> {
  const { clock } = session.context;
  const timeoutMs = goDurationMs(timeout);
  const endMs = clock.monotonicMs() + timeoutMs;
  for (const { ref, uid } of waiting) {
    const leftMs = timeoutMs === 0 ? 0 : Math.max(1, endMs - clock.monotonicMs());
    const gone = await waitGone(session, ref, uid, leftMs).catch((error: unknown) => {
      // Who may not look has to believe.
      if (isApiError(error, 'Forbidden') || isApiError(error, 'NotFound')) return true;
      throw error;
    });
    if (!gone) {
      throw plain(`timed out waiting for the condition on ${ref.resource.plural}/${ref.name}`);
    }
  }
}
