/** Where the time of a write goes: requests that go a little farther each are measured, and compared. */
import type { Clock } from '../../lib/clock.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { renderTable } from '../table.js';

/** A kind of request with what it needs that the one before it does not, and its times. */
export interface MeasuredRequest {
  readonly what: string;
  readonly adds: string;
  readonly timesMs: readonly number[];
}

const configMaps = { group: '', version: 'v1', plural: 'configmaps' };

/**
 * Sends requests in turns, so that all meet the same load, over one connection.
 * @param count of rounds
 * @throws ApiError; what was made is deleted
 */
export async function measureWrite(
  { kube, namespace, context }: Session,
  count: number,
): Promise<readonly MeasuredRequest[]> {
  const { clock } = context;
  const name = `trireme-trace-${Math.floor(clock.nowMs()).toString(36)}`;
  const list = pathOf(configMaps, { namespace });
  const one = pathOf(configMaps, { namespace, name });
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } };
  const dryRun = { dryRun: 'All' };
  const measured: { what: string; adds: string; run: () => Promise<unknown>; timesMs: number[] }[] =
    [
      {
        what: 'GET /livez',
        adds: 'network, TLS, the door of the API server',
        run: () => kube.raw({ path: '/livez' }),
        timesMs: [],
      },
      {
        what: 'create, dry run',
        adds: 'who asks, rights, decoding, admission, validation',
        run: () => kube.json({ method: 'POST', path: list, query: dryRun, body }),
        timesMs: [],
      },
      {
        what: 'create',
        adds: 'the store: Raft, sync of the disks of a majority, apply',
        run: () => kube.json({ method: 'POST', path: list, body }),
        timesMs: [],
      },
    ];
  let isThere = false;
  try {
    // The first round opens the connection and warms what is not measured.
    for (let round = -1; round < count; round += 1) {
      for (const request of measured) {
        if (request.what === 'create') isThere = true;
        const tookMs = await timed(clock, request.run);
        if (round >= 0) request.timesMs.push(tookMs);
      }
      await kube.json({ method: 'DELETE', path: one });
      isThere = false;
    }
  } catch (error) {
    if (isThere) await kube.json({ method: 'DELETE', path: one }).catch(() => undefined);
    throw error;
  }
  return measured;
}

async function timed(clock: Clock, run: () => Promise<unknown>): Promise<number> {
  const startMs = clock.monotonicMs();
  await run();
  return clock.monotonicMs() - startMs;
}

/** What `trace --write` says: the middle of each, what it adds to the one before, and the spread. */
export function costWords(measured: readonly MeasuredRequest[]): string {
  const rows = measured.map(({ what, adds, timesMs }, at) => {
    const before = measured[at - 1];
    const middle = quantile(timesMs, 0.5);
    const added = before === undefined ? middle : middle - quantile(before.timesMs, 0.5);
    return [what, ms(middle), ms(quantile(timesMs, 0.9)), ms(Math.max(0, added)), adds];
  });
  const table = renderTable(['REQUEST', 'P50', 'P90', 'ADDS', 'FOR'], rows);
  const count = measured[0]?.timesMs.length ?? 0;
  return `${table}${count} rounds over one connection, as this machine sees it; what was made is deleted.\n`;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;
