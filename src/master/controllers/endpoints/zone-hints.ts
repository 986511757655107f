/**
 * Topology-aware hints: which zone's clients should use each endpoint, so that the zones' shares of the endpoints are
 * those of their processors. Pure. @see KEP-2433, kubernetes endpointslice/topologycache
 */
import { jsonEqual } from '../../../api/equal.js';
import { isConditionTrue } from '../../../api/facts/conditions.js';
import { amountOf } from '../../../api/facts/pod-requests.js';
import { zoneLabel } from '../../../api/facts/well-known.js';
import type { Node, Service } from '../../../api/types/core.js';
import type { Endpoint } from '../../../api/types/networking.js';
import type { Change } from '../../../client/types.js';

/** An endpoint may get so much more than its share of the clients. */
const overloadMax = 0.2;
const masterLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
const modeAnnotations = [
  'service.kubernetes.io/topology-aware-hints',
  'service.kubernetes.io/topology-mode',
];

/** True for a service that asks for hints by its annotation. */
export function wantsZoneHints({ metadata }: Service): boolean {
  const values = modeAnnotations.map((name) => metadata.annotations?.[name]);
  const mode = values.find((value) => value !== undefined);
  return mode === 'Auto' || mode === 'auto';
}

/** Each zone's share of the processors of all ready nodes. */
export type ZoneShares = ReadonlyMap<string, number>;

/** Computes the zones' shares; undefined when a node does not tell, or all are in one zone. */
export function zoneShares(nodes: readonly Node[]): ZoneShares | undefined {
  const cpus = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    if (!takesPart(node)) continue;
    const { zone, cpu } = shareOf(node);
    if (zone === '' || cpu === 0) return undefined;
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
    total += cpu;
  }
  if (cpus.size < 2) return undefined;
  // The order of nodes in the cache is that of arrival.
  const zones = [...cpus].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(zones.map(([zone, cpu]) => [zone, cpu / total]));
}

/** True for a ready node that is no master. */
function takesPart({ metadata, status }: Node): boolean {
  const isMaster = masterLabels.some((label) => metadata.labels?.[label] !== undefined);
  return !isMaster && isConditionTrue(status?.conditions, 'Ready');
}

function shareOf({ metadata, status }: Node): { readonly zone: string; readonly cpu: number } {
  const zone = metadata.labels?.[zoneLabel] ?? '';
  return { zone, cpu: amountOf('cpu', status?.allocatable?.['cpu'] ?? '0') };
}

/** True for a change of a node that can move shares: most only say that it is well. */
export function movesShares(change: Change<Node>): boolean {
  if (change.type !== 'update') return true;
  const [now, before] = [change.object, change.old].map((node) => [takesPart(node), shareOf(node)]);
  return !jsonEqual(now, before);
}

/** The zone of each endpoint's clients, by its place in the list; or why there are no hints. */
export type ZoneHints =
  { readonly zones: readonly (string | undefined)[] } | { readonly problem: string };

/** Gives every ready endpoint a zone, its own where the shares allow. */
export function planZoneHints(
  endpoints: readonly Endpoint[],
  shares: ZoneShares | undefined,
): ZoneHints {
  const ready = endpoints.filter(isReady);
  const counts = `(${ready.length} endpoints, ${shares?.size ?? 0} zones)`;
  if (shares === undefined) {
    const cause = 'allocatable CPU or zone not specified on one or more nodes';
    return { problem: `Insufficient Node information: ${cause}` };
  }
  if (shares.size > ready.length) {
    return { problem: `Insufficient number of endpoints ${counts}` };
  }
  const wanted = wantedByZone(shares, ready.length);
  if (wanted === undefined) {
    const cause = 'each zone without exceeding overload threshold';
    return { problem: `Unable to allocate minimum required endpoints to ${cause} ${counts}` };
  }
  if (ready.some(({ zone = '' }) => zone === '')) {
    return { problem: 'One or more endpoints do not have a zone specified' };
  }
  const { giving, receiving } = moves(wanted, ready);
  const zones = endpoints.map((endpoint) => {
    const { zone = '' } = endpoint;
    if (!isReady(endpoint)) return undefined;
    const taker = giving.take(zone) ? receiving.takeAny() : undefined;
    return taker ?? zone;
  });
  return { zones };
}

