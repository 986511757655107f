import type { Event } from '../../api/types/core.js';
import { humanDuration } from '../../api/print/duration.js';
import { parseSingle } from '../builder/arguments.js';
import { allNamespacesFlag } from '../builder/file-flags.js';
import { listObjects } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { watchEvents } from '../kube/watch.js';
import { alignWith, widthsOf } from '../print/columns.js';
import { objectPrinter, outputFlags, parseOutput } from '../print/output.js';

const flags = {
  ...outputFlags,
  ...allNamespacesFlag,
  watch: { type: 'bool', short: 'w', help: 'then print what comes' },
  for: { type: 'text', value: 'TYPE/NAME', help: 'only of this object' },
  types: { type: 'list', commas: true, value: 'TYPE', help: 'Normal, Warning' },
  'no-headers': { type: 'bool', help: 'no line with the names of columns' },
} as const;

/** `trireme events`. */
export const eventsCommand = defineCommand({
  name: 'events',
  summary: 'show what happened, the latest last',
  usage: '[--for TYPE/NAME]',
  examples: [
    ['in the namespace', 'trireme events'],
    ['of a pod, and what comes', 'trireme events --for pod/web-0 --watch'],
    ['warnings everywhere', 'trireme events -A --types=Warning'],
  ],
  flags,
  completes: 'nothing',
  run: runEvents,
});

type Events = Invocation<typeof flags>;
const timeOf = (event: Event): string =>
  event.series?.lastObservedTime ??
  event.lastTimestamp ??
  event.eventTime ??
  event.metadata.creationTimestamp ??
  '';

async function runEvents(invocation: Events): Promise<number> {
  const { flags, context } = invocation;
  const wrong = flags.types.find((type) => !['normal', 'warning'].includes(type.toLowerCase()));
  if (wrong !== undefined)
    throw new CommandLineError(`valid --types are Normal or Warning`, { plain: true });
  const format = parseOutput(flags.output, flags.template);
  return withSession(invocation, async (session) => {
    const resource = await session.mapper.byName('events');
    const namespace = flags['all-namespaces'] === true ? undefined : session.namespace;
    const fieldSelector = await selectorFor(session, flags.for);
    const wanted = (event: Event): boolean =>
      flags.types.length === 0 ||
      flags.types.some((type) => type.toLowerCase() === (event.type ?? '').toLowerCase());
    const all = await listObjects<Event>(session, resource, { namespace, fieldSelector });
    const events = all.filter(wanted).toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
    if (format !== undefined) {
      const print = objectPrinter(format, {
        managedFields: flags['show-managed-fields'] ?? false,
        headers: true,
      });
      context.out(
        await print(
          events.map((object) => ({
            object,
            ref: { resource, namespace: object.metadata.namespace, name: object.metadata.name },
          })),
          true,
        ),
      );
      return 0;
    }
    if (events.length === 0 && flags.watch !== true) {
      context.err(
        namespace === undefined
          ? 'No events found.\n'
          : `No events found in ${namespace} namespace.\n`,
      );
      return 0;
    }
    const head = flags['no-headers'] === true ? [] : [headOf(flags)];
    const rows = events.map((event) => rowOf(event, flags, context.clock.nowMs()));
    let widths = widthsOf([...head, ...rows]);
    context.out(alignWith(widths, [...head, ...rows]));
    if (flags.watch !== true) return 0;
    const query = { fieldSelector };
    const known = new Set(all.map(({ metadata }) => metadata.resourceVersion));
    for await (const { type, object } of watchEvents<Event>(session.kube, {
      path: pathOf(resource, { namespace }),
      query,
    })) {
      if (
        type === 'DELETED' ||
        type === 'BOOKMARK' ||
        known.has(object.metadata.resourceVersion) ||
        !wanted(object)
      )
        continue;
      const row = rowOf(object, flags, context.clock.nowMs());
      widths = widthsOf([row], widths);
      context.out(alignWith(widths, [row]));
    }
    return 0;
  });
}

async function selectorFor(
  session: Session,
  target: string | undefined,
): Promise<string | undefined> {
  if (target === undefined) return undefined;
  if (!target.includes('/')) {
    throw new CommandLineError('--for must be in resource/name form', { plain: true });
  }
  const { resource, name } = await parseSingle(session.mapper, [target]);
  return `involvedObject.kind=${resource.kind},involvedObject.name=${name}`;
}

function headOf(flags: Events['flags']): string[] {
  return [
    ...(flags['all-namespaces'] === true ? ['NAMESPACE'] : []),
    'LAST SEEN',
    'TYPE',
    'REASON',
    'OBJECT',
    'MESSAGE',
  ];
}

function rowOf(event: Event, flags: Events['flags'], nowMs: number): string[] {
  const { involvedObject, type = '', reason = '', message = '' } = event;
  const age = (time: string | null | undefined): string => {
    const ms = Date.parse(time ?? '');
    return Number.isNaN(ms) ? '<unknown>' : humanDuration(nowMs - ms);
  };
  const first = age(event.firstTimestamp ?? event.eventTime);
  const count = event.series?.count ?? event.count ?? 0;
  const seen = count > 1 ? `${age(timeOf(event))} (x${count} over ${first})` : first;
  return [
    ...(flags['all-namespaces'] === true ? [event.metadata.namespace ?? ''] : []),
    seen,
    type,
    reason,
    `${involvedObject?.kind ?? ''}/${involvedObject?.name ?? ''}`,
    message.trim(),
  ];
}
