/** Runs the same steps against two stores, and says where their answers differ. */
import { delay, systemClock } from '../../../src/lib/clock.js';
import { Prng } from '../../../src/lib/prng.js';
import { isExplained, revisionOf } from './explained.js';
import { plainText } from './request-text.js';
import type { Message } from './requests.js';
import { lateCode } from './side.js';
import type { Answer, Side } from './side.js';
import { StepSource } from './steps.js';
import type { CallStep, Scope, Step, WatchStep } from './steps.js';

const clock = systemClock();
/** A watch or a position that differs so long does differ. */
const patienceMs = 3000;

/** The two, ours and one that is right. */
export interface Pair {
  readonly ours: Side;
  readonly theirs: Side;
}

/** A step with two answers. */
export interface Difference {
  readonly seed: number;
  readonly at: number;
  readonly step: string;
  readonly ours: string;
  readonly theirs: string;
}

/** What a run came to. */
export interface Outcome {
  readonly requests: number;
  /** How often each method was answered well, and how often refused. */
  readonly verdicts: ReadonlyMap<string, { well: number; refused: number }>;
  readonly differences: readonly Difference[];
  readonly explained: ReadonlyMap<string, number>;
}

/** @param options.steps how many; a run ends at its first difference, since what follows is of no worth */
export async function runFuzz(
  pair: Pair,
  seed: number,
  options: { readonly steps: number; readonly scope?: Scope },
): Promise<Outcome> {
  const source = new StepSource(new Prng(seed), options.scope ?? 'all');
  const verdicts = new Map<string, { well: number; refused: number }>();
  const differences: Difference[] = [];
  const explained = new Map<string, number>();
  let requests = 0;
  const count = (method: string, answer: Answer): void => {
    requests++;
    const verdict = verdicts.get(method) ?? { well: 0, refused: 0 };
    verdicts.set(method, verdict);
    if (isRefused(answer)) verdict.refused++;
    else verdict.well++;
  };
  const both = async (step: CallStep): Promise<[Answer, Answer]> => {
    const answers = await Promise.all([pair.ours.call(step), pair.theirs.call(step)]);
    count(step.method, answers[1]);
    note(source, step, answers[1]);
    return answers;
  };
  for (let at = 0; at < options.steps && differences.length === 0; at++) {
    const step = source.next();
    const [ours, theirs] =
      step.kind === 'call' ? await both(step) : await watchBoth(pair, step, both);
    if (step.kind === 'watch') count('etcdserverpb.Watch/Watch', theirs);
    const wasLate = [ours, theirs].some((answer) => answer['code'] === lateCode);
    if (wasLate) await sameRevision(pair);
    const [mine, right] = [JSON.stringify(ours), JSON.stringify(theirs)];
    if (process.env['FUZZ_TRACE'] !== undefined) {
      process.stderr.write(`${at} ${shown(step, pair)}\n  ${mine}\n  ${right}\n`);
    }
    if (mine === right) continue;
    const why = isExplained(step, source.requests.compacted, [ours, theirs]);
    if (why !== undefined) explained.set(why, (explained.get(why) ?? 0) + 1);
    else differences.push({ seed, at, step: shown(step, pair), ours: mine, theirs: right });
  }
  return { requests, verdicts, differences, explained };
}

function shown(step: Step, { ours }: Pair): string {
  if (step.kind === 'call') {
    const text = step.door === 'json' ? ` as ${ours.lastText}` : '';
    return plainText(step as unknown as Message) + text;
  }
  return JSON.stringify({
    requests: step.requests.map(plainText),
    user: step.user,
    door: step.door,
    writes: step.writes.map(({ method, message }) => `${method} ${plainText(message)}`),
  });
}

function isRefused(answer: Answer): boolean {
  return 'code' in answer || Number(answer['status'] ?? 200) !== 200;
}

/** What later requests name. */
function note(source: StepSource, step: CallStep, answer: Answer): void {
  if (step.method.endsWith('/Compact') && !isRefused(answer)) {
    source.requests.compacted.add(revisionOf(step.message));
  }
  const body = answer['answer'] as
    { header?: { revision?: string }; leader?: { rev?: string } } | undefined;
  const revision = body?.header?.revision;
  // HashKV's header is of the revision that was asked for.
  if (revision !== undefined && !step.method.endsWith('/HashKV')) {
    source.requests.revision = BigInt(revision);
  }
  if (body?.leader?.rev !== undefined) source.requests.campaign = BigInt(body.leader.rev);
}

async function watchBoth(
  { ours, theirs }: Pair,
  step: WatchStep,
  both: (step: CallStep) => Promise<[Answer, Answer]>,
): Promise<[Answer, Answer]> {
  const logs = [ours.watch(step), theirs.watch(step)] as const;
  const states = (): [Answer, Answer] => [logs[0].state, logs[1].state];
  const areSame = (): boolean => JSON.stringify(logs[0].state) === JSON.stringify(logs[1].state);
  const wrong: [Answer, Answer][] = [];
  try {
    const created = step.requests.filter((request) => 'create_request' in request).length;
    await until(() => logs.every((log) => log.hasEnded || log.toldCount >= created) && areSame());
    for (const write of step.writes) {
      const answers = await both(write);
      if (JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) wrong.push(answers);
    }
    await until(areSame);
    for (const log of logs) log.askProgress?.();
    // What is late comes before the answer.
    const isTold = (): boolean => logs.every((log) => log.hasEnded || log.progress > 0);
    if (logs.every((log) => log.askProgress !== undefined)) await until(isTold, 500);
    await until(areSame);
    const [mine, right] = states();
    const first = wrong[0] ?? [undefined, undefined];
    return [
      { ...mine, write: first[0] },
      { ...right, write: first[1] },
    ];
  } finally {
    await Promise.all(logs.map((log) => log.close()));
  }
}

async function until(condition: () => boolean, atMostMs = patienceMs): Promise<void> {
  const endMs = clock.monotonicMs() + atMostMs;
  while (!condition() && clock.monotonicMs() < endMs) await delay(clock, 2);
}

/** A call that was given up is taken back by its member, some time later. */
async function sameRevision({ ours, theirs }: Pair): Promise<void> {
  const endMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const [mine, right] = await Promise.all([ours.revision(), theirs.revision()]);
    if (mine === right || clock.monotonicMs() > endMs) return;
    await delay(clock, 5);
  }
}
