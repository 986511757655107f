/**
 * The certificates of now, and when they change. Every server and channel that speaks TLS takes a source: it reads
 * `current` for each connection that it makes or accepts, so renewed certificates need no restart. Connections that
 * stand keep those they began with.
 */
export interface TlsSource<T> {
  readonly current: T;
  /** Calls `listener` after each change. @returns ends it */
  onChange(listener: (value: T) => void): () => void;
}

/** Certificates that never change while the process runs. */
export function fixedTls<T>(value: T): TlsSource<T> {
  return { current: value, onChange: () => () => undefined };
}

/** Certificates that somebody renews. */
export class RenewableTls<T> implements TlsSource<T> {
  readonly #listeners = new Set<(value: T) => void>();
  #current: T;

  constructor(first: T) {
    this.#current = first;
  }

  get current(): T {
    return this.#current;
  }

  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  renew(value: T): void {
    this.#current = value;
    for (const listener of this.#listeners) listener(value);
  }
}

/** Derives a source in the form that a server or a channel takes. */
export function derivedTls<T, U>(source: TlsSource<T>, derive: (value: T) => U): TlsSource<U> {
  return {
    get current() {
      return derive(source.current);
    },
    onChange: (listener) => source.onChange((value) => listener(derive(value))),
  };
}

/** PEM texts: a pair, and the authority that the other end's certificates are of. */
export interface TrustedPair {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}
