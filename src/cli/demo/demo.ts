import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { errorMessage } from '../../lib/errors.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { UsageError } from '../../lib/usage-error.js';
import type { CommandContext } from '../context.js';
import type { ClusterRecord } from '../home.js';
import { isAlive, readClusterRecord } from '../home.js';
import type { Screen } from '../watch/screen.js';
import { wrapWords } from '../watch/style.js';
import { mendDemoLeftovers } from '../up/demo-leftovers.js';
import { ClusterWatch } from '../watch/watch.js';
import type { WatchOutput } from '../watch/watch.js';
import { DemoWriter } from './demo-writer.js';
import { HostFaults, thisMachine } from './host-faults.js';
import { onInterruption } from './interruption.js';
import { isSound, Ledger, verdictLines } from './ledger.js';
import { DemoEndedError, LiveStage } from './live-stage.js';
import { playScenes } from './scenes.js';

/** What the user has said. */
export interface DemoOptions {
  readonly home: string;
  readonly output: WatchOutput;
  /** `--yes`: not asked again. */
  readonly isAgreed: boolean;
}

/** Sentences that the screen remembers. */
const narrationKept = 50;

/**
 * `trireme cluster watch --demo`: breaks a cluster that `up` has started, scene by scene, while writes go on, and mends
 * it; then reads every write back. What it has broken is mended however it ends; after SIGKILL by the next `up` or
 * demonstration.
 * @returns the exit code: 1 where an acknowledged write is lost, 130 when it was interrupted
 */
export async function runDemo(context: CommandContext, options: DemoOptions): Promise<number> {
  const record = await recordOf(options.home);
  if (!options.isAgreed && !(await agrees(options.home))) {
    context.err('nothing was done\n');
    return 1;
  }
  const lock = lockDirectory(options.home);
  try {
    await mendDemoLeftovers(record);
    return await new Demonstration(context, options, record).run();
  } finally {
    lock.release();
  }
}

/** @throws Error when there is no cluster that may be broken */
async function recordOf(home: string): Promise<ClusterRecord> {
  const record = await readClusterRecord(home);
  const masters = record?.hosts.filter(({ role }) => role === 'master') ?? [];
  if (record === undefined || masters.length < 3) {
    throw new Error(
      `--demo breaks a cluster of three masters or more that \`up\` has started on this machine; in ${home} there is none`,
    );
  }
  const dead = masters.filter(({ pid, dataDir }) => !isAlive(pid, dataDir)).map(({ name }) => name);
  if (dead.length === 0) return record;
  throw new Error(
    `--demo begins with every master alive: ${dead.join(', ')} is not; scripts/up starts it`,
  );
}

async function agrees(home: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError('--demo kills, pauses and cuts off masters: without a terminal say --yes');
  }
  const questions = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await questions.question(
      `This kills, pauses and cuts off masters of the cluster in ${home}, writes beside it to a namespace of\n` +
        'its own, and mends everything afterwards: about a minute. Go on? [y/N] ',
    );
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    questions.close();
  }
}

class Demonstration {
  readonly #context: CommandContext;
  readonly #options: DemoOptions;
  readonly #faults: HostFaults;
  readonly #ledger = new Ledger();
  readonly #ending = new AbortController();
  readonly #watching = new AbortController();
  readonly #narration: string[] = [];
  #screen: Screen | undefined;

  constructor(context: CommandContext, options: DemoOptions, record: ClusterRecord) {
    this.#context = context;
    this.#options = options;
    this.#faults = new HostFaults(record, thisMachine(options.home));
  }

