import { cloneJson } from '../../api/clone.js';
import type { KubeObject } from '../../api/object.js';
import { decodeValue } from '../../api/schema/decode.js';
import type { RoleBinding } from '../../api/types/policy.js';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import { fileFlags } from '../builder/file-flags.js';
import { hasFiles, placeObject, readManifests } from '../builder/objects.js';
import { CommandLineError, Exit } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { builtInOf } from '../kube/built-in-resources.js';
import { objectPath, pathOf } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { dryRunFlag, parseDryRun, resultPrinter, writeQuery } from '../kube/write.js';
import type { DryRun } from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import { planBinding, planRole, planWords } from '../reconcile/plan.js';
import type { Extras, Plan } from '../reconcile/plan.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const rbacGroup = 'rbac.authorization.k8s.io';
const query = writeQuery({});
/** An object that comes and goes while it is reconciled is left after so many looks. */
const attemptsMax = 4;

/** `trireme auth reconcile`. */
export const reconcileCommand = defineCommand({
  name: 'reconcile',
  summary: 'give roles and bindings what files say they must have',
  description:
    'Roles get the permissions that they lack, whichever rules these stand in, and bindings the subjects; what is not there is made, and its namespace. Objects of other kinds are passed over.',
  usage: '-f FILE',
  examples: [
    ['add what is missing', 'trireme auth reconcile -f roles.yaml'],
    ['say what would be done', 'trireme auth reconcile -f roles.yaml --dry-run=client'],
    [
      'nothing more than the file says',
      'trireme auth reconcile -f roles.yaml --remove-extra-permissions --remove-extra-subjects',
    ],
  ],
  flags: {
    ...fileFlags,
    ...outputFlags,
    ...dryRunFlag,
    'remove-extra-permissions': { type: 'bool', help: 'take from roles what the file has not' },
    'remove-extra-subjects': { type: 'bool', help: 'take from bindings whom the file has not' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (!hasFiles(flags)) throw plain('must specify one of -f and -k');
    if (args.length > 0) throw plain('no arguments are allowed');
    const dryRun = dryRunOf(flags['dry-run']);
    const extras: Extras = {
      removePermissions: flags['remove-extra-permissions'] === true,
      removeSubjects: flags['remove-extra-subjects'] === true,
    };
    const print = resultPrinter(context, flags, dryRun);
    return withSession(invocation, async (session) => {
      const failures: unknown[] = [];
      for (const { object, source } of await readManifests(context, flags)) {
        try {
          const wanted = await decode(object, source);
          if (wanted === undefined) continue;
          const ref = await placeObject(session, wanted, source);
          const plan = await reconcile(session, ref, wanted, { extras, dryRun });
          await print('reconciled', ref, plan.object);
          context.err(planWords(plan, extras));
        } catch (error) {
          if (!isApiError(error) && !(error instanceof CommandLineError)) throw error;
          failures.push(error);
        }
      }
      return tell(session, failures);
    });
  },
});

/** @throws CommandLineError in kubectl's words */
function dryRunOf(text: string): DryRun {
  let dryRun: DryRun;
  try {
    dryRun = parseDryRun(text);
  } catch (error) {
    throw plain(`error accessing --dry-run flag for command reconcile: ${errorMessage(error)}`);
  }
  if (dryRun !== 'server') return dryRun;
  throw plain('--dry-run=server for command reconcile is not supported yet');
}

/** Says all failures, of several without the details that one alone is told with, as kubectl. */
function tell({ context }: Session, failures: readonly unknown[]): number {
  const [first] = failures;
  if (failures.length === 1) throw first;
  if (failures.length === 0) return 0;
  for (const error of failures) {
    const head = isApiError(error) ? `Error from server (${error.reason}): ` : '';
    context.err(`${head}${errorMessage(error)}\n`);
  }
  throw new Exit(1);
}

/** The object with defaults as the server sets them, or undefined for what is not reconciled. */
async function decode(object: KubeObject, source: string): Promise<KubeObject | undefined> {
  const { apiVersion = '', kind: name = '' } = object;
  const [group, version = ''] = apiVersion.split('/');
  if (group !== rbacGroup || builtInOf(`${rbacGroup}/v1`, name) === undefined) return undefined;
  if (version !== 'v1') {
    throw plain(`only ${rbacGroup}/v1 is supported: not *${version}.${name}`);
  }
  const kinds = await import('../../api/rbac/kinds.js');
  const kind = Object.values(kinds).find((one) => one.kind === name);
  if (kind === undefined) return undefined;
  let decoded: KubeObject;
  try {
    decoded = decodeValue(kind.schema, object).value as KubeObject;
  } catch (error) {
    throw plain(`unable to decode "${source}": ${errorMessage(error)}`);
  }
  kind.setDefaults?.(decoded);
  return decoded;
}

interface Options {
  readonly extras: Extras;
  readonly dryRun: DryRun;
}

/** Looks, decides and writes; what was changed meanwhile is looked at again. @throws ApiError of a refusal */
async function reconcile(
  session: Session,
  ref: ObjectRef,
  wanted: KubeObject,
  { extras, dryRun }: Options,
): Promise<Plan<KubeObject>> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const existing = await present(session, ref);
    const plan: Plan<KubeObject> = ref.resource.kind.endsWith('Binding')
      ? planBinding(existing as RoleBinding | undefined, wanted as RoleBinding, extras)
      : planRole(existing, wanted, extras);
    if (plan.isProtected || dryRun === 'client') return plan;
    const written = await carryOut(session, ref, plan, existing);
    if (written !== undefined) return { ...plan, object: written };
  }
  throw plain('exceeded maximum attempts');
}

