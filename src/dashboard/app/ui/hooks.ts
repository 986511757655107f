/** The hooks by which pages follow what lives outside of them. */
import { useEffect, useState } from 'preact/hooks';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { Store } from '../api/store.js';

/** The store's value, now and at each change. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => {
    redraw((count) => count + 1);
    return store.subscribe(() => redraw((count) => count + 1));
  }, [store]);
  return store.value;
}

/** Runs `follow` as long as the component is there, and gives what it stores. Other data: another component (`key`). */
export function useFollowed<T>(
  begin: () => T,
  follow: (store: Store<T>, signal: AbortSignal) => Promise<void>,
): T {
  const [store] = useState(() => new Store(begin()));
  useEffect(() => {
    const abort = new AbortController();
    void follow(store, abort.signal);
    return () => abort.abort();
  }, [store]);
  return useStore(store);
}

/** The time, drawn anew each second, so that ages grow. */
export function useNow(clock: Clock): number {
  const [nowMs, setNow] = useState(() => clock.nowMs());
  useEffect(() => {
    const abort = new AbortController();
    void (async () => {
      while (!abort.signal.aborted) {
        await delay(clock, 1_000, abort.signal);
        if (!abort.signal.aborted) setNow(clock.nowMs());
      }
    })();
    return () => abort.abort();
  }, [clock]);
  return nowMs;
}