  async run(): Promise<number> {
    const { context, options } = { context: this.#context, options: this.#options };
    const connection = await context.connect({ kubeconfig: join(options.home, 'kubeconfig') });
    const watch = new ClusterWatch(context, connection.channels());
    const namespace = `trireme-demo-${Math.floor(context.clock.nowMs() / 1000).toString(36)}`;
    const { clock } = context;
    const writer = new DemoWriter({
      client: connection.api,
      clock,
      ledger: this.#ledger,
      namespace,
    });
    const interrupt = (): void => this.#ending.abort();
    const uninterrupted = onInterruption(process, interrupt);
    try {
      await this.#open();
      const shown = this.#show(watch);
      const played = this.#play(watch, writer);
      // A watch that fails ends the scenes, which mend what they have broken.
      shown.catch(interrupt);
      const code = await played;
      this.#watching.abort();
      await shown;
      return code;
    } finally {
      this.#watching.abort();
      this.#screen?.close();
      uninterrupted();
      connection.close();
    }
  }

  async #open(): Promise<void> {
    if (this.#options.output !== 'screen') return;
    const { openScreen } = await import('../watch/screen.js');
    this.#screen = openScreen(process.stdout, process.stdin);
    this.#screen.onKey((key) => {
      if (key === 'q' || key === 'Q' || key === 'interrupt') this.#ending.abort();
    });
  }

  async #show(watch: ClusterWatch): Promise<void> {
    const { signal } = this.#watching;
    const told =
      this.#screen === undefined
        ? watch.write(this.#options.output === 'json', signal)
        : watch.draw(this.#screen, signal, () => this.#narration);
    await Promise.all([watch.read(signal), told]);
  }

  #say(text: string): void {
    this.#narration.push(text);
    if (this.#narration.length > narrationKept) this.#narration.shift();
    if (this.#screen !== undefined) return;
    const { clock, out } = this.#context;
    const time = new Date(clock.nowMs()).toISOString();
    if (this.#options.output === 'json')
      out(`${JSON.stringify({ type: 'narration', time, text })}\n`);
    else out(`» ${text}\n`);
  }

  async #play(watch: ClusterWatch, writer: DemoWriter): Promise<number> {
    const { clock, err } = this.#context;
    const stage = new LiveStage({
      model: watch.model,
      faults: this.#faults,
      ledger: this.#ledger,
      clock,
      signal: this.#ending.signal,
      say: (text) => this.#say(text),
    });
    let isInterrupted = false;
    try {
      await stage.leader();
      await writer.start();
      this.#say(
        `Writes go on beside it: one small object after the other, in the namespace ${writer.namespace}.`,
      );
      await stage.rest();
      const gaps = await playScenes(stage);
      await writer.stop();
      const { code, lines } = await this.#judge(writer);
      const times = gaps.map(([scene, gap]) => `  ${scene}: no write acknowledged for ${gap}`);
      this.#conclude(lines, times);
      return code;
    } catch (error) {
      if (!(error instanceof DemoEndedError)) throw error;
      isInterrupted = true;
      return 130;
    } finally {
      this.#screen?.close();
      if (isInterrupted) err('ending: taking back what was broken\n');
      await writer.stop();
      await this.#faults.undo((error) => err(`could not be taken back: ${errorMessage(error)}\n`));
      await writer.cleanUp().catch((error: unknown) => {
        err(`the namespace ${writer.namespace} is still there: ${errorMessage(error)}\n`);
      });
    }
  }

  /** Reads everything back and says what was lost. */
  async #judge(
    writer: DemoWriter,
  ): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    this.#say(
      `${this.#ledger.count} writes were made. Each is read back now: the leader answers reads once a majority has ` +
        'confirmed that it still leads (ReadIndex: §8, thesis 6.4).',
    );
    const verdict = this.#ledger.verdict(await writer.readBack());
    const lines = verdictLines(verdict);
    for (const line of lines) this.#say(line);
    return { code: isSound(verdict) ? 0 : 1, lines };
  }

  /** What stays on the terminal when the screen is gone; through a pipe the verdict was told already. */
  #conclude(verdict: readonly string[], times: readonly string[]): void {
    const screen = this.#screen;
    const { out } = this.#context;
    if (screen !== undefined) {
      screen.close();
      const wrapped = verdict.flatMap((text) => wrapWords(text, screen.columns));
      out(`${[...wrapped, ...times].join('\n')}\n`);
    } else if (this.#options.output === 'plain') out(`${times.join('\n')}\n`);
  }
}
