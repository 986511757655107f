/**
 * Holds controllers and scheduler against those of Kubernetes: `node
 * dist/test/conformance/oracle/scenarios/record-scenarios.js THEIRS OURS [REGEXP]`, where both are administrators'
 * kubeconfigs as JSON, of control planes without nodes. Prints what differs, scenario by scenario.
 */
import { systemClock } from '../../../../src/lib/clock.js';
import type { Ask } from '../client.js';
import { connectByFile } from '../client.js';
import type { Seen } from './cluster.js';
import { Cluster } from './cluster.js';
import { isKnown } from './known.js';
import { commonNodes, plan } from './plan.js';
import type { Scenario } from './steps.js';

const togetherMax = 8;
/** Makes namespaces of this run its own. */
const token = Math.floor(systemClock().nowMs() / 1000).toString(36);

async function main(): Promise<void> {
  const [theirFile = '', ourFile = '', pattern = ''] = process.argv.slice(2);
  const asks: Ask[] = [connectByFile(theirFile), connectByFile(ourFile)];
  const clusters = asks.map((ask) => new Cluster(ask));
  const players = clusters.map((cluster) => cluster.play());
  const chosen = plan.filter(({ name }) => new RegExp(pattern).test(name));
  const common = chosen.filter(({ nodes }) => nodes === undefined);
  if (common.length > 0) {
    await Promise.all(clusters.map((cluster) => cluster.haveNodes(commonNodes)));
    while (common.length > 0) {
      await Promise.all(
        common.splice(0, togetherMax).map((scenario) => compare(clusters, scenario)),
      );
    }
  }
  for (const scenario of chosen) {
    if (scenario.nodes === undefined) continue;
    const { nodes } = scenario;
    await Promise.all(clusters.map((cluster) => cluster.haveNodes(nodes)));
    await compare(clusters, scenario);
  }
  for (const cluster of clusters) cluster.stop();
  await Promise.all(players);
}

async function compare(clusters: readonly Cluster[], scenario: Scenario): Promise<void> {
  const [theirs = new Map(), ours = new Map()] = await Promise.all(
    clusters.map((cluster) => cluster.run(scenario, `s-${scenario.name}-${token}`)),
  );
  console.log([`== ${scenario.name}`, ...differences(theirs, ours)].join('\n'));
}

/** `-` is theirs, `+` ours. What was told of an object once is not told again. */
function differences(theirs: Seen, ours: Seen): string[] {
  const blocks: string[] = [];
  const told = new Set<string>();
  for (const key of [...new Set([...theirs.keys(), ...ours.keys()])].toSorted(byStep)) {
    const [a, b] = [theirs.get(key), ours.get(key)];
    const sign = a === undefined ? '+' : b === undefined ? '-' : '!';
    const shown = sign === '!' || key.includes('Event/') || key.includes('answer');
    const lines = [
      ...(a ?? []).filter((line) => b?.includes(line) !== true).map((line) => `    - ${line}`),
      ...(b ?? []).filter((line) => a?.includes(line) !== true).map((line) => `    + ${line}`),
    ].filter((line) => shown && !isKnown(key, line));
    const text = lines.join('\n');
    const id = `${sign}${key.replace(/^\d+ /, '').replace(/ \(\d+\)$/, '')}\n${text}`;
    if ((sign === '!' && lines.length === 0) || told.has(id)) continue;
    told.add(id);
    blocks.push([`${sign} ${key}`, ...lines].join('\n'));
  }
  return blocks;
}

function byStep(a: string, b: string): number {
  return parseInt(a, 10) - parseInt(b, 10) || (a < b ? -1 : 1);
}

await main();
