/** What came on a watch stream, for each watcher of it; how events were cut into answers does not count. */

interface WatchAnswer {
  readonly watch_id?: string;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly header?: { readonly revision?: string };
  readonly events?: readonly unknown[];
}

/** Grows while the stream is open. */
export class WatchLog {
  readonly #byWatcher = new Map<string, { readonly told: unknown[]; readonly events: unknown[] }>();
  #end: string | undefined;
  /** Answers that say nothing but how far the stream is. */
  progress = 0;
  onClose: () => void = () => undefined;
  askProgress: (() => void) | undefined;
  #closed = false;
  #reading: Promise<void> = Promise.resolve();

  add(line: unknown): void {
    const { result } = line as { readonly result?: WatchAnswer };
    if (result === undefined) {
      this.#end = JSON.stringify(line);
      return;
    }
    const { watch_id: id = '0', created, canceled, events } = result;
    if (created !== true && canceled !== true && events === undefined) {
      this.progress++;
      return;
    }
    const watcher = this.#byWatcher.get(id) ?? { told: [], events: [] };
    this.#byWatcher.set(id, watcher);
    watcher.events.push(...(events ?? []));
    if (created === true || canceled === true) watcher.told.push(result);
  }

  follow(reading: Promise<void>): void {
    this.#reading = reading.then(
      () => {
        if (!this.#closed) this.#end ??= 'ended';
      },
      (error: unknown) => {
        if (!this.#closed) this.#end ??= String(error);
      },
    );
  }

  /** Answers that say that a watcher has begun or ended. */
  get toldCount(): number {
    return [...this.#byWatcher.values()].reduce((sum, { told }) => sum + told.length, 0);
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.onClose();
    await this.#reading;
  }

  /** All so far, in an order that does not depend on whose events came first. */
  get state(): Readonly<Record<string, unknown>> {
    const watchers = [...this.#byWatcher].sort(([a], [b]) => (a < b ? -1 : 1));
    return { end: this.#end, watchers };
  }
}
