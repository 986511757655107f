/** NodeMetrics and PodMetrics: what nodes and pods use now. Measured at each read, never stored. */
import { formatDurationMs, parseDurationMs } from '../../lib/go-duration.js';
import { defineVirtual } from '../define.js';
import type { PrinterColumn } from '../kind.js';
import { column, nameColumn } from '../print/columns.js';
import { parseQuantity, Quantity } from '../quantity.js';
import { list, quantities, req, str, struct, time } from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';

const prefix = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const group = 'metrics.k8s.io';
const version = 'v1beta1';
const measured = {
  timestamp: req(time('The end of the time in which it was measured.')),
  window: req(str('The length of the time in which it was measured.')),
};
const usage = quantities('What is used: of cpu the rate, of memory the working set.');

const nodeMetricsSchema = kindSchema(`${prefix}.NodeMetrics`, 'What a node uses.', {
  ...measured,
  usage: req(usage),
});

const containerMetrics = struct(`${prefix}.ContainerMetrics`, 'What a container uses.', {
  name: req(str('Name of the container.')),
  usage: req(usage),
});

const podMetricsSchema = kindSchema(`${prefix}.PodMetrics`, 'What the containers of a pod use.', {
  ...measured,
  containers: req(list('The containers, each by itself.', containerMetrics)),
});

/** NodeMetrics as a type. */
export interface NodeMetrics extends Infer<typeof nodeMetricsSchema> {}
/** PodMetrics as a type. */
export interface PodMetrics extends Infer<typeof podMetricsSchema> {}

function windowText(window: string | undefined): string {
  return formatDurationMs(parseDurationMs(window ?? '') ?? 0);
}

function sumOf(object: PodMetrics, resource: string): string {
  let sum = new Quantity(0n, 'DecimalSI');
  for (const { usage: used } of object.containers ?? []) {
    const amount = parseQuantity(used?.[resource] ?? '0');
    if (amount !== undefined) sum = sum.add(amount);
  }
  return sum.toString();
}

/** metrics-server names a column after each resource, and prints amounts as they are. */
function columns<T extends NodeMetrics | PodMetrics>(
  amount: (object: T, resource: string) => string,
): PrinterColumn[] {
  return [
    nameColumn,
    ...['cpu', 'memory'].map((name) =>
      column<T>(name, (object) => amount(object, name), { format: 'quantity' }),
    ),
    column<T>('Window', (object) => windowText(object.window), { format: 'duration' }),
  ];
}

/** NodeMetrics. */
export const nodeMetricsKind = defineVirtual<NodeMetrics>({
  group,
  version,
  kind: 'NodeMetrics',
  plural: 'nodes',
  singular: '',
  namespaced: false,
  verbs: ['get', 'list'],
  schema: nodeMetricsSchema,
  columns: columns<NodeMetrics>((object, name) => object.usage?.[name] ?? '0'),
});

/** PodMetrics. */
export const podMetricsKind = defineVirtual<PodMetrics>({
  group,
  version,
  kind: 'PodMetrics',
  plural: 'pods',
  singular: '',
  verbs: ['get', 'list'],
  schema: podMetricsSchema,
  columns: columns<PodMetrics>(sumOf),
});
