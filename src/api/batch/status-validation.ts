/** What may be written into the status of a job. @see kubernetes pkg/apis/batch/validation, pkg/registry/batch/job */
import { semanticEqual } from '../equal.js';
import { at, child, duplicate, invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { goTime } from '../go-text/values.js';
import type { Job } from '../types/workloads.js';
import { readIndexList } from './index-list.js';
import { countOf, negativeCounts } from '../validation/status-counts.js';

type Status = NonNullable<Job['status']>;

const path = 'status';
const field = (name: string): string => child(path, name);

/** An error without its value. */
function wrong(name: string, text: string): FieldError {
  return { type: 'FieldValueInvalid', field: field(name), body: `Invalid value: ${text}` };
}

function holds({ conditions }: Status, type: string): boolean {
  return conditions?.some((item) => item.type === type && item.status === 'True') === true;
}

function isFinished(status: Status): boolean {
  return holds(status, 'Complete') || holds(status, 'Failed');
}

/** Errors of a job's status; most rules are held against what a write changes only. */
export function jobStatusErrors(job: Job, old: Job): FieldError[] {
  const [status, before]: [Status, Status] = [job.status ?? {}, old.status ?? {}];
  return [
    ...negativeCounts(status, ['active', 'succeeded', 'failed', 'ready', 'terminating']),
    ...uncountedErrors(status),
    ...conditionErrors(status, before),
    ...timeErrors(status, before),
    ...finishedErrors(status, before),
    ...indexErrors(job, status, before),
    ...criteriaErrors(job, status),
    ...changeErrors(job, status, before),
  ];
}

function uncountedErrors({ uncountedTerminatedPods }: Status): FieldError[] {
  const seen = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (uncountedTerminatedPods?.[list] ?? []).flatMap((uid, index) => {
      const here = at(child(field('uncountedTerminatedPods'), list), index);
      if (uid === '') return [invalid(here, uid, 'must not be empty')];
      if (seen.has(uid)) return [duplicate(here, uid)];
      seen.add(uid);
      return [];
    }),
  );
}

function conditionErrors(status: Status, before: Status): FieldError[] {
  if (!holds(status, 'Complete')) return [];
  const changes = (type: string): boolean =>
    !holds(before, 'Complete') || holds(before, type) !== holds(status, type);
  return ['Failed', 'FailureTarget']
    .filter((type) => holds(status, type) && changes(type))
    .map((type) => wrong('conditions', `cannot set Complete=True and ${type}=true conditions`));
}

function timeErrors(status: Status, before: Status): FieldError[] {
  const { startTime, completionTime } = status;
  const errors: FieldError[] = [];
  const isComplete = holds(status, 'Complete');
  const isNewTime = before.completionTime !== completionTime;
  if (isComplete !== holds(before, 'Complete') || isNewTime) {
    if (completionTime !== undefined && !isComplete) {
      const text = 'cannot set completionTime when there is no Complete=True condition';
      errors.push(wrongTime(completionTime, text));
    }
    if (completionTime === undefined && isComplete) {
      errors.push(
        required(field('completionTime'), 'completionTime is required for Complete jobs'),
      );
    }
  }
  if (startTime === undefined || completionTime === undefined) return errors;
  if (isNewTime || before.startTime !== startTime) {
    if (Date.parse(completionTime) < Date.parse(startTime)) {
      errors.push(wrongTime(completionTime, 'completionTime cannot be set before startTime'));
    }
  }
  return errors;
}

function wrongTime(time: string, text: string): FieldError {
  return wrong('completionTime', `${goTime(time)}: ${text}`);
}

