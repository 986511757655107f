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
/** `kubectl` records what it does; `differences` those of ours that differ now, and how. Read what has changed. */
const update = process.env['UPDATE'];
const recording = update === 'kubectl';

interface Compared {
  readonly is: string;
  readonly should: string;
}

describe.each(files)('%s', (name) => {
  const path = `${folder}/${name}.txt`;
  const blocks = readBlocks(path);
  const said = new Map<Block, string>();
  /** Those that had to be ended. */
  const unended = new Set<Block>();
  let cluster: ServedCluster;

  const compared = (block: Block, text = block.expected): Compared => {
    const ours = said.get(block) ?? '';
    return {
      is: comparable(ours, block.command, text),
      should: comparable(text, block.command, ours),
    };
  };
  const isSame = (block: Block, text?: string): boolean => {
    const { is, should } = compared(block, text);
    return is === should;
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
    if (recording) {
      writeBlocks(
        path,
        blocks.map((block) => ({ ...block, expected: said.get(block) ?? '' })),
      );
    } else if (update === 'differences') {
      writeBlocks(
        path,
        blocks.map((block) => {
          const ours = said.get(block) ?? '';
          const isPinned = block.ours !== undefined && isSame(block, block.ours);
          return { ...block, differs: !isSame(block), ours: isPinned ? block.ours : ours };
        }),
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
    if (!block.differs) expect(is).toBe(should);
    else {
      expect(is).not.toBe(should);
      const own = compared(block, block.ours ?? 'not recorded: UPDATE=differences does');
      expect(own.is).toBe(own.should);
    }
  });
});
