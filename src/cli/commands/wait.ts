import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { findObjects } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { displayName } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
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
  output: { type: 'text', short: 'o', value: 'name', help: 'name: only TYPE/NAME' },
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
  if (flags.for.length !== 1) throw plain('exactly one of --for is required');
  const condition = parseCondition(flags.for[0] ?? '');
  const timeout = goDurationMs(flags.timeout);
  const timeoutMs = timeout < 0 ? foreverMs : timeout;
  return withSession(invocation, async (session) => {
    const found = await find(session, args, flags, condition, timeoutMs);
    const endMs = context.clock.monotonicMs() + timeoutMs;
    let code = 0;
    for (const { ref, object } of found) {
      const uid = object.metadata.uid ?? '';
      const holds = (current: KubeObject | undefined): boolean => {
        const isOther = current !== undefined && uid !== '' && current.metadata.uid !== uid;
        return condition.holds(condition.isDelete && isOther ? undefined : current);
      };
      const leftMs = Math.max(1, endMs - context.clock.monotonicMs());
      const done =
        holds(object) || (timeoutMs > 0 && (await waitUntil(session, ref, leftMs, holds)));
      if (!done) {
        context.err(
          `error: timed out waiting for the condition on ${ref.resource.plural}${ref.resource.group === '' ? '' : `.${ref.resource.group}`}/${ref.name}\n`,
        );
        code = 1;
        continue;
      }
      const name = displayName(ref.resource, ref.name);
      const word = condition.isDelete ? 'condition met' : 'condition met';
      context.out(flags.output === 'name' ? `${name}\n` : `${name} ${word}\n`);
    }
    return code;
  });
}

async function find(
  session: Session,
  args: readonly string[],
  flags: Invocation<typeof waitFlags>['flags'],
  condition: WaitCondition,
  timeoutMs: number,
): Promise<Found[]> {
  const endMs = session.context.clock.monotonicMs() + timeoutMs;
  for (;;) {
    try {
      const found = await findObjects(session, args, flags);
      if (found.length === 0 && !condition.isDelete) throw plain('no matching resources found');
      return found;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      if (condition.isDelete) return [];
      if (!condition.isCreate || session.context.clock.monotonicMs() > endMs) throw error;
      const { delay } = await import('../../lib/clock.js');
      await delay(session.context.clock, 500);
    }
  }
}
