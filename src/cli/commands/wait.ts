import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { chooseObjects, findObjects } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
import { resultPrinter } from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import { evaluate, valueText } from '../print/jsonpath/evaluate.js';
import { parseRelaxed } from '../print/jsonpath/parse.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
/** kubectl's: a week. */
const foreverMs = 7 * 86_400_000;

const waitFlags = {
  ...choiceFlags,
  for: {
    type: 'list',
    value: 'CONDITION',
    help: "delete, create, condition=NAME[=VALUE], or jsonpath='{PATH}'[=VALUE]",
  },
  timeout: {
    type: 'text',
    default: '30s',
    value: 'DURATION',
    help: 'give up after so long; 0 looks once',
  },
  ...outputFlags,
} as const;

/** `trireme wait`. */
export const waitCommand = defineCommand({
  name: 'wait',
  summary: 'wait until objects are as they should be',
  usage: '(TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | -f FILE) --for=CONDITION',
  examples: [
    ['until a pod is ready', 'trireme wait pod/web-0 --for=condition=Ready --timeout=60s'],
    ['until it is gone', 'trireme wait pod/web-0 --for=delete'],
    [
      'until a field has a value',
      "trireme wait pod/web-0 --for=jsonpath='{.status.phase}'=Running",
    ],
    ['all pods of an application', 'trireme wait pods -l app=web --for=condition=Ready'],
  ],
  flags: waitFlags,
  completes: 'targets',
  run: runWait,
});

/** A condition that was read. */
export interface WaitCondition {
  readonly isDelete: boolean;
  readonly isCreate: boolean;
  /** Whether it holds. */
  readonly holds: (object: KubeObject | undefined) => boolean;
}

/** @throws CommandLineError in kubectl's words */
export function parseCondition(text: string): WaitCondition {
  const lower = text.toLowerCase();
  if (lower === 'delete')
    return { isDelete: true, isCreate: false, holds: (object) => object === undefined };
  if (lower === 'create')
    return { isDelete: false, isCreate: true, holds: (object) => object !== undefined };
  if (lower.startsWith('condition=')) {
    const [name = '', value = 'true'] = text.slice('condition='.length).split('=');
    return {
      isDelete: false,
      isCreate: false,
      holds: (object) => hasCondition(object, name.toLowerCase(), value.toLowerCase()),
    };
  }
  const path =
    /^jsonpath=(.+?\})(?:=(.*))?$/i.exec(text) ?? /^jsonpath=([^=]+)(?:=(.*))?$/i.exec(text);
  if (lower === 'jsonpath=') throw plain('jsonpath expression cannot be empty');
  if (path === null) throw plain(`unrecognized condition: "${text}"`);
  const [, expression = '', wanted] = path;
  const steps = parseRelaxed(expression.replace(/^(['"])(.*)\1$/, '$2'));
  const value = wanted?.replace(/^(['"])(.*)\1$/, '$2');
  return {
    isDelete: false,
    isCreate: false,
    holds: (object) => {
      const values = object === undefined ? [] : evaluate(steps, object);
      if (values.length > 1) throw plain(`given jsonpath expression matches more than one value`);
      return values.length === 1 && (value === undefined || valueText(values[0]) === value);
    },
  };
}

function hasCondition(object: KubeObject | undefined, name: string, value: string): boolean {
  const { metadata, status } = (object ?? { metadata: {} }) as {
    metadata: { generation?: number };
    status?: {
      observedGeneration?: number;
      conditions?: { type: string; status: string; observedGeneration?: number }[];
    };
  };
  const found = status?.conditions?.find(({ type }) => type.toLowerCase() === name);
  if (found === undefined) return false;
  const observed = found.observedGeneration ?? status?.observedGeneration;
  // A condition of an older spec says nothing of this one.
  if (observed !== undefined && observed < (metadata.generation ?? 0)) return false;
  return found.status.toLowerCase() === value;
}

async function runWait(invocation: Invocation<typeof waitFlags>): Promise<number> {
  const { args, flags, context } = invocation;
  const condition = parseCondition(flags.for.at(-1) ?? '');
  const timeout = goDurationMs(flags.timeout);
  const timeoutMs = timeout < 0 ? foreverMs : timeout;
  const print = resultPrinter(context, flags);
  return withSession(invocation, async (session) => {
    const endMs = context.clock.monotonicMs() + timeoutMs;
    if (condition.isCreate) await untilThere(session, invocation, endMs);
    const chosen = await chooseObjects(session, args, flags);
    if (chosen.length === 0 && !condition.isDelete) throw plain('no matching resources found');
    let failed = 0;
    const code = await forEachUnlessRefused(context, chosen, async ({ ref, fetch }) => {
      const object = await fetch().catch((error: unknown) => {
        if (condition.isDelete && isApiError(error, 'NotFound')) return undefined;
        throw error;
      });
      if (object === undefined) return;
      const uid = object.metadata.uid ?? '';
      let latest = object;
      const holds = (current: KubeObject | undefined): boolean => {
        latest = current ?? latest;
        const isOther = current !== undefined && uid !== '' && current.metadata.uid !== uid;
        return condition.holds(condition.isDelete && isOther ? undefined : current);
      };
      const leftMs = Math.max(1, endMs - context.clock.monotonicMs());
      const isMet =
        holds(object) || (timeoutMs > 0 && (await waitUntil(session, ref, leftMs, holds)));
      if (isMet) return print('condition met', ref, latest);
      const what =
        timeoutMs > 0 ? 'timed out waiting for the condition on' : 'condition not met for';
      context.err(`error: ${what} ${ref.resource.plural}/${ref.name}\n`);
      failed = 1;
    });
    return Math.max(code, failed);
  });
}

/** How often it is looked whether objects are there that were not. */
const pollMs = 500;

/** Waits until all that is named is there. @throws CommandLineError when the time is over */
async function untilThere(
  session: Session,
  { args, flags }: Invocation<typeof waitFlags>,
  endMs: number,
): Promise<void> {
  const { clock } = session.context;
  for (;;) {
    const found = await findObjects(session, args, flags).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return [];
      throw error;
    });
    if (found.length > 0) return;
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) throw plain('timed out waiting for the condition');
    await delay(clock, Math.min(leftMs, pollMs));
  }
}
