/** The rolling upgrade itself: one host at a time, and the end at the first fault. */
import type { ClusterStatus } from '../../gen/cluster.js';
import { errorMessage } from '../../lib/errors.js';
import type { ClusterRecord, HostRecord } from '../home.js';
import type { Build } from './build.js';
import type { HostFacts, Turn } from './plan.js';
import { nextTurn, notReady } from './plan.js';

/** The hosts and the cluster, as far as an upgrade touches them. */
export interface UpgradeStage {
  /** The record of now. */
  record(): Promise<ClusterRecord>;
  facts(record: ClusterRecord): readonly HostFacts[];
  status(): Promise<ClusterStatus>;
  /** Makes another master lead. */
  transfer(from: string, to: string): Promise<void>;
  /** Ends a host's process, and waits for it. @throws Error where it does not end */
  stop(host: HostRecord): Promise<void>;
  /** Starts a host, and writes down with what and as which process. */
  start(host: HostRecord, program: string): Promise<void>;
  /** What keeps a host that was started from being well; undefined: it is. */
  trouble(name: string): Promise<string | undefined>;
  /** The last lines of a host's log. */
  lastWords(name: string): Promise<string>;
  say(text: string): void;
  /** Asks until there is a value. @throws Error when there is none for long */
  until<T>(what: string, holds: () => Promise<T | undefined>): Promise<T>;
}

/** The upgrade ended at a fault. */
export class UpgradeStoppedError extends Error {
  override readonly name = 'UpgradeStoppedError';
}

/**
 * Brings each host that runs another build to this one. What is done already is seen, so it goes on where it ended.
 * @returns the hosts that were changed
 * @throws UpgradeStoppedError at the first fault, in plain words
 */
export async function roll(stage: UpgradeStage, build: Build): Promise<readonly string[]> {
  const done: string[] = [];
  for (;;) {
    const record = await stage.record();
    const hosts = stage.facts(record);
    // While no master runs nobody tells; then those that do not run come first.
    const { members } = hosts.some(({ role, isAlive }) => role === 'master' && isAlive)
      ? await stage.status()
      : { members: [] };
    const turn = nextTurn(hosts, members);
    if (turn === undefined) return done;
    const host = record.hosts.find(({ name }) => name === turn.name);
    if (host === undefined || done.includes(turn.name)) {
      throw new UpgradeStoppedError(`${turn.name} runs another build again: who started it?`);
    }
    await turnOf(stage, host, turn, build, hosts);
    done.push(turn.name);
  }
}

async function turnOf(
  stage: UpgradeStage,
  host: HostRecord,
  turn: Turn,
  build: Build,
  hosts: readonly HostFacts[],
): Promise<void> {
  const { name } = host;
  const before = hosts.find((one) => one.name === name);
  const wasAlive = before?.isAlive === true;
  if (turn.role === 'master' && wasAlive) await othersAreWell(stage, name);
  if (turn.transfer) {
    await handOver(stage, name);
  }
  if (wasAlive) await stage.stop(host);
  await stage.start(host, build.program);
  try {
    await wellAgain(stage, name);
  } catch (error) {
    const why = errorMessage(error);
    const last = await stage.lastWords(name);
    await putBack(stage, host, { why, last, former: wasAlive ? before.program : undefined, build });
  }
  stage.say(`${name} runs ${build.version}`);
}

/** @throws UpgradeStoppedError where nobody takes the leadership */
async function handOver(stage: UpgradeStage, name: string): Promise<void> {
  try {
    const to = await stage.until('a master that can lead', async () => successor(stage, name));
    stage.say(`${name} leads: leadership goes to ${to}`);
    await stage.transfer(name, to);
  } catch (error) {
    const why = errorMessage(error);
    throw new UpgradeStoppedError(`${name} was not touched: ${why}`, { cause: error });
  }
}

/** @throws Error where the host does not come up, or ends */
async function wellAgain(stage: UpgradeStage, name: string): Promise<void> {
  let last = 'it said nothing yet';
  try {
    await stage.until(`${name} is well`, async () => {
      const host = (await stage.record()).hosts.find((one) => one.name === name);
      const [facts] = host === undefined ? [] : stage.facts(await onlyOf(stage, name));
      if (facts?.isAlive === false) throw new EndedError();
      const trouble = await stage.trouble(name);
      if (trouble === undefined) return true;
      last = trouble;
      return undefined;
    });
  } catch (error) {
    throw error instanceof EndedError ? error : new Error(`it is not well (${last})`);
  }
}

/** The host has ended: waiting does not mend it. */
class EndedError extends Error {
  override readonly name = 'EndedError';
  readonly final = true;

  constructor() {
    super('it has ended');
  }
}

async function onlyOf(stage: UpgradeStage, name: string): Promise<ClusterRecord> {
  const record = await stage.record();
  return { ...record, hosts: record.hosts.filter((one) => one.name === name) };
}

/** A master that could lead instead: it answers, votes, and has what the one that leads has. */
async function successor(stage: UpgradeStage, from: string): Promise<string | undefined> {
  const { members } = await stage.status();
  const behind = notReady(members, from) ?? [];
  return members.find((one) => one.name !== from && !one.learner && !behind.includes(one.name))
    ?.name;
}

async function othersAreWell(stage: UpgradeStage, name: string): Promise<void> {
  let left: readonly string[] | undefined;
  try {
    await stage.until('the other masters are well', async () => {
      left = notReady((await stage.status()).members, name);
      return left?.length === 0 ? true : undefined;
    });
  } catch (error) {
    const why =
      left === undefined
        ? errorMessage(error)
        : `${left.join(', ')} must answer and catch up first`;
    throw new UpgradeStoppedError(`${name} was not touched: ${why}`, { cause: error });
  }
}

/** Starts a host that is not well with what it ran before. @throws UpgradeStoppedError always */
async function putBack(
  stage: UpgradeStage,
  host: HostRecord,
  {
    why,
    last,
    former,
    build,
  }: {
    readonly why: string;
    readonly last: string;
    /** What it ran; undefined: it did not run. */
    readonly former: string | undefined;
    readonly build: Build;
  },
): Promise<never> {
  const head = `${host.name} does not come up with ${build.version}: ${why}\n${last}\n`;
  const tail = 'Nothing else was touched. Mend it and run the same command again: it goes on here';
  if (former === undefined) throw new UpgradeStoppedError(`${head}${tail}`);
  if (former === build.program) {
    const gone = `What it ran before is gone: ${former} was built anew. `;
    throw new UpgradeStoppedError(`${head}${gone}${tail}`);
  }
  stage.say(`${host.name} does not come up: it is started with what it ran before`);
  try {
    const now = (await stage.record()).hosts.find(({ name }) => name === host.name) ?? host;
    await stage.stop(now);
    await stage.start(now, former);
    await wellAgain(stage, host.name);
  } catch (error) {
    const words = `It does not come up with what it ran before either: ${errorMessage(error)}`;
    throw new UpgradeStoppedError(`${head}${words}. The others were not touched`, { cause: error });
  }
  throw new UpgradeStoppedError(`${head}It runs what it ran before. ${tail}`);
}
