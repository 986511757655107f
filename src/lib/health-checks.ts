/** `/healthz`, `/livez` and `/readyz` as Kubernetes' components answer them: whole, per check, and with `?verbose`. */

/** One thing that must hold. */
export interface HealthCheck {
  readonly name: string;
  readonly holds: () => boolean | Promise<boolean>;
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
  const excluded = new Set(query.getAll('exclude'));
  const wanted = checks.filter(
    ({ name }) => !excluded.has(name) && (single === '' || name === single),
  );
  if (wanted.length === 0) return undefined;
  const lines: string[] = [];
  let hasFailed = false;
  for (const { name, holds } of wanted) {
    const isWell = await holds();
    hasFailed ||= !isWell;
    observer?.observe(root, name, isWell);
    lines.push(isWell ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  const verdict = `${root} check ${hasFailed ? 'failed' : 'passed'}\n`;
  const text = hasFailed || query.has('verbose') ? `${lines.join('\n')}\n${verdict}` : 'ok';
  return { status: hasFailed ? 500 : 200, text };
}