function finishedErrors(status: Status, before: Status): FieldError[] {
  if (!isFinished(status)) return [];
  const isNew = !isFinished(before);
  const errors: FieldError[] = [];
  const count = (name: 'active' | 'terminating'): void => {
    if (countOf(status, name) <= 0) return;
    if (!isNew && countOf(before, name) === countOf(status, name)) return;
    const text = `${name}>0 is invalid for finished job`;
    errors.push(invalid(field(name), countOf(status, name), text));
  };
  count('active');
  if (status.startTime === undefined && (isNew || before.startTime !== undefined)) {
    errors.push(required(field('startTime'), 'startTime is required for finished job'));
  }
  const { uncountedTerminatedPods: uncounted } = status;
  const left = (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0);
  if (left > 0 && (isNew || !semanticEqual(uncounted, before.uncountedTerminatedPods))) {
    const text = 'uncountedTerminatedPods needs to be empty for finished job';
    errors.push(invalid(field('uncountedTerminatedPods'), uncounted, text));
  }
  count('terminating');
  return errors;
}

function indexErrors({ spec }: Job, status: Status, before: Status): FieldError[] {
  const { completedIndexes = '', failedIndexes } = status;
  const errors: FieldError[] = [];
  const check = (name: 'completedIndexes' | 'failedIndexes', text: string): void => {
    const fault =
      spec.completions === undefined
        ? undefined
        : readIndexList(text, Number(spec.completions)).fault;
    if (fault !== undefined) {
      errors.push(invalid(field(name), text, `error parsing ${name}: ${fault}`));
    }
  };
  const isNewCompleted = completedIndexes !== (before.completedIndexes ?? '');
  const isNewFailed = failedIndexes !== before.failedIndexes;
  if (isNewCompleted) check('completedIndexes', completedIndexes);
  if (isNewFailed && failedIndexes !== undefined && spec.backoffLimitPerIndex !== undefined) {
    check('failedIndexes', failedIndexes);
  }
  if (isNewCompleted && completedIndexes !== '' && spec.completionMode !== 'Indexed') {
    const text = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    errors.push(invalid(field('completedIndexes'), completedIndexes, text));
  }
  if (isNewFailed && failedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    const text = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(invalid(field('failedIndexes'), failedIndexes, text));
  }
  return errors;
}

function criteriaErrors({ spec }: Job, status: Status): FieldError[] {
  const isMet = holds(status, 'SuccessCriteriaMet');
  const errors: FieldError[] = [];
  const refuse = (text: string): void => void errors.push(wrong('conditions', text));
  for (const type of ['Failed', 'FailureTarget']) {
    if (!isMet || !holds(status, type)) continue;
    refuse(`cannot set SuccessCriteriaMet=True and ${type}=true conditions`);
  }
  if (spec.successPolicy !== undefined && !isMet && holds(status, 'Complete')) {
    refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  }
  return errors;
}

function changeErrors({ spec }: Job, status: Status, before: Status): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (!holds(before, type) || holds(status, type)) continue;
    errors.push(wrong('conditions', `cannot disable the terminal ${type}=True condition`));
  }
  const mayShrink = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  for (const name of mayShrink ? ['failed'] : ['failed', 'succeeded']) {
    if (countOf(status, name) >= countOf(before, name)) continue;
    const text = `cannot decrease the ${name} counter`;
    errors.push(invalid(field(name), countOf(status, name), text));
  }
  const { completionTime, startTime } = status;
  if (completionTime !== undefined && before.completionTime !== undefined) {
    if (completionTime !== before.completionTime) {
      errors.push(wrongTime(completionTime, 'completionTime cannot be mutated'));
    }
  }
  // A job that goes on starts anew: the controller says both at once, after the user's change of the spec.
  const resumes = holds(before, 'Suspended') && !holds(status, 'Suspended');
  const hasStarted = before.startTime !== undefined && before.startTime !== startTime;
  if (hasStarted && spec.suspend !== true && !resumes) {
    const text = 'startTime cannot be removed for unsuspended job';
    errors.push(required(field('startTime'), text));
  }
  const [wasMet, isMet] = [before, status].map((item) => holds(item, 'SuccessCriteriaMet'));
  if (wasMet === true && isMet !== true) {
    errors.push(wrong('conditions', 'cannot disable the SuccessCriteriaMet=True condition'));
  }
  if (holds(before, 'Complete') && wasMet !== true && isMet === true) {
    const text = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
    errors.push(wrong('conditions', text));
  }
  return errors;
}
