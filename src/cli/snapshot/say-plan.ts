import { CommandLineError } from '../command/command-line-error.js';
import type { CommandContext } from '../context.js';
import type { RestorePlan } from './restore-plan.js';

/** What is known of a snapshot that was checked. */
export interface SnapshotFile {
  readonly path: string;
  readonly revision: number;
  readonly hasKeys: boolean;
}

/** Says what is going to be done. @throws CommandLineError for a refusal */
export function sayPlan(
  plan: RestorePlan,
  context: Pick<CommandContext, 'out'>,
): Exclude<RestorePlan, { readonly refusal: string }> {
  if ('refusal' in plan) throw new CommandLineError(plan.refusal, { plain: true });
  plan.steps.forEach(({ text }, at) => context.out(`${at + 1}. ${text}\n`));
  return plan;
}
