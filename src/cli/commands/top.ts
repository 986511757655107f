import { objectKey } from '../../api/facts/keys.js';
import { parseTime } from '../../api/facts/time.js';
import type { Node, Pod } from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import { isApiError } from '../../client/types.js';
import { systemClock } from '../../lib/clock.js';
import { formatDurationMs } from '../../lib/go-duration.js';
import { allNamespacesFlag, fieldSelectorFlag, selectorFlag } from '../builder/file-flags.js';
import { listObjects } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';

const metricsPath = '/apis/metrics.k8s.io/v1beta1';
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const nano = 1_000_000_000n;
const mebi = 1024n * 1024n;

interface Usage {
  readonly cpu?: string;
  readonly memory?: string;
}

interface Measured {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly usage?: Usage;
  readonly containers?: readonly { readonly name: string; readonly usage: Usage }[];
}

const nanos = (text: string | undefined): bigint => parseQuantity(text ?? '0')?.nanos ?? 0n;
const cpuText = (value: bigint): string => `${(value + 999_999n) / 1_000_000n}m`;
const memoryText = (value: bigint): string => `${value / nano / mebi}Mi`;
const unknown = '<unknown>';
const percent = (part: bigint, whole: bigint): string =>
  whole === 0n ? unknown : `${(part * 100n) / whole}%`;

/** @throws CommandLineError when the server has no metrics */
async function measure(
  session: Session,
  path: string,
  labelSelector: string | undefined,
  fieldSelector?: string,
): Promise<readonly Measured[]> {
  try {
    const answer = await session.kube.json<Measured & { items?: readonly Measured[] }>({
      path: `${metricsPath}${path}`,
      query: { labelSelector, fieldSelector },
    });
    return answer.items ?? [answer];
  } catch (error) {
    if (isApiError(error) && error.code === 404 && !/ "[^"]+" not found/.test(error.message)) {
      throw plain('Metrics API not available');
    }
    throw error;
  }
}

const sortFlags = {
  ...selectorFlag,
  'sort-by': { type: 'text', value: 'cpu|memory', help: 'the largest first' },
  'no-headers': { type: 'bool', help: 'no line with the names of columns' },
} as const;

const topNode = defineCommand({
  name: 'node',
  aliases: ['nodes', 'no'],
  summary: 'show what nodes use',
  usage: '[NAME | -l LABELS]',
  examples: [['all', 'trireme top node']],
  flags: {
    ...sortFlags,
    'show-capacity': { type: 'bool', help: 'of what a node has, not of what pods may use' },
  },
  completes: 'nodes',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { args, flags, context } = invocation;
      mayBeSorted(flags['sort-by']);
      mayBeNamed(args, flags.selector, 'node [NAME | -l label]');
      const [name] = args;
      const measured = await measure(
        session,
        name === undefined ? '/nodes' : `/nodes/${name}`,
        flags.selector,
      );
      if (measured.length === 0) throw plain('metrics not available yet');
      const nodes = await listObjects<Node>(session, await session.mapper.byName('nodes'), {
        labelSelector: flags.selector,
        ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
      });
      const rows = measured
        .map(({ metadata, usage }) => ({
          name: metadata.name,
          cpu: nanos(usage?.cpu),
          memory: nanos(usage?.memory),
        }))
        .toSorted((a, b) => bySize(a, b, flags['sort-by']))
        .map((row) => nodeRow(row, nodes, flags['show-capacity'] === true));
      for (const { metadata } of nodes) {
        if (measured.some((one) => one.metadata.name === metadata.name)) continue;
        rows.push([metadata.name, unknown, unknown, unknown, unknown]);
      }
      const head = ['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)'];
      context.out(alignColumns(flags['no-headers'] === true ? rows : [head, ...rows]));
    }),
});

function nodeRow(row: Sized, nodes: readonly Node[], isCapacity: boolean): string[] {
  const status = nodes.find(({ metadata }) => metadata.name === row.name)?.status;
  const whole = isCapacity ? status?.capacity : status?.allocatable;
  return [
    row.name,
    cpuText(row.cpu),
    percent(row.cpu, nanos(whole?.['cpu'])),
    memoryText(row.memory),
    percent(row.memory, nanos(whole?.['memory'])),
  ];
}

/** @throws CommandLineError in kubectl's words */
function mayBeSorted(by: string | undefined): void {
  if (by === undefined || by === '' || by === 'cpu' || by === 'memory') return;
  throw plain('--sort-by accepts only cpu or memory');
}

/** @throws CommandLineError for a name beside a selector, and for more than one */
function mayBeNamed(args: readonly string[], selector: string | undefined, words: string): void {
  if (args.length > 1) throw new CommandLineError(words);
  if (args.length > 0 && selector !== undefined) {
    throw plain(
      words.startsWith('node')
        ? 'only one of NAME or --selector can be provided'
        : 'only one of NAME or selector can be provided',
    );
  }
}

