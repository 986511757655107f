/** Reads every few seconds what nodes and pods use. */
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import { nodes, pathOf } from '../../model/resources.js';
import type { MetricsItem, Reading, Summary } from '../../model/usage.js';
import { readingOf, readingOfMetrics, withReading } from '../../model/usage.js';
import type { Api } from './api.js';
import type { Store } from './store.js';

/** The readings so far. */
export interface Usage {
  readonly readings: readonly Reading[];
  /** What did not answer, in words. */
  readonly error: string | undefined;
}

/** Before the first reading. */
export const noUsage: Usage = { readings: [], error: undefined };

const everyMs = 5_000;
/** Nodes whose agents are asked; of larger clusters it takes the metrics API. */
const nodesMax = 50;
const metrics = '/apis/metrics.k8s.io/v1beta1';

interface Items<T> {
  readonly items: readonly T[];
}

/** Reads until `signal` aborts; never rejects. */
export async function followUsage(
  { api, clock }: { readonly api: Api; readonly clock: Clock },
  store: Store<Usage>,
  signal: AbortSignal,
): Promise<void> {
  let before = new Map<string, Summary>();
  let hasMetrics = true;
  while (!signal.aborted) {
    try {
      const found: Found | undefined = hasMetrics
        ? await readMetrics(api, clock, signal)
        : undefined;
      hasMetrics = found !== undefined;
      const { reading, error, summaries } = found ?? (await readAgents(api, clock, before, signal));
      before = summaries;
      store.set({ readings: withReading(store.value.readings, reading), error });
    } catch (error) {
      if (signal.aborted) return;
      store.set({ ...store.value, error: failureText(error) });
    }
    await delay(clock, everyMs, signal);
  }
}

interface Found {
  readonly reading: Reading;
  readonly error: string | undefined;
  readonly summaries: Map<string, Summary>;
}

/** @returns undefined where the cluster has no such API */
async function readMetrics(
  api: Api,
  clock: Clock,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    const [ofNodes, ofPods] = await Promise.all([
      api.json<Items<MetricsItem>>(`${metrics}/nodes`, { signal }),
      api.json<Items<MetricsItem>>(`${metrics}/pods`, { signal }),
    ]);
    const reading = readingOfMetrics(clock.nowMs(), ofNodes.items, ofPods.items);
    return { reading, error: undefined, summaries: new Map() };
  } catch (error) {
    if (error instanceof ApiFailure && (error.code === 404 || error.code === 503)) return undefined;
    throw error;
  }
}

async function readAgents(
  api: Api,
  clock: Clock,
  before: ReadonlyMap<string, Summary>,
  signal: AbortSignal,
): Promise<Found> {
  const list = await api.json<Items<MetricsItem>>(`${pathOf(nodes)}?limit=${nodesMax}`, { signal });
  const answers = await Promise.allSettled(
    list.items.map(({ metadata: { name } }) => {
      const path = `${pathOf(nodes, { name, subresource: 'proxy' })}/stats/summary`;
      return api.json<Summary>(path, { signal });
    }),
  );
  const summaries = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = answers.find((one) => one.status === 'rejected');
  return {
    reading: readingOf(clock.nowMs(), summaries, before),
    error: failed === undefined ? undefined : failureText(failed.reason),
    summaries: new Map(summaries.map((summary) => [summary.node.nodeName, summary])),
  };
}
