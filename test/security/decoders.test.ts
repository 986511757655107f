/**
 * Decoders of untrusted bytes: what reading, patching and merging a body costs grows in step with its size. Each case
 * is run at a size and at eight times that size: a linear one costs about 8 times as much, a quadratic one 64 times.
 */
import { describe, expect, test } from '@jest/globals';
import { applyConfiguration, trackUpdate } from '../../src/api/apply/managed-fields.js';
import type { KindDeclaration } from '../../src/api/kind.js';
import { builtInRegistry } from '../../src/api/kinds.js';
import { parseLabelSelector } from '../../src/api/facts/selector-text.js';
import { compileSelector } from '../../src/api/facts/selectors.js';
import type { KubeObject } from '../../src/api/object.js';
import { applyJsonPatch } from '../../src/api/patch/json-patch.js';
import { applyMergePatch } from '../../src/api/patch/merge-patch.js';
import { applyStrategicMergePatch } from '../../src/api/patch/strategic-merge.js';
import { parseQuantity } from '../../src/api/quantity.js';
import { parseJsonBody } from '../../src/api/schema/json-text.js';
import { parseYamlBody } from '../../src/api/schema/yaml-text.js';
import { decodeObject, validateCreate, validateUpdate } from '../../src/api/strategy.js';
import { growthOf, highestRatio } from './lib/growth.js';

const kinds = builtInRegistry();

function kindOf(group: string, version: string, resource: string): KindDeclaration {
  const kind = kinds.byResource(group, version, resource);
  if (kind === undefined) throw new Error(`no ${resource}`);
  return kind;
}

const podKind = kindOf('', 'v1', 'pods');
const quotaKind = kindOf('', 'v1', 'resourcequotas');
const writer = { manager: 'm', subresource: '', now: '2024-01-01T00:00:00Z' };

function list<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function podOf(count: number): KubeObject {
  const containers = list(count, (i) => ({ name: `c${i}`, image: 'i' }));
  const tolerations = list(count, (i) => ({ key: `k${i}`, operator: 'Exists' }));
  const metadata = { name: 'p', namespace: 'n', finalizers: list(count, (i) => `a/f${i}`) };
  const spec = { containers, tolerations };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec } as KubeObject;
}

function quotaOf(count: number): KubeObject {
  const spec = { scopes: list(count, (i) => `S${i}`) };
  const metadata = { name: 'q', namespace: 'n' };
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec } as KubeObject;
}

/** A decoder and its input. */
interface Case {
  readonly size: number;
  /** Makes the input, whose cost does not count, and returns what is done with it. */
  readonly prepare: (size: number) => () => unknown;
}

function reading(
  size: number,
  make: (size: number) => string,
  read: (text: string) => unknown,
): Case {
  const prepare = (n: number): (() => unknown) => {
    const text = make(n);
    return () => read(text);
  };
  return { size, prepare };
}

const strictJson = (body: string): unknown => parseJsonBody(body, true);
const join = (count: number, make: (i: number) => string, between = ''): string =>
  list(count, make).join(between);

