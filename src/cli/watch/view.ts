/** The whole screen of `cluster watch`: exactly as many lines as there is room for. Pure. */
import { formatTimeOfDay } from '../../client/observation/describe.js';
import type { Election } from '../../client/observation/elections.js';
import { findElections } from '../../client/observation/elections.js';
import { isAlive } from '../../client/observation/member-facts.js';
import type { WatchModel } from '../../client/observation/model.js';
import { paint, piece, wrapWords } from './style.js';
import type { Line, Palette, Piece } from './style.js';
import { electionLines, electionSummary, happeningLine } from './view-elections.js';
import { componentLines, memberLines, nodeLine } from './view-members.js';

/** The contents of a screen, and its size. */
export interface ViewOptions {
  readonly model: WatchModel;
  readonly nowMs: number;
  readonly columns: number;
  readonly rows: number;
  readonly palette: Palette;
  /** Masters that do not answer the watcher itself, each with its reason. */
  readonly troubles: readonly string[];
  /** The words of a demonstration, oldest first; undefined where there is none. */
  readonly narration?: readonly string[];
}

/** The lines of a screen, painted; none is wider than the screen. */
export function renderScreen(options: ViewOptions): string[] {
  const { model, nowMs, columns, rows, palette, troubles, narration = [] } = options;
  const elections = findElections(model.happenings, (id) => model.nameOf(id));
  const top: Line[] = [
    headline(model, nowMs),
    [],
    ...memberLines(model, nowMs, columns),
    [],
    ...componentLines(model, nowMs),
    nodeLine(model, columns),
    ...troubles.map((text): Line => [piece(text, 'down')]),
    [],
    ...(narration.length === 0 ? [] : [...narrationLines(narration, columns), []]),
  ];
  const foot: Line[] = [legend(palette)];
  const room = Math.max(0, rows - top.length - foot.length);
  const lines = [...top.slice(0, rows - foot.length), ...timeLine(model, elections, room), ...foot];
  return lines.slice(0, rows).map((line) => paint(line, columns, palette));
}

/** The last election in full: for what stays when the screen is gone. */
export function renderLastElection(model: WatchModel, palette: Palette, columns: number): string[] {
  const nameOf = (id: bigint): string => model.nameOf(id);
  const last = findElections(model.happenings, nameOf).at(-1);
  if (last === undefined) return [];
  return electionLines(last, nameOf).map((line) => paint(line, columns, palette));
}

function headline(model: WatchModel, nowMs: number): Line {
  const time = piece(`  ${formatTimeOfDay(nowMs).slice(0, 8)} UTC   `, 'dim');
  if (model.members.length === 0) {
    return [piece('trireme', 'bold'), time, piece('waiting for a master to answer')];
  }
  const voters = model.members.filter(({ learner }) => !learner);
  const alive = voters.filter((member) => isAlive(member, nowMs)).length;
  const hasQuorum = alive > voters.length / 2;
  const leader = model.members.find(
    (member) => isAlive(member, nowMs) && isLeader(model, member.id),
  );
  const answer = `${alive} of ${voters.length} masters answer`;
  return [
    piece('trireme', 'bold'),
    time,
    piece(answer, hasQuorum ? 'plain' : 'down'),
    hasQuorum ? piece('   ') : piece(', no quorum   ', 'down'),
    ...(leader === undefined
      ? [piece('no leader', 'down')]
      : [
          piece('leader '),
          piece(leader.name, 'leader'),
          piece(` of term ${leader.state?.term ?? 0}`),
        ]),
  ];
}

/** A member that leads in the newest term that anybody knows: an isolated leader of an older one is none. */
function isLeader(model: WatchModel, id: bigint): boolean {
  const newest = Math.max(
    ...model.members.map(({ state }) => (state?.role === 'leader' ? state.term : 0)),
  );
  const state = model.members.find((member) => member.id === id)?.state;
  return state?.role === 'leader' && state.term === newest;
}

/** The newest election in full, earlier ones on a line each, and what happened last where there is room left. */
function timeLine(model: WatchModel, elections: readonly Election[], room: number): Line[] {
  const nameOf = (id: bigint): string => model.nameOf(id);
  const last = elections.at(-1);
  if (last === undefined) {
    return room === 0 ? [] : fill([[piece('no election was seen yet', 'dim')]], model, room);
  }
  const newest = electionLines(last, nameOf);
  if (newest.length > room) return newest.slice(0, room);
  const earlier = elections
    .slice(0, -1)
    .toReversed()
    .slice(0, Math.min(10, room - newest.length - 1))
    .map(electionSummary);
  const before: Line[] = earlier.length === 0 ? [] : [[piece('before', 'dim')], ...earlier];
  return fill([...newest, ...before], model, room);
}

/** Fills what is left with the latest happenings, from three lines on. */
function fill(lines: readonly Line[], model: WatchModel, room: number): Line[] {
  const left = room - lines.length - 2;
  const filled = [...lines];
  if (left >= 3) {
    const latest: Line[] = [];
    for (let n = model.happenings.length - 1; n >= 0 && latest.length < left; n--) {
      const happening = model.happenings[n];
      const line =
        happening === undefined ? undefined : happeningLine(happening, (id) => model.nameOf(id));
      if (line !== undefined) latest.unshift(line);
    }
    filled.push([], [piece('latest', 'dim')], ...latest);
  }
  while (filled.length < room) filled.push([]);
  return filled;
}

/** The last thing that a demonstration said, on at most four lines. */
function narrationLines(narration: readonly string[], columns: number): Line[] {
  const lines = wrapWords(narration.at(-1) ?? '', columns - 2).slice(0, 4);
  return lines.map((text, n) => [piece(n === 0 ? '» ' : '  ', 'accent'), piece(text)]);
}

function legend(palette: Palette): Line {
  const roles: Piece[] = [
    piece('● leader ', 'leader'),
    piece('● candidate ', 'candidate'),
    piece('● follower ', 'follower'),
    piece('● down ', 'down'),
    piece('● moved, waited ', 'accent'),
  ];
  const hasColours = palette.leader('x') !== 'x';
  const notes = piece(' HEARD: of the leader, SYNC99: of the disk', 'dim');
  return [piece('q quits  ', 'dim'), ...(hasColours ? roles : []), notes];
}
