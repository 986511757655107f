import { describe, expect, test } from '@jest/globals';
import { playScenes } from './scenes.js';
import type { Stage } from './scenes.js';

/** A stage on which the next master is elected each time; notes what is done and said. */
function rehearsal(canIsolate: boolean): { readonly stage: Stage; readonly notes: string[] } {
  const notes: string[] = [];
  const masters = ['master-1', 'master-2', 'master-3'];
  let leader = { name: 'master-1', term: 4 };
  const note =
    (what: string) =>
    async (name: string): Promise<void> =>
      void notes.push(`${what} ${name}`);
  const stage: Stage = {
    canIsolate,
    say: (text) => notes.push(`» ${text}`),
    rest: async () => undefined,
    kill: note('kill'),
    restart: note('restart'),
    pause: note('pause'),
    resume: note('resume'),
    isolate: note('isolate'),
    heal: note('heal'),
    steppedDown: note('wait until it steps down:'),
    askedInVain: note('wait until it has asked in vain:'),
    caughtUp: note('wait until it has caught up:'),
    aFollower: async () => masters.find((name) => name !== leader.name) ?? '',
    leader: async (except) => {
      if (except === leader.name) {
        const at = (masters.indexOf(leader.name) + 1) % masters.length;
        leader = { name: masters[at] ?? '', term: leader.term + 1 };
      }
      return leader;
    },
    takeGap: () => '120 ms',
  };
  return { stage, notes };
}

function deeds(notes: readonly string[]): string[] {
  return notes.filter((text) => !text.startsWith('»'));
}

describe('the scenes', () => {
  test('kill, pause and cut off whoever leads, then a follower, and mend each before the next', async () => {
    const { stage, notes } = rehearsal(true);
    expect(await playScenes(stage)).toEqual([
      ['the leader killed', '120 ms'],
      ['the leader paused', '120 ms'],
      ['the leader cut off', '120 ms'],
      ['a follower cut off', '120 ms'],
    ]);
    expect(deeds(notes)).toEqual([
      'kill master-1',
      'restart master-1',
      'wait until it has caught up: master-1',
      'pause master-2',
      'resume master-2',
      'wait until it has caught up: master-2',
      'isolate master-3',
      'wait until it steps down: master-3',
      'wait until it has asked in vain: master-3',
      'heal master-3',
      'wait until it has caught up: master-3',
      'isolate master-2',
      'wait until it has asked in vain: master-2',
      'heal master-2',
      'wait until it has caught up: master-2',
    ]);
  });

  test('cut nobody off where masters share a network, and say so', async () => {
    const { stage, notes } = rehearsal(false);
    await playScenes(stage);
    expect(deeds(notes).some((text) => text.startsWith('isolate'))).toBe(false);
    expect(notes.at(-1)).toContain('cannot be cut off from each other');
  });

  test('name the sections that they show', async () => {
    const { stage, notes } = rehearsal(true);
    await playScenes(stage);
    const said = notes.filter((text) => text.startsWith('»')).join('\n');
    const sections = ['§5.1', '§5.2', '§5.3', '§5.4.1', '§5.4.2', '§5.5', '§6', '§8'];
    const chapters = ['3.8', '4.2.3', '6.2', '9.6'].map((chapter) => `thesis ${chapter}`);
    for (const section of [...sections, ...chapters]) expect(said).toContain(section);
  });
});
