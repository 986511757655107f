import { formatJson } from '../../../lib/json.js';
import type { FieldError } from '../../../api/field-error.js';
import { invalid, notSupported } from '../../../api/field-error.js';
import { GoSyntax, goStrings } from '../../../api/go-text/syntax.js';
import { isJsonObject } from '../../../api/object.js';
import type { DeleteOptions } from './deleter.js';
import { jsonType } from '../../../api/schema/decode.js';
import { badRequest, invalidObject } from '../status.js';

const policies = ['Foreground', 'Background', 'Orphan'];

function refuse(errors: readonly FieldError[]): never {
  throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, errors);
}

/** Options that a caller may give beside the `DeleteOptions`, as texts. */
export interface DeleteParameters {
  readonly gracePeriodSeconds?: string | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly orphanDependents?: string | undefined;
  readonly dryRun?: readonly string[] | undefined;
}

/**
 * Reads `DeleteOptions`. Those of the query count only where there is no body, as in Kubernetes; but whoever asks for a
 * dry run in either gets one, since the other error cannot be undone.
 * @throws StatusError BadRequest, Invalid
 */
export function readDeleteOptions(body: unknown, given: DeleteParameters = {}): DeleteOptions {
  const source: Record<string, unknown> = isJsonObject(body)
    ? body
    : body === undefined
      ? { ...given }
      : unreadable(body);
  checkKind(source);
  const conditions = preconditionsOf(source);
  const grace = source['gracePeriodSeconds'] ?? undefined;
  const policy = source['propagationPolicy'] ?? undefined;
  const orphan = source['orphanDependents'] ?? undefined;
  if (policy !== undefined && orphan !== undefined) {
    const both = 'orphanDependents and deletionPropagation cannot be both set';
    refuse([invalid('propagationPolicy', policy, both)]);
  }
  if (policy !== undefined && !policies.includes(text(policy))) {
    refuse([notSupported('propagationPolicy', policy, [...policies, 'nil'])]);
  }
  const seconds =
    grace === undefined ? undefined : Math.min(Number(grace), Number.MAX_SAFE_INTEGER);
  if (seconds !== undefined && !Number.isInteger(seconds)) {
    const why = `strconv.ParseInt: parsing ${formatJson(grace)}: invalid syntax`;
    const type = Array.isArray(grace)
      ? 'array'
      : typeof grace === 'number'
        ? `number ${grace}`
        : typeof grace;
    const field = `json: cannot unmarshal ${type} into Go struct field DeleteOptions.gracePeriodSeconds of type int64`;
    throw badRequest(body === undefined ? why : field);
  }
  const dry = Array.isArray(source['dryRun']) ? source['dryRun'] : (given.dryRun ?? []);
  if (dry.some((value) => value !== 'All'))
    refuse([notSupported('dryRun', new GoSyntax(goStrings(dry)), ['All'])]);
  return {
    gracePeriodSeconds: seconds,
    propagationPolicy: policy === undefined ? undefined : text(policy),
    orphanDependents: orphan === undefined ? undefined : text(orphan) === 'true',
    uid: textField(conditions, 'uid'),
    resourceVersion: textField(conditions, 'resourceVersion'),
    dryRun: dry.includes('All'),
  };
}

/** A body that is no object says nothing of what is to go: nothing goes. @throws StatusError BadRequest */
function unreadable(body: unknown): never {
  const reading =
    '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  throw badRequest(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonType(body)} ` +
      `into Go value of type struct ${reading}`,
  );
}

/** What the object must be like. @throws StatusError BadRequest for what cannot be read, which would count as none */
function preconditionsOf(source: Record<string, unknown>): Record<string, unknown> {
  const given = source['preconditions'] ?? {};
  if (!isJsonObject(given)) {
    const text = `json: cannot unmarshal ${jsonType(given)} into Go struct field DeleteOptions.preconditions`;
    throw badRequest(`${text} of type v1.Preconditions`);
  }
  for (const [name, type] of Object.entries(conditionTypes)) {
    const value = given[name] ?? '';
    if (typeof value === 'string') continue;
    const text = `json: cannot unmarshal ${jsonType(value)} into Go struct field Preconditions.preconditions`;
    throw badRequest(`${text}.${name} of type ${type}`);
  }
  return given;
}

const conditionTypes = { uid: 'types.UID', resourceVersion: 'string' } as const;

/** Refuses an object of another kind; the version is of no account, as DeleteOptions are known in every group. */
function checkKind({ kind, apiVersion }: Record<string, unknown>): void {
  if (typeof kind !== 'string' || kind === '' || kind === 'DeleteOptions') return;
  const version = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : 'v1';
  throw badRequest(
    `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(version)}`,
  );
}

function textField(source: Record<string, unknown>, name: string): string | undefined {
  const value = source[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A scalar as text; anything else as JSON. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : formatJson(value);
}