/** Endpoints of one address family in several groups. */
interface Group {
  readonly addressType: string;
  readonly endpoints: readonly Endpoint[];
}

/** Groups with hints, and the address families that have none, with the cause. */
export interface Hinted<G extends Group> {
  readonly groups: readonly G[];
  readonly problems: readonly { readonly addressType: string; readonly problem: string }[];
}

/** Writes hints to the endpoints of all groups, each address family for itself. */
export function withZoneHints<G extends Group>(
  groups: readonly G[],
  shares: ZoneShares | undefined,
): Hinted<G> {
  const problems: { addressType: string; problem: string }[] = [];
  const zoneOf = new Map<Endpoint, string | undefined>();
  for (const addressType of new Set(groups.map((group) => group.addressType))) {
    const own = groups.filter((group) => group.addressType === addressType);
    const all = own.flatMap(({ endpoints }) => endpoints);
    const plan = planZoneHints(all, shares);
    if ('problem' in plan) problems.push({ addressType, problem: plan.problem });
    else for (const [at, endpoint] of all.entries()) zoneOf.set(endpoint, plan.zones[at]);
  }
  const hinted = (endpoint: Endpoint, zone: string | undefined): Endpoint => {
    const { hints: _hints, ...rest } = endpoint;
    return zone === undefined ? rest : { ...rest, hints: { forZones: [{ name: zone }] } };
  };
  return {
    groups: groups.map((group) => ({
      ...group,
      endpoints: group.endpoints.map((endpoint) => hinted(endpoint, zoneOf.get(endpoint))),
    })),
    problems,
  };
}

function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready === true;
}

/** How many endpoints each zone should have, in fractions; undefined when none could be spared. */
function wantedByZone(shares: ZoneShares, count: number): Map<string, number> | undefined {
  const wanted = new Map<string, number>();
  let minimum = 0;
  for (const [zone, share] of shares) {
    const least = Math.ceil((share * count) / (1 + overloadMax));
    wanted.set(zone, Math.max(share * count, least));
    minimum += least;
  }
  return minimum > count ? undefined : wanted;
}

/** Endpoints that zones give away, and get, by zone. */
class Account {
  readonly #counts = new Map<string, number>();

  add(zone: string): void {
    this.#counts.set(zone, (this.#counts.get(zone) ?? 0) + 1);
  }

  take(zone: string): boolean {
    const count = this.#counts.get(zone) ?? 0;
    if (count > 1) this.#counts.set(zone, count - 1);
    else this.#counts.delete(zone);
    return count > 0;
  }

  takeAny(): string | undefined {
    const [zone] = this.#counts.keys();
    if (zone !== undefined) this.take(zone);
    return zone;
  }
}

/** Moves whole endpoints from the zones with most too many to those with most too few. */
function moves(wanted: ReadonlyMap<string, number>, ready: readonly Endpoint[]) {
  const surplus = new Map<string, number>();
  const lack = new Map<string, number>();
  for (const [zone, target] of wanted) {
    const own = ready.filter((endpoint) => endpoint.zone === zone).length;
    if (own > target) surplus.set(zone, own - target);
    else if (own < target) lack.set(zone, target - own);
  }
  const [giving, receiving] = [new Account(), new Account()];
  for (;;) {
    const [giver, taker] = [most(surplus), most(lack)];
    if (giver === undefined || taker === undefined) break;
    if (giver.amount < 1 && taker.amount < 1) break;
    if (giver.amount < 0.5 || taker.amount < 0.5) break;
    giving.add(giver.zone);
    receiving.add(taker.zone);
    surplus.set(giver.zone, giver.amount - 1);
    lack.set(taker.zone, taker.amount - 1);
  }
  return { giving, receiving };
}

function most(amounts: ReadonlyMap<string, number>): { zone: string; amount: number } | undefined {
  let found: { zone: string; amount: number } | undefined;
  for (const [zone, amount] of amounts) {
    if (amount > (found?.amount ?? 0)) found = { zone, amount };
  }
  return found;
}
