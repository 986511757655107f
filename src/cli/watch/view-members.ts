/** The members, the components and the nodes, as lines. Pure. */
import type { ComponentLease } from '../../gen/cluster.js';
import type { MemberState } from '../../gen/telemetry.js';
import stringWidth from 'string-width';
import { formatMs } from '../../client/observation/describe.js';
import type { KnownMember, WatchModel } from '../../client/observation/model.js';
import { heardMs, isAlive, lagOf, roundTripMs } from '../../client/observation/member-facts.js';
import { saysNothing, silentAfterMs } from '../../client/observation/model.js';
import { cut, fit, piece } from './style.js';
import type { Line, Tone } from './style.js';

const roleNames: Readonly<Record<string, string>> = {
  leader: 'LEADER',
  candidate: 'candidate',
  preCandidate: 'pre-cand.',
  follower: 'follower',
};

const roleTones: Readonly<Record<string, Tone>> = {
  leader: 'leader',
  candidate: 'candidate',
  preCandidate: 'candidate',
};

interface Row {
  readonly member: KnownMember;
  readonly state: MemberState;
  readonly nowMs: number;
  readonly members: readonly KnownMember[];
  readonly nameOf: (id: bigint) => string;
}

interface Column {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** Columns with the highest number go first where the screen is too narrow. */
  readonly leaves: number;
  readonly cell: (row: Row) => string;
}

const columns: readonly Column[] = [
  { head: 'ROLE', align: 'left', leaves: 0, cell: ({ state }) => roleOf(state) },
  { head: 'TERM', align: 'right', leaves: 0, cell: ({ state }) => String(state.term) },
  {
    head: 'VOTE',
    align: 'left',
    leaves: 3,
    cell: ({ state, nameOf }) => (state.vote === 0n ? '-' : nameOf(state.vote)),
  },
  { head: 'COMMIT', align: 'right', leaves: 0, cell: ({ state }) => String(state.commit) },
  { head: 'APPLIED', align: 'right', leaves: 4, cell: ({ state }) => String(state.applied) },
  {
    head: 'LAG',
    align: 'right',
    leaves: 0,
    cell: ({ state, members }) => String(lagOf(state, members)),
  },
  { head: 'HEARD', align: 'right', leaves: 1, cell: heard },
  { head: 'RTT', align: 'right', leaves: 2, cell: roundTrip },
  {
    head: 'PEERS',
    align: 'right',
    leaves: 2,
    cell: ({ state: { peers } }) =>
      `${peers.filter(({ connected }) => connected).length}/${peers.length}`,
  },
  {
    head: 'SYNC99',
    align: 'right',
    leaves: 1,
    cell: ({ state }) => (state.syncP99Ms === 0 ? '-' : shortMs(state.syncP99Ms)),
  },
];

function roleOf(state: MemberState): string {
  return state.learner ? 'learner' : (roleNames[state.role] ?? state.role);
}

function heard({ state, member, nowMs }: Row): string {
  const ms = heardMs(state);
  return ms === undefined ? '-' : shortMs(ms + Math.max(0, nowMs - member.stateMs));
}

function roundTrip({ state }: Row): string {
  const ms = roundTripMs(state);
  return ms === undefined ? '-' : shortMs(ms);
}

/** At most six columns. */
function shortMs(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  return ms < 999.5 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}

/** The table of members: a head and a line each. */
export function memberLines(model: WatchModel, nowMs: number, width: number): Line[] {
  const nameOf = (id: bigint): string => model.nameOf(id);
  const { members } = model;
  const names = members.map((member) => nameOf(member.id));
  const rows = members.map((member) =>
    member.state !== undefined && isAlive(member, nowMs)
      ? { member, state: member.state, nowMs, members, nameOf }
      : undefined,
  );
  const nameWidth = Math.min(24, Math.max(6, ...names.map((name) => stringWidth(name)))) + 1;
  const shown = columnsThatFit(rows, width - nameWidth);
  const head = shown.map(({ column, width: wide }) => ` ${fit(column.head, wide, column.align)}`);
  const lines: Line[] = [[piece(fit('MASTER', nameWidth - 1), 'dim'), piece(head.join(''), 'dim')]];
  for (const [n, member] of members.entries()) {
    const name = piece(fit(names[n] ?? '', nameWidth - 1), 'bold');
    const row = rows[n];
    if (row === undefined) {
      lines.push([name, ...absence(member, nowMs, nameOf)]);
      continue;
    }
    const tone = roleTones[row.state.role] ?? 'follower';
    const cells = shown.map(({ column, width: wide }) =>
      piece(
        ` ${fit(column.cell(row), wide, column.align)}`,
        column.head === 'ROLE' ? tone : 'plain',
      ),
    );
    lines.push([name, ...cells]);
    if (row.state.trouble !== '') lines.push([piece(`  ${row.state.trouble}`, 'down')]);
    if (member.clockAheadMs !== 0) lines.push([piece(`  ${clockText(member)}`, 'down')]);
  }
  return lines;
}

