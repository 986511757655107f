import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { humanDuration } from '../../api/print/duration.js';
import type { Event } from '../../api/types/core.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import { parseTargets } from '../resources.js';
import { renderTable } from '../table.js';
import { parseFlags } from '../../lib/flags.js';

/** `trireme describe TYPE NAME...`: the object in words, with its events. */
export async function runDescribe(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('describe').argument('<target...>', 'TYPE NAME... or TYPE/NAME...'),
  );
  const parsed = parseFlags<NamespaceFlags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const connection = await context.connect(options);
  try {
    const texts: string[] = [];
    for (const { resource, names } of parseTargets(options.args)) {
      const where = resource.kind.namespaced
        ? { namespace: options.namespace ?? connection.namespace }
        : {};
      const objects =
        names.length === 0
          ? (await connection.api.list<KubeObject>(resource.id, where)).items
          : await Promise.all(
              names.map((name) => connection.api.get<KubeObject>(resource.id, { ...where, name })),
            );
      for (const object of objects) {
        const { items } = await connection.api.list<Event>(resources.events, {
          namespace: object.metadata.namespace ?? 'default',
          fieldSelector: `involvedObject.uid=${object.metadata.uid ?? ''}`,
        });
        texts.push(describeObject(object, items, context.clock.nowMs()));
      }
    }
    context.out(texts.join('\n\n'));
    return 0;
  } finally {
    connection.close();
  }
}

/** Metadata first, then every other field, then events from the oldest to the newest. */
export function describeObject(object: KubeObject, found: readonly Event[], nowMs: number): string {
  const { metadata, apiVersion = '', kind = '', ...rest } = object;
  const pairs = (map: Readonly<Record<string, string>> | undefined): string[] =>
    Object.entries(map ?? {}).map(([name, value]) => `${name}=${value}`);
  const heading: [string, readonly string[]][] = [
    ['Name', [metadata.name]],
    ...(metadata.namespace === undefined
      ? []
      : [['Namespace', [metadata.namespace]] as [string, string[]]]),
    ['Kind', [`${kind} (${apiVersion})`]],
    ['Created', [metadata.creationTimestamp ?? '']],
    ['Labels', pairs(metadata.labels)],
    ['Annotations', pairs(metadata.annotations)],
    [
      'Controlled By',
      (metadata.ownerReferences ?? [])
        .filter((owner) => owner.controller === true)
        .map((owner) => `${owner.kind}/${owner.name}`),
    ],
  ];
  const width = 15;
  const lines = heading.flatMap(([name, values]) => {
    const [first = '<none>', ...others] = values;
    return [
      `${`${name}:`.padEnd(width)}${first}`,
      ...others.map((value) => `${' '.repeat(width)}${value}`),
    ];
  });
  const body = Object.entries(rest)
    .map(([name, value]) => stringify({ [capitalize(name)]: value }).trimEnd())
    .join('\n');
  return `${lines.join('\n')}\n${body}${body === '' ? '' : '\n'}${describeEvents(found, nowMs)}`;
}

function describeEvents(found: readonly Event[], nowMs: number): string {
  if (found.length === 0) return 'Events:        <none>\n';
  const timeOf = (event: Event): string =>
    event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
  const rows = found
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
    .map((event) => [
      event.type ?? '',
      event.reason ?? '',
      `${humanDuration(nowMs - Date.parse(timeOf(event)))}${(event.count ?? 1) > 1 ? ` (x${event.count})` : ''}`,
      event.source?.component ?? event.reportingComponent ?? '',
      (event.message ?? '').trim(),
    ]);
  const table = renderTable(['TYPE', 'REASON', 'AGE', 'FROM', 'MESSAGE'], rows);
  return `Events:\n${table.replace(/^(?=.)/gm, '  ')}`;
}

function capitalize(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