interface Sized {
  readonly namespace?: string;
  readonly name: string;
  readonly cpu: bigint;
  readonly memory: bigint;
}

function bySize(a: Sized, b: Sized, key: string | undefined): number {
  if (key === 'cpu' || key === 'memory') return Number(b[key] - a[key]);
  const [of, with_] = [a, b].map(({ namespace = '', name }) => `${namespace}/${name}`);
  return (of ?? '') < (with_ ?? '') ? -1 : 1;
}

const topPod = defineCommand({
  name: 'pod',
  aliases: ['pods', 'po'],
  summary: 'show what pods use',
  usage: '[NAME | -l LABELS]',
  examples: [
    ['of the namespace', 'trireme top pod'],
    ['of each container', 'trireme top pod web-0 --containers'],
  ],
  flags: {
    ...sortFlags,
    ...allNamespacesFlag,
    ...fieldSelectorFlag,
    containers: { type: 'bool', help: 'each container by itself' },
    sum: { type: 'bool', help: 'what all use together, in a last line' },
  },
  completes: 'pods',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { args, flags, context } = invocation;
      const everywhere = flags['all-namespaces'] === true;
      mayBeSorted(flags['sort-by']);
      mayBeNamed(args, flags.selector, 'pod [NAME | -l label]');
      const [name] = args;
      const place = everywhere ? '/pods' : `/namespaces/${session.namespace}/pods`;
      const measured = await measure(
        session,
        name === undefined ? place : `${place}/${name}`,
        flags.selector,
        flags['field-selector'],
      );
      if (measured.length === 0) {
        await explainNothing(session, everywhere ? undefined : session.namespace, flags.selector);
      }
      const sized = measured
        .flatMap(({ metadata, containers = [] }) => {
          const all = containers.map(({ name: container, usage }) => ({
            container,
            cpu: nanos(usage.cpu),
            memory: nanos(usage.memory),
          }));
          const sum = (key: 'cpu' | 'memory'): bigint =>
            all.reduce((total, one) => total + one[key], 0n);
          const one = { namespace: metadata.namespace ?? '', name: metadata.name };
          return flags.containers === true
            ? all.map((part) => ({ ...one, ...part }))
            : [{ ...one, container: '', cpu: sum('cpu'), memory: sum('memory') }];
        })
        .toSorted((a, b) => bySize(a, b, flags['sort-by']));
      const rows = sized.map((row) => [
        ...(everywhere ? [row.namespace] : []),
        row.name,
        ...(flags.containers === true ? [row.container] : []),
        cpuText(row.cpu),
        memoryText(row.memory),
      ]);
      if (rows.length === 0) {
        context.err(
          everywhere
            ? 'No resources found\n'
            : `No resources found in ${session.namespace} namespace.\n`,
        );
        return;
      }
      const head = [
        ...(everywhere ? ['NAMESPACE'] : []),
        flags.containers === true ? 'POD' : 'NAME',
        ...(flags.containers === true ? ['NAME'] : []),
        'CPU(cores)',
        'MEMORY(bytes)',
      ];
      if (flags.sum === true) {
        const sum = (key: 'cpu' | 'memory'): bigint =>
          sized.reduce((total, one) => total + one[key], 0n);
        const blank = Array.from({ length: head.length - 2 }, () => '');
        rows.push([...blank, '________', '________']);
        rows.push([...blank, cpuText(sum('cpu')), memoryText(sum('memory'))]);
      }
      context.out(alignColumns(flags['no-headers'] === true ? rows : [head, ...rows]));
    }),
});

/** Pods of the last two minutes may be without metrics yet. */
const metricsDelayMs = 120_000;

/** Says why no pod has metrics; nothing where there are no pods. @throws CommandLineError */
async function explainNothing(
  session: Session,
  namespace: string | undefined,
  labelSelector: string | undefined,
): Promise<void> {
  const resource = await session.mapper.byName('pods');
  const pods = await listObjects<Pod>(session, resource, { namespace, labelSelector });
  if (pods.length === 0) return;
  const nowMs = systemClock().nowMs();
  for (const { metadata } of pods) {
    const ageMs = nowMs - (parseTime(metadata.creationTimestamp) ?? nowMs);
    if (ageMs <= metricsDelayMs) continue;
    const age = formatDurationMs(ageMs);
    throw plain(`Metrics not available for pod ${objectKey(metadata)}, age: ${age}`);
  }
  throw plain('metrics not available yet');
}

/** `trireme top`. */
export const topCommand = defineGroup({
  name: 'top',
  summary: 'show what nodes and pods use',
  examples: [['nodes', 'trireme top node']],
  subcommands: [topNode, topPod],
});
