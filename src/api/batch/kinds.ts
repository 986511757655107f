/** Job and CronJob. */
import { parseSchedule } from '../../lib/schedule.js';
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isWellFormed } from '../apps/validation.js';
import { setPodSpecDefaults } from '../core/pod-defaults.js';
import { templateColumns } from '../core/pod.js';
import { templateWarnings } from '../core/pod-warnings.js';
import { validatePodTemplate } from '../core/pod-validation.js';
import { compileSelector, formatSelector } from '../facts/selectors.js';
import { GoSyntax, goLabelSelector, goStringMap } from '../go-text/syntax.js';
import { ageColumn, column, nameColumn, since, wide } from '../print/columns.js';
import { humanDuration } from '../print/duration.js';
import type { CronJob, Job } from '../types/workloads.js';
import { cronJobSchema, jobSchema } from './schemas.js';
import { jobFieldErrors } from './job-validation.js';
import { jobStatusErrors } from './status-validation.js';

const batch = { group: 'batch', version: 'v1', categories: ['all'], hasGeneration: true } as const;

function setJobSpecDefaults(spec: Job['spec']): void {
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1;
    spec.parallelism = 1;
  }
  spec.parallelism ??= 1;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.podReplacementPolicy ??=
    spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  setPodSpecDefaults(spec.template?.spec);
}

function generatedLabels(uid: string, name: string): Record<string, string> {
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

/** A job's labels and selector come from its uid, unless it has a manual selector. */
function makeSelector(job: Job): void {
  if (job.spec.manualSelector === true) return;
  const { uid, name } = job.metadata;
  const given: Partial<Job['spec']> = job.spec;
  const { template } = given;
  if (uid === undefined || uid === '' || template === undefined) return;
  const labels = template.metadata?.labels ?? {};
  // The user's own stay, and are refused where they say something else.
  for (const [label, value] of Object.entries(generatedLabels(uid, name))) labels[label] ??= value;
  template.metadata = { ...template.metadata, labels };
  if (Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels };
  job.spec.selector = {
    ...job.spec.selector,
    matchLabels: {
      'batch.kubernetes.io/controller-uid': uid,
      ...job.spec.selector?.matchLabels,
    },
  };
}

function validateJobSpec(spec: Job['spec'], path: FieldPath, errors: FieldError[]): void {
  errors.push(...jobFieldErrors(spec, path));
  validatePodTemplate(spec.template, child(path, 'template'), errors);
  const policy = spec.template?.spec?.restartPolicy ?? 'Always';
  const policyPath = child(path, 'template.spec.restartPolicy');
  if (policy === 'Always') {
    errors.push(required(policyPath, 'valid values: "OnFailure", "Never"'));
  } else if (policy !== 'OnFailure' && policy !== 'Never') {
    errors.push(notSupported(policyPath, policy, ['OnFailure', 'Never']));
  } else if (spec.podFailurePolicy !== undefined && policy !== 'Never') {
    const text = 'only "Never" is supported when podFailurePolicy is specified';
    errors.push(invalid(policyPath, policy, text));
  }
}

/** The order in which Kubernetes looks at them. */
const generatedNames = [
  'controller-uid',
  'job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
] as const;

/** A stored job whose template lacks the newer names may go on without them. */
function wantedLabels(
  all: Readonly<Record<string, string>>,
  old: Job | undefined,
): Readonly<Record<string, string>> {
  const labels = old?.spec.template?.metadata?.labels ?? {};
  const newer = generatedNames.filter((name) => name.startsWith('batch.'));
  if (old === undefined || newer.every((name) => name in labels)) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith('batch.')));
}

/** The template has each of the labels that are made for it, with no other value. */
function labelErrors(
  labels: Readonly<Record<string, string>>,
  generated: Readonly<Record<string, string>>,
): FieldError[] {
  return generatedNames
    .filter((name) => name in generated && labels[name] !== generated[name])
    .map((name) => {
      const path = `spec.template.metadata.labels[${name}]`;
      const text = `must be '${generated[name] ?? ''}'`;
      if (labels[name] === undefined) return required(path, text);
      return invalid(path, new GoSyntax(goStringMap(labels)), text);
    });
}

