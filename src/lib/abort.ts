/**
 * Returns a controller that aborts with the first of `sources`; who made it aborts it when it is done with it.
 * `AbortSignal.any`, and listeners with the option `signal`, are not for signals that may never abort: Node keeps them,
 * and all that they refer to, for as long as the process runs.
 */
export function firstAbort(sources: readonly AbortSignal[]): AbortController {
  const first = new AbortController();
  const abort = (): void => first.abort();
  first.signal.addEventListener('abort', () => {
    for (const source of sources) source.removeEventListener('abort', abort);
  });
  for (const source of sources) source.addEventListener('abort', abort);
  if (sources.some(({ aborted }) => aborted)) abort();
  return first;
}