async function present({ kube }: Session, ref: ObjectRef): Promise<KubeObject | undefined> {
  try {
    return await kube.json<KubeObject>({ path: objectPath(ref) });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** @returns what is stored, or undefined where somebody else made or deleted the object meanwhile */
async function carryOut(
  session: Session,
  ref: ObjectRef,
  { operation, object }: Plan<KubeObject>,
  existing: KubeObject | undefined,
): Promise<KubeObject | undefined> {
  const { kube } = session;
  const path = objectPath(ref);
  if (operation === 'none') return object;
  if (operation === 'update') {
    return unless('NotFound', kube.json({ method: 'PUT', path, query, body: cloneJson(object) }));
  }
  if (operation === 'recreate') {
    const body = { preconditions: { uid: existing?.metadata.uid } };
    try {
      await kube.json({ method: 'DELETE', path, body });
    } catch (error) {
      if (isApiError(error, 'Conflict')) return undefined;
      if (!isApiError(error, 'NotFound')) throw error;
    }
  } else if (ref.namespace !== undefined) await ensureNamespace(session, ref.namespace);
  const where = pathOf(ref.resource, { namespace: ref.namespace });
  return unless('AlreadyExists', kube.json({ method: 'POST', path: where, query, body: object }));
}

async function unless<T>(reason: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isApiError(error, reason)) return undefined;
    throw error;
  }
}

/** Makes the namespace if it is not there; who may neither look nor make it is told by what comes after. */
async function ensureNamespace({ kube }: Session, name: string): Promise<void> {
  const path = '/api/v1/namespaces';
  const isPassedOver = (error: unknown, reason: string): boolean =>
    isApiError(error, reason) || isApiError(error, 'Forbidden');
  try {
    await kube.json({ path: `${path}/${encodeURIComponent(name)}` });
    return;
  } catch (error) {
    if (!isPassedOver(error, 'NotFound')) throw error;
  }
  try {
    await kube.json({
      method: 'POST',
      path,
      query,
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    });
  } catch (error) {
    if (!isPassedOver(error, 'AlreadyExists')) throw error;
  }
}