const texts: Readonly<Record<string, Case>> = {
  'YAML: keys': reading(2_000, (n) => join(n, (i) => `k${i}: v\n`), parseYamlBody),
  'YAML: list': reading(2_000, (n) => '- v\n'.repeat(n), parseYamlBody),
  'YAML: anchors': reading(1_000, (n) => join(n, (i) => `k${i}: &a${i} v\n`), parseYamlBody),
  'YAML: aliases': reading(1_000, (n) => `a: &a 1\nb:\n${'- *a\n'.repeat(n)}`, parseYamlBody),
  'YAML: duplicate keys': reading(2_000, (n) => 'k: v\n'.repeat(n), parseYamlBody),
  'YAML: comments': reading(10_000, (n) => `${'# x\n'.repeat(n)}a: 1`, parseYamlBody),
  'YAML: escapes': reading(10_000, (n) => `a: "${'\\n'.repeat(n)}"`, parseYamlBody),
  'YAML: bad escapes': reading(10_000, (n) => `a: "${'\\x'.repeat(n)}`, parseYamlBody),
  'YAML: block scalar': reading(5_000, (n) => `a: |\n${'  x\n'.repeat(n)}`, parseYamlBody),
  'YAML: flow maps': reading(2_000, (n) => `[${join(n, () => '{a: 1}', ',')}]`, parseYamlBody),
  'JSON: keys': reading(5_000, (n) => `{${join(n, (i) => `"k${i}":1`, ',')}}`, strictJson),
  'JSON: duplicate keys': reading(5_000, (n) => `{${join(n, () => '"k":1', ',')}}`, strictJson),
  'JSON: nesting': reading(100, (n) => `${'{"a":1,"a":'.repeat(n)}1${'}'.repeat(n)}`, strictJson),
  'JSON: open brackets': reading(20_000, (n) => '['.repeat(n), strictJson),
  'label selector: values': reading(
    2_000,
    (n) => `a in (${join(n, (i) => `v${i}`, ',')})`,
    parseLabelSelector,
  ),
  'label selector: keys': reading(2_000, (n) => join(n, (i) => `k${i}`, ','), parseLabelSelector),
  'quantity: digits': reading(50_000, (n) => '9'.repeat(n), parseQuantity),
};

const changes: Readonly<Record<string, Case>> = {
  'JSON patch: copies': {
    size: 500,
    prepare: (n) => {
      const patch = list(n, () => ({ op: 'copy', from: '/a', path: '/b' }));
      return () => applyJsonPatch({ a: 'x'.repeat(100) }, patch);
    },
  },
  'JSON patch: tests': {
    size: 500,
    prepare: (n) => {
      const patch = list(n, () => ({ op: 'test', path: '/a', value: [1, 2, 3] }));
      return () => applyJsonPatch({ a: [1, 2, 3] }, patch);
    },
  },
  'merge patch': {
    size: 5_000,
    prepare: (n) => {
      const labels = Object.fromEntries(list(n, (i) => [`k${i}`, 'v']));
      return () => applyMergePatch({ labels: { ...labels } }, { labels });
    },
  },
  'strategic merge': {
    size: 1_000,
    prepare: (n) => {
      const [target, patch] = [podOf(n), podOf(n)];
      return () => applyStrategicMergePatch(podKind.schema, target, patch);
    },
  },
  'strategic merge: deletions': {
    size: 2_000,
    prepare: (n) => {
      const target = podOf(n);
      const metadata = { '$deleteFromPrimitiveList/finalizers': target.metadata.finalizers };
      return () => applyStrategicMergePatch(podKind.schema, target, { metadata });
    },
  },
  'decoding and validation': {
    size: 500,
    prepare: (n) => {
      const pod = podOf(n);
      return () => validateCreate(podKind, decodeObject(podKind, pod).object);
    },
  },
  'validation of an update': {
    size: 1_000,
    prepare: (n) => {
      const [pod, old] = [podOf(n), podOf(n)];
      return () => validateUpdate(podKind, pod, old);
    },
  },
  'errors that show their list': {
    size: 500,
    prepare: (n) => {
      const quota = quotaOf(n);
      return () => validateCreate(quotaKind, quota);
    },
  },
  'server-side apply': {
    size: 200,
    prepare: (n) => {
      const config = podOf(n);
      return () => {
        const live = structuredClone(config);
        trackUpdate(podKind, undefined, live, writer);
        return applyConfiguration(podKind, { live, config, force: true, writer });
      };
    },
  },
  'a selector with many values on many labels': {
    size: 500,
    prepare: (n) => {
      const values = list(n, (i) => `v${i}`);
      const selects = compileSelector({ matchExpressions: [{ key: 'a', operator: 'In', values }] });
      return () => list(n, (i) => selects({ a: `x${i}` }));
    },
  },
};

describe('the cost of a body grows in step with its size', () => {
  test.each(Object.entries({ ...texts, ...changes }))('%s', (_name, { size, prepare }) => {
    expect(growthOf(size, prepare)).toBeLessThanOrEqual(highestRatio);
  });
});
