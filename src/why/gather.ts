/** Reads what an answer needs, in rounds, until the core asks for nothing more. */
import type { Finding } from './finding.js';
import type { Answer, Want } from './view.js';
import { ClusterView, wantKey } from './view.js';

/** Each round goes a step down the chain of causes, which has about six. */
const roundsMax = 12;

/** An answer, and the resources that could not be read for it. */
export interface Explained {
  readonly finding: Finding;
  readonly hidden: readonly string[];
}

/** The parts that {@link gather} works with. */
export interface GatherOptions {
  /** Reads from the API; undefined for what the user may not read. */
  readonly read: (want: Want) => Promise<Answer>;
  readonly nowMs: number;
  /** The namespace of commands that name none. */
  readonly namespace: string;
}

/** Runs `explain` with more and more of the cluster. @throws what `read` throws */
export async function gather(
  { read, nowMs, namespace }: GatherOptions,
  explain: (view: ClusterView) => Finding,
): Promise<Explained> {
  const answers = new Map<string, Answer>();
  for (let round = 1; ; round++) {
    const view = new ClusterView({ answers, nowMs, namespace });
    const finding = explain(view);
    if (view.wanted.size === 0 || round === roundsMax) {
      return { finding, hidden: [...view.hidden].sort() };
    }
    await Promise.all(
      [...view.wanted.values()].map(async (want) => {
        answers.set(wantKey(want), await read(want));
      }),
    );
  }
}
