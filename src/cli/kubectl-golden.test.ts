/**
 * Command lines of kubectl 1.33 and ours against one API server: output, words, exit code and requests are the same.
 * What kubectl did is recorded in `testdata/kubectl/*.txt`, so that the comparison needs none.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Block } from './testkit/kubectl-golden.js';
import {
  comparable,
  readBlocks,
  runKubectl,
  runOurs,
  shown,
  writeBlocks,
} from './testkit/kubectl-golden.js';
import { ServedCluster } from './testkit/served-cluster.js';
import { cannedAnswers } from './testkit/canned-answers.js';

process.env['TZ'] = 'UTC';
const folder = 'src/cli/testdata/kubectl';
const files = ['read', 'write', 'apply', 'delete', 'nodes', 'streams', 'access'];
/** `kubectl` records what it does; `differences` marks the commands of ours that differ now. Read what has changed. */
const update = process.env['UPDATE'];
const recording = update === 'kubectl';

describe.each(files)('%s', (name) => {
  const path = `${folder}/${name}.txt`;
  const blocks = readBlocks(path);
  const said = new Map<Block, string>();
  /** Those that had to be ended. */
  const unended = new Set<Block>();
  let cluster: ServedCluster;

  const compared = (block: Block): { readonly is: string; readonly should: string } => {
    const ours = said.get(block) ?? '';
    return {
      is: comparable(ours, block.command, block.expected),
      should: comparable(block.expected, block.command, ours),
    };
  };

  beforeAll(async () => {
    cluster = await ServedCluster.start(`${folder}/cluster.yaml`, cannedAnswers);
    cluster.takeRequests();
    // In order, since some change what others see.
    for (const block of blocks) {
      const ran = await (recording ? runKubectl : runOurs)(cluster, block);
      if (ran.code === null) unended.add(block);
      said.set(block, shown(ran, cluster));
    }
    const isSame = (block: Block): boolean => compared(block).is === compared(block).should;
    if (recording) {
      writeBlocks(
        path,
        blocks.map((block) => ({ ...block, expected: said.get(block) ?? '' })),
      );
    } else if (update === 'differences') {
      writeBlocks(
        path,
        blocks.map((block) => ({ ...block, differs: !isSame(block) })),
      );
    }
  }, 300_000);

  afterAll(async () => {
    await cluster.stop();
  });

  test.each(blocks.map((block) => ({ command: block.command, block })))('$command', ({ block }) => {
    expect({ ends: !unended.has(block) }).toEqual({ ends: true });
    if (update === 'kubectl' || update === 'differences') return;
    const { is, should } = compared(block);
    if (block.differs) expect(is).not.toBe(should);
    else expect(is).toBe(should);
  });
});
