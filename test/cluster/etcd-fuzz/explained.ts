/** Differences that are meant, each with its reason; docs/ETCD-API.md says them as well. */
import type { Message } from './requests.js';
import type { Answer } from './side.js';
import type { CallStep, Step } from './steps.js';

interface Case {
  readonly why: string;
  applies(step: CallStep, compacted: ReadonlySet<string>, answers: readonly Answer[]): boolean;
}

/** The revision that a request names, as its number is written. */
export function revisionOf({ revision }: Message): string {
  return typeof revision === 'bigint' ? revision.toString() : '0';
}

const cases: readonly Case[] = [
  {
    why: 'HashKV at a revision of a compaction: etcd remembers the hash of then',
    applies: ({ method, message }, compacted) =>
      method.endsWith('/HashKV') && compacted.has(revisionOf(message)),
  },
  {
    why: 'a stream of the gateway whose first request cannot be read: refused by 3.5, not by 3.6',
    applies: ({ method, door }, _compacted, [ours]) =>
      door === 'json' && method.endsWith('/LeaseKeepAlive') && ours?.['status'] === 500,
  },
  {
    why: 'a name that an enum does not have: refused by the gateway of 3.5, passed over by that of 3.6',
    applies: ({ door }, _compacted, [ours]) =>
      door === 'json' && JSON.stringify(ours).includes('unknown value'),
  },
  {
    why: 'the status for users: 3.5.30 shows it to root, later ones to all',
    applies: ({ method }, _compacted, [, theirs]) =>
      method.endsWith('/Status') && JSON.stringify(theirs).includes('permission denied'),
  },
];

/**
 * @param compacted the revisions at which the store was compacted
 * @returns why the answers may differ; undefined where nobody has said so
 */
export function isExplained(
  step: Step,
  compacted: ReadonlySet<string>,
  answers: readonly Answer[],
): string | undefined {
  if (step.kind !== 'call') return undefined;
  return cases.find((one) => one.applies(step, compacted, answers))?.why;
}
