/** Durations as Go's time.ParseDuration reads them, and as its Duration.String prints them. */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a Go duration such as `1h30m` or `250ms`; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0;
  let rest = text;
  let total = 0;
  while (rest !== '') {
    const match = /^(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/.exec(rest);
    if (match === null) return undefined;
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
    rest = rest.slice(match[0].length);
  }
  return text === '' ? undefined : total;
}

/** The text of a duration as Go prints it: `1h0m10s`, `1m20.5s`, `250ms`, `0s`. */
export function formatDurationMs(ms: number): string {
  const size = Math.abs(ms);
  const sign = ms < 0 ? '-' : '';
  if (size === 0) return '0s';
  if (size < 1) return `${sign}${decimal(size * 1000)}µs`;
  if (size < 1000) return `${sign}${decimal(size)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor(size / 60_000) % 60;
  const seconds = `${decimal((size % 60_000) / 1000)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : sign + seconds;
}

/** At most nine digits after the point, as many as a nanosecond has. */
function decimal(value: number): string {
  return String(Number(value.toFixed(9)));
}