function clockText({ clockAheadMs }: KnownMember): string {
  const side = clockAheadMs > 0 ? 'ahead' : 'behind';
  return `its clock is ${formatMs(Math.abs(clockAheadMs))} ${side}; times below are corrected`;
}

/** A member that does not answer: for how long, and what it was. */
function absence(member: KnownMember, nowMs: number, nameOf: (id: bigint) => string): Line {
  const { state, stateMs, error } = member;
  if (state === undefined) {
    return [
      piece(` ${error === undefined ? 'not heard of yet' : 'down'}`, 'down'),
      piece(error === undefined ? '' : `  ${error}`, 'dim'),
    ];
  }
  const was =
    state.role === 'leader'
      ? 'was leader'
      : state.leader === 0n
        ? 'knew no leader'
        : `followed ${nameOf(state.leader)}`;
  return [
    piece(` ${error === undefined || error === saysNothing ? 'silent' : 'down'}`, 'down'),
    piece(` for ${((nowMs - stateMs) / 1000).toFixed(1)} s; ${was} in term ${state.term}`, 'plain'),
    ...(error === undefined ? [] : [piece(`  ${error}`, 'dim')]),
  ];
}

function columnsThatFit(
  rows: readonly (Row | undefined)[],
  room: number,
): { readonly column: Column; readonly width: number }[] {
  const measured = columns.map((column) => {
    const texts = rows.map((row) => (row === undefined ? '' : column.cell(row)));
    // A column that changes its width makes the screen jump.
    const least = column.head === 'ROLE' ? 9 : column.align === 'right' ? 5 : 4;
    const width = Math.max(least, column.head.length, ...texts.map((text) => stringWidth(text)));
    return { column, width };
  });
  for (let shown = measured; ;) {
    const needed = shown.reduce((sum, { width }) => sum + width + 1, 0);
    const worst = Math.max(...shown.map(({ column }) => column.leaves));
    if (needed <= room || worst === 0) return shown;
    const last = shown.findLastIndex(({ column }) => column.leaves === worst);
    shown = shown.filter((_, n) => n !== last);
  }
}

/** Renders the masters on which scheduler and controllers work, as the API last knew. */
export function componentLines(model: WatchModel, nowMs: number): Line[] {
  return model.leases.map((lease) => [
    piece(fit(lease.component, 24)),
    ...holderPieces(model, lease, nowMs),
  ]);
}

function holderPieces(model: WatchModel, lease: ComponentLease, nowMs: number): Line {
  const { holder, renewedMs, durationMs } = lease;
  if (holder === '') return [piece('active on nobody', 'down')];
  const member = model.members.find(({ name }) => name === holder);
  const isOld = nowMs - (model.apiAnsweredMs ?? -Infinity) > 2 * silentAfterMs;
  const leftMs = renewedMs + durationMs - nowMs;
  if ((member === undefined || isAlive(member, nowMs)) && !isOld && leftMs > 0) {
    return [piece('active on '), piece(holder, 'accent')];
  }
  const rest =
    leftMs > 0
      ? `lease runs out in ${(leftMs / 1000).toFixed(1)} s`
      : `lease ran out ${formatMs(-leftMs)} ago`;
  return [piece('was on ', 'down'), piece(holder), piece(`, ${rest}`, 'down')];
}

/** The nodes on one line; those that are not ready by name. */
export function nodeLine(model: WatchModel, width: number): Line {
  const ready = model.nodes.filter((node) => node.ready);
  const others = model.nodes.filter((node) => !node.ready).map(({ name }) => name);
  const all = `${ready.length} of ${model.nodes.length} ready`;
  return [
    piece(fit('nodes', 24)),
    piece(all),
    piece(
      cut(others.length === 0 ? '' : `; not: ${others.join(', ')}`, Math.max(0, width - 44)),
      'down',
    ),
  ];
}