/** The selector of a new job is made, unless it is the user's own; the job's pods have its labels. */
function checkSelector({ metadata, spec }: Job, old: Job | undefined, errors: FieldError[]): void {
  const { selector, template, manualSelector } = spec;
  // What is wrong with the selector itself is said elsewhere.
  const isLacking = selector === undefined && manualSelector !== true;
  if (isLacking || !isWellFormed(selector)) return;
  const matches = selector === undefined ? (): boolean => false : compileSelector(selector);
  const { uid = '', name } = metadata;
  const labels = template?.metadata?.labels ?? {};
  if (selector !== undefined && manualSelector !== true) {
    const generated = wantedLabels(generatedLabels(uid, name), old);
    errors.push(...labelErrors(labels, generated));
    if (!matches(generated)) {
      const shown = goLabelSelector(selector);
      errors.push(invalid('spec.selector', shown, '`selector` not auto-generated'));
    }
  }
  if (!matches(labels)) {
    const text = '`selector` does not match template `labels`';
    const shown = new GoSyntax(goStringMap(template?.metadata?.labels));
    errors.push(invalid('spec.template.metadata.labels', shown, text));
  }
}

function validateJobUpdate(next: Job, old: Job): FieldError[] {
  const errors: FieldError[] = [];
  const [now, before] = [next.spec, old.spec];
  const isSuspended = before.suspend === true && old.status?.startTime === undefined;
  const templateNow = isSuspended ? withoutScheduling(now) : now.template;
  const templateBefore = isSuspended ? withoutScheduling(before) : before.template;
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['selector', now.selector, before.selector],
    ['template', templateNow, templateBefore],
    ['completionMode', now.completionMode, before.completionMode],
    ['podFailurePolicy', now.podFailurePolicy, before.podFailurePolicy],
    ['backoffLimitPerIndex', now.backoffLimitPerIndex, before.backoffLimitPerIndex],
    ['managedBy', now.managedBy, before.managedBy],
    ['successPolicy', now.successPolicy, before.successPolicy],
  ];
  const isElastic =
    now.completionMode === 'Indexed' &&
    now.completions === now.parallelism &&
    before.completions === before.parallelism;
  if (now.completions !== before.completions && !isElastic) {
    errors.push(invalid('spec.completions', now.completions ?? null, 'field is immutable'));
  }
  for (const [name, a, b] of fixed) {
    const shown = name === 'selector' ? goLabelSelector(a) : name === 'template' ? (a ?? {}) : a;
    if (!semanticEqual(a, b)) errors.push(invalid(`spec.${name}`, shown, 'field is immutable'));
  }
  return errors;
}

/** A suspended job may change where its pods run. */
function withoutScheduling(spec: Partial<Job['spec']>): unknown {
  if (spec.template === undefined) return undefined;
  const { metadata, spec: pod } = spec.template;
  return {
    metadata: { ...metadata, labels: undefined, annotations: undefined },
    spec: {
      ...pod,
      nodeSelector: undefined,
      affinity: undefined,
      tolerations: undefined,
      schedulingGates: undefined,
    },
  };
}

