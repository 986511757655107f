/**
 * The scenes of `cluster watch --demo`, narrated in the terms of the extended Raft paper (§) and of Ongaro's thesis.
 * They decide what is done and said; a stage does it.
 */

/** A master that leads. */
export interface Leader {
  readonly name: string;
  readonly term: number;
}

/** What scenes are played on. Everything that waits rejects when the demonstration is ended. */
export interface Stage {
  /** Whether masters can be cut off from each other. */
  readonly canIsolate: boolean;
  say(text: string): void;
  /** Time to read. */
  rest(): Promise<void>;
  kill(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  isolate(name: string): Promise<void>;
  heal(name: string): Promise<void>;
  /** Resolves when a master other than `except` leads, in the newest term that is known. */
  leader(except?: string): Promise<Leader>;
  /** Resolves when the master leads no more, as it tells itself. */
  steppedDown(name: string): Promise<void>;
  /** Resolves when the master has asked for pre-votes so many times since the call. */
  askedInVain(name: string, times: number): Promise<void>;
  /** Resolves when the master follows the leader, and has applied what it has. */
  caughtUp(name: string): Promise<void>;
  /** The name of a master that follows. */
  aFollower(): Promise<string>;
  /** The longest time without an acknowledged write since the last call. */
  takeGap(): string;
}

/** Plays all scenes that the stage can show. @returns the gap that writers felt in each, by the name of the scene */
export async function playScenes(stage: Stage): Promise<readonly (readonly [string, string])[]> {
  const gaps: (readonly [string, string])[] = [];
  const scenes: readonly (readonly [string, (stage: Stage) => Promise<void>])[] = [
    ['the leader killed', killLeader],
    ['the leader paused', pauseLeader],
    ...(stage.canIsolate
      ? ([
          ['the leader cut off', isolateLeader],
          ['a follower cut off', isolateFollower],
        ] as const)
      : []),
  ];
  for (const [name, play] of scenes) {
    stage.takeGap();
    await play(stage);
    const gap = stage.takeGap();
    gaps.push([name, gap]);
    stage.say(`The longest time in which no write was acknowledged, with ${name}: ${gap}.`);
    await stage.rest();
  }
  if (!stage.canIsolate) {
    stage.say(
      'Masters that share one network cannot be cut off from each other: as root, `up` gives each its own.',
    );
  }
  return gaps;
}

async function killLeader(stage: Stage): Promise<void> {
  const old = await stage.leader();
  stage.say(
    `${old.name} leads term ${old.term}, and is killed now (SIGKILL). In the paper its followers wait for an election ` +
      'timeout (§5.2); here they notice their broken connections at once.',
  );
  await stage.rest();
  await stage.kill(old.name);
  const next = await stage.leader(old.name);
  stage.say(
    `${next.name} leads term ${next.term}. It asked for pre-votes first, which change no term (thesis 9.6), then raised ` +
      'its term, voted for itself and asked for votes; a majority gave them (§5.2).',
  );
  await stage.rest();
  stage.say(
    'A vote goes only to a candidate whose log is at least as up to date as that of the voter (§5.4.1): who is elected has ' +
      'every committed entry. The first entry of its own term commits all that came before it (§5.4.2, §8).',
  );
  await stage.rest();
  await stage.restart(old.name);
  stage.say(
    `${old.name} starts again, with the term, the vote and the log that its disk has kept (figure 2, thesis 3.8); ` +
      `${next.name} sends what it lacks (§5.3).`,
  );
  await stage.caughtUp(old.name);
}

async function pauseLeader(stage: Stage): Promise<void> {
  const old = await stage.leader();
  stage.say(
    `${old.name} is paused now (SIGSTOP). No connection breaks, so only time tells: a follower that hears nothing for an ` +
      'election timeout stands for election. The timeouts are random, so that two seldom stand at once (§5.2).',
  );
  await stage.rest();
  await stage.pause(old.name);
  const next = await stage.leader(old.name);
  stage.say(
    `${next.name} leads term ${next.term}. ${old.name} still believes that it leads term ${old.term}; it wakes up now, ` +
      'and the first message of the newer term makes it a follower (§5.1).',
  );
  await stage.rest();
  await stage.resume(old.name);
  await stage.caughtUp(old.name);
  stage.say(
    `${old.name} follows. Entries of its own that no majority had, if there were any, are replaced by those of the leader (§5.3).`,
  );
  await stage.rest();
}

async function isolateLeader(stage: Stage): Promise<void> {
  const old = await stage.leader();
  stage.say(
    `${old.name} is cut off from the other masters now. Clients reach it, but nothing that it appends can be committed: ` +
      'the majority is on the other side (§5.3).',
  );
  await stage.rest();
  await stage.isolate(old.name);
  const next = await stage.leader(old.name);
  stage.say(
    `${next.name} leads term ${next.term}: there may be two leaders, never two of one term (§5.2). ${old.name} hears no ` +
      'majority for an election timeout and steps down, so that its clients do not wait for it (thesis 6.2).',
  );
  await stage.steppedDown(old.name);
  await stage.askedInVain(old.name, 1);
  stage.say(
    `${old.name} asks for pre-votes, which nobody hears: its term does not rise (thesis 9.6). The partition heals now.`,
  );
  await stage.rest();
  await stage.heal(old.name);
  await stage.caughtUp(old.name);
  const still = await stage.leader();
  stage.say(
    still.name === next.name && still.term === next.term
      ? `${old.name} follows, and nobody was disturbed: ${next.name} still leads term ${next.term}.`
      : `${old.name} follows; ${still.name} leads term ${still.term}.`,
  );
  await stage.rest();
}

async function isolateFollower(stage: Stage): Promise<void> {
  const leader = await stage.leader();
  const name = await stage.aFollower();
  stage.say(
    `${name}, a follower, is cut off now. The others are a majority: writers should feel nothing (§5.5).`,
  );
  await stage.rest();
  await stage.isolate(name);
  await stage.askedInVain(name, 3);
  stage.say(
    `${name} has asked for pre-votes three times, in vain, and its term is what it was. Without pre-votes it would come ` +
      'back with a higher term and depose a leader that is well (thesis 9.6). The partition heals now.',
  );
  await stage.rest();
  await stage.heal(name);
  await stage.caughtUp(name);
  const still = await stage.leader();
  stage.say(
    still.name === leader.name && still.term === leader.term
      ? `${name} has caught up (§5.3), and ${leader.name} still leads term ${leader.term}: members that hear a leader ` +
          'refuse their votes (§6, thesis 4.2.3).'
      : `${name} has caught up (§5.3); ${still.name} leads term ${still.term}.`,
  );
  await stage.rest();
}
