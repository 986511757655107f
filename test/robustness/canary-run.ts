/** Runs one plan with its mistake, or without. */
import { KVDefinition } from '../../src/gen/etcd/rpc.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { Arena } from './canary-arena.js';
import type { Plan } from './canary-plans.js';
import { judge } from './judge.js';
import { keyPrefix } from './traffic.js';
import { putOf } from './requests.js';

/** Waits until all answer and have told their watchers everything, or until it is clear that they will not. */
async function converge(arena: Arena): Promise<void> {
  const { members, watchers, problems } = arena;
  const crashed = (): boolean => members.crashes.length > 0;
  const revisions: number[] = [];
  for (const channel of members.channels) {
    const kv = channel.client(KVDefinition);
    await waitFor('a member takes a write', async () => {
      if (crashed()) return true;
      const end = putOf(`${keyPrefix}end`, 'end');
      const answer = await kv.put(end, { deadlineMs: 1_000 }).catch(() => undefined);
      if (answer?.header === undefined) return false;
      revisions.push(answer.header.revision);
      return true;
    });
  }
  if (crashed()) return;
  // A member that has counted wrongly may be ahead of any revision that the others reach.
  const revision = Math.min(...revisions);
  const hashes: string[] = [];
  for (const at of members.places.keys()) {
    await waitFor(`m${at} has revision ${revision}`, async () => {
      hashes[at] = await members.hash(at, revision).catch(() => '');
      return hashes[at] !== '';
    });
  }
  // Members that do not hold the same tell their watchers what nobody can wait for.
  if (new Set(hashes).size > 1) problems.push(`hashes differ: ${hashes.join(' ')}`);
  else
    await waitFor('watchers are told', () => crashed() || watchers.reached(Math.max(...revisions)));
}

/** @returns what is wrong with the run; nothing without the mistake */
export async function runPlan(plan: Plan, withMistake: boolean): Promise<readonly string[]> {
  const arena = await Arena.start(withMistake ? plan.mistake : undefined, plan.faulty, plan.flags);
  const problems: string[] = [];
  try {
    await plan.run(arena);
    await converge(arena);
  } catch (error) {
    problems.push(`the plan failed: ${String(error)}`);
  }
  const { history, members, watchers } = arena;
  problems.push(...arena.problems, ...members.crashes, ...watchers.failures);
  const watches = await arena.close();
  return [...problems, ...judge(history, watches).problems];
}
