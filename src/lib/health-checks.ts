/** `/healthz`, `/livez` and `/readyz` as Kubernetes' components answer them: whole, per check, and with `?verbose`. */

/** One thing that must hold. */
export interface HealthCheck {
  readonly name: string;
  readonly holds: () => boolean | Promise<boolean>;
  /** Why it does not hold, for who asks for this check alone. @default `NAME failed` */
  readonly reason?: string;
}

/** The answer to a look at the health. */
export interface HealthAnswer {
  readonly status: 200 | 500;
  readonly text: string;
}

/** A check that always holds: whoever asks has reached the component. */
export function alwaysHolds(name: string): HealthCheck {
  return { name, holds: () => true };
}

/** A path of health: which of the three, and the one check that is named after it, or empty. */
export interface HealthPath {
  readonly root: string;
  readonly single: string;
}

/** @returns undefined for any other path */
export function healthPath(path: string): HealthPath | undefined {
  const match = /^\/(healthz|livez|readyz)(?:\/(.*))?$/.exec(path);
  return match === null ? undefined : { root: match[1] ?? '', single: match[2] ?? '' };
}

/** Is told what each check found. */
interface HealthObserver {
  observe(root: string, name: string, isWell: boolean): void;
}

/**
 * Runs the checks that are asked for, and tells `observer` of each.
 * @returns undefined when there are none of that name
 */
export async function answerHealth(
  { root, single }: HealthPath,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
  observer?: HealthObserver,
): Promise<HealthAnswer | undefined> {
  if (checks.length === 0) return undefined;
  if (single !== '') return answerOne(checks.find(({ name }) => name === single));
  const excluded = new Set(query.getAll('exclude'));
  const lines: string[] = [];
  let hasFailed = false;
  for (const { name, holds } of checks) {
    if (excluded.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const isWell = await holds();
    hasFailed ||= !isWell;
    observer?.observe(root, name, isWell);
    lines.push(isWell ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  if (excluded.size > 0) {
    const names = [...excluded].sort().map((name) => JSON.stringify(name));
    const which = names.join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${which}`);
  }
  const verdict = `${root} check ${hasFailed ? 'failed' : 'passed'}\n`;
  const text = hasFailed || query.has('verbose') ? `${lines.join('\n')}\n${verdict}` : 'ok';
  return { status: hasFailed ? 500 : 200, text };
}

/** A check by its own path: nothing is excluded, nothing counted, and the reason is told. */
async function answerOne(check: HealthCheck | undefined): Promise<HealthAnswer | undefined> {
  if (check === undefined) return undefined;
  if (await check.holds()) return { status: 200, text: 'ok' };
  const reason = check.reason ?? `${check.name} failed`;
  return { status: 500, text: `internal server error: ${reason}\n` };
}