function jobStatus(job: Job): string {
  const has = (type: string): boolean =>
    job.status?.conditions?.some((item) => item.type === type && item.status === 'True') === true;
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  if (has('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function jobCompletions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function jobDuration({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const end = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(end - Date.parse(status.startTime));
}

const jobCells = templateColumns<Job>((job) => job.spec.template);

/** Job. */
export const jobKind = defineKind<Job>({
  ...batch,
  kind: 'Job',
  validateStatus: jobStatusErrors,
  plural: 'jobs',
  schema: jobSchema,
  defaultPropagation: 'Orphan',
  podSpec: ({ spec }) => spec?.template?.spec,
  warnings: templateWarnings<Job>('spec.template', ({ spec }) => spec.template, { names: true }),
  setDefaults: ({ metadata, spec }) => {
    setJobSpecDefaults(spec);
    spec.manualSelector ??= false;
    const labels = spec.template?.metadata?.labels;
    // The very same, as in Kubernetes: what is added to the template's becomes the job's as well.
    if (metadata.labels === undefined && labels !== undefined) metadata.labels = labels;
  },
  prepareCreate: makeSelector,
  validate: (job, old) => {
    const errors: FieldError[] = [];
    if (job.spec.manualSelector === true && job.spec.selector === undefined) {
      errors.push(required('spec.selector'));
    }
    validateJobSpec(job.spec, 'spec', errors);
    checkSelector(job, old, errors);
    return errors;
  },
  validateUpdate: validateJobUpdate,
  fields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  columns: [
    nameColumn,
    column<Job>('Status', jobStatus),
    column<Job>('Completions', jobCompletions),
    column<Job>('Duration', jobDuration),
    ageColumn,
    wide<Job>('Containers', jobCells.names),
    wide<Job>('Images', jobCells.images),
    wide<Job>('Selector', ({ spec }) => formatSelector(spec.selector)),
  ],
});

function checkSchedule({ spec }: CronJob, errors: FieldError[]): void {
  const { schedule } = spec;
  if ((schedule ?? '') === '') return;
  if (/TZ=/.test(schedule)) {
    const text = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    errors.push(invalid('spec.schedule', schedule, text));
    return;
  }
  try {
    parseSchedule(schedule);
  } catch (error) {
    errors.push(invalid('spec.schedule', schedule, error instanceof Error ? error.message : ''));
  }
}

function checkTimeZone(zone: string | undefined, errors: FieldError[]): void {
  if (zone === undefined) return;
  if (zone === '') {
    errors.push(invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string'));
    return;
  }
  if (zone.toLowerCase() === 'local') {
    errors.push(
      invalid(
        'spec.timeZone',
        zone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ),
    );
    return;
  }
  try {
    Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions();
  } catch {
    errors.push(invalid('spec.timeZone', zone, `unknown time zone ${zone}`));
  }
}

const maxCronJobNameBytes = 52;

function validateCronJob(cron: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  const { name } = cron.metadata;
  if ((name?.length ?? 0) > maxCronJobNameBytes) {
    errors.push(
      invalid('metadata.name', name, `must be no more than ${maxCronJobNameBytes} characters`),
    );
  }
  checkSchedule(cron, errors);
  checkTimeZone(cron.spec.timeZone, errors);
  const path = 'spec.jobTemplate.spec';
  const job: Job['spec'] = cron.spec.jobTemplate?.spec ?? {};
  validateJobSpec(job, path, errors);
  if (job.manualSelector === true) {
    errors.push(notSupported(child(path, 'manualSelector'), true, ['nil', 'false']));
  }
  if (job.selector !== undefined) {
    errors.push(forbidden(child(path, 'selector'), '`selector` will be auto-generated'));
  }
  return errors;
}

const cronJobCells = templateColumns<CronJob>((cron) => cron.spec.jobTemplate.spec.template);

/** CronJob. */
export const cronJobKind = defineKind<CronJob>({
  ...batch,
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  schema: cronJobSchema,
  podSpec: ({ spec }) => spec?.jobTemplate?.spec?.template?.spec,
  setDefaults: ({ spec }) => {
    const job = spec.jobTemplate?.spec;
    if (job === undefined) return;
    setPodSpecDefaults(job.template?.spec);
  },
  warnings: templateWarnings<CronJob>(
    'spec.jobTemplate.spec.template',
    ({ spec }) => spec.jobTemplate.spec?.template,
    { names: true },
  ),
  validate: validateCronJob,
  columns: [
    nameColumn,
    column<CronJob>('Schedule', ({ spec }) => spec.schedule),
    column<CronJob>('Timezone', ({ spec }) => spec.timeZone ?? '<none>'),
    column<CronJob>('Suspend', ({ spec }) => (spec.suspend === true ? 'True' : 'False'), {
      type: 'boolean',
    }),
    column<CronJob>('Active', ({ status }) => status?.active?.length ?? 0, { type: 'integer' }),
    column<CronJob>('Last Schedule', ({ status }, now) =>
      status?.lastScheduleTime === undefined ? '<none>' : since(status.lastScheduleTime, now),
    ),
    ageColumn,
    wide<CronJob>('Containers', cronJobCells.names),
    wide<CronJob>('Images', cronJobCells.images),
    wide<CronJob>('Selector', ({ spec }) => formatSelector(spec.jobTemplate.spec.selector)),
  ],
});
