import { describe, expect, test } from '@jest/globals';
import type { Reading, Summary } from './usage.js';
import {
  bytesText,
  coresText,
  linesMax,
  linesOf,
  readingOf,
  readingOfMetrics,
  readingsKept,
  withReading,
} from './usage.js';

function summary(name: string, second: number, nanos: number): Summary {
  const time = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  return {
    node: {
      nodeName: name,
      cpu: { time, usageCoreNanoSeconds: nanos },
      memory: { workingSetBytes: 2 ** 30 },
    },
    pods: [
      {
        podRef: { namespace: 'd', name: `on-${name}` },
        cpu: { usageNanoCores: 250_000_000 },
        memory: { workingSetBytes: 2 ** 20 },
      },
    ],
  };
}

describe('the use of nodes and pods', () => {
  test('comes from two summaries of each agent', () => {
    const before = new Map([
      ['b', summary('b', 0, 5e9)],
      ['c', summary('c', 0, 9e9)],
    ]);
    const now = [summary('c', 5, 1e9), summary('a', 5, 7e9), summary('b', 5, 10e9)];
    expect(readingOf(7, now, before)).toEqual({
      atMs: 7,
      nodes: [
        // The first reading, a rate, and a machine that was started anew.
        { name: 'a', cores: undefined, bytes: 2 ** 30 },
        { name: 'b', cores: 1, bytes: 2 ** 30 },
        { name: 'c', cores: undefined, bytes: 2 ** 30 },
      ],
      pods: ['c', 'a', 'b'].map((name) => ({
        namespace: 'd',
        name: `on-${name}`,
        cores: 0.25,
        bytes: 2 ** 20,
      })),
    });
  });

  test('comes from the metrics API', () => {
    const usage = { cpu: '1500m', memory: '64Mi' };
    const nodes = [{ metadata: { name: 'a' }, usage }];
    const pods = [{ metadata: { name: 'p', namespace: 'd' }, containers: [{ usage }, { usage }] }];
    expect(readingOfMetrics(1, nodes, pods)).toEqual({
      atMs: 1,
      nodes: [{ name: 'a', cores: 1.5, bytes: 64 * 2 ** 20 }],
      pods: [{ namespace: 'd', name: 'p', cores: 3, bytes: 128 * 2 ** 20 }],
    });
  });

  test('becomes lines with gaps, of those that use most, for a while', () => {
    const reading = (atMs: number, ...names: string[]): Reading => ({
      atMs,
      nodes: names.map((name, n) => ({ name, cores: n, bytes: n })),
      pods: [],
    });
    const readings = [reading(1000, 'b'), reading(2000, 'a', 'b')];
    expect(linesOf(readings, ({ cores }) => cores)).toEqual({
      names: ['a', 'b'],
      times: [1, 2],
      values: [
        [null, 0],
        [0, 1],
      ],
    });
    const many = Array.from({ length: linesMax + 3 }, (_, n) => `node-${n}`);
    const lines = linesOf([reading(1, ...many)], ({ bytes }) => bytes);
    expect(lines.names).toHaveLength(linesMax);
    expect(lines.names).not.toContain('node-0');
    let kept: readonly Reading[] = [];
    for (let n = 0; n < readingsKept + 2; n++) kept = withReading(kept, reading(n));
    expect(kept).toHaveLength(readingsKept);
    expect(kept[0]?.atMs).toBe(2);
  });

  test('is printed as people write it', () => {
    expect([undefined, 0, 0.0004, 0.25, 0.9999, 12.345].map(coresText)).toEqual([
      '-',
      '0m',
      '0m',
      '250m',
      '1.00',
      '12.35',
    ]);
    expect([0, 2 ** 20, 1023.9 * 2 ** 20, 1.5 * 2 ** 30].map(bytesText)).toEqual([
      '0 MiB',
      '1 MiB',
      '1.0 GiB',
      '1.5 GiB',
    ]);
  });
});
