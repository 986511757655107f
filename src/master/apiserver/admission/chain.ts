import type { Admission, AdmissionRequest } from '../registry/types.js';

/** One admission plugin. Each part is optional; refusals are thrown. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Cheap test whether the plugin has anything to do with this request. */
  handles(request: AdmissionRequest): boolean;
  /** Returns true when others changed the object, so that all other plugins must see it once more. */
  mutate?(request: AdmissionRequest): Promise<boolean | void> | boolean | void;
  validate?(request: AdmissionRequest): Promise<void> | void;
  /** Undoes what was set aside when the write did not happen. */
  abandon?(request: AdmissionRequest): Promise<void> | void;
}

/** The end of a step of admission: of one plugin, or of all together. */
export interface AdmissionStep {
  /** Undefined: all plugins together. */
  readonly plugin: string | undefined;
  readonly operation: string;
  readonly type: 'admit' | 'validate';
  readonly rejected: boolean;
  readonly elapsedMs: number;
}

/** Is told of the steps of admission, for metrics. */
export interface AdmissionObserver {
  monotonicMs(): number;
  onStep(step: AdmissionStep): void;
}

/** Runs plugins in their order: all that mutate, then (after validation of the object) all that validate. */
export class AdmissionChain implements Admission {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #observer: AdmissionObserver | undefined;

  /** @param observer is told how long it takes. @default nobody is */
  constructor(plugins: readonly AdmissionPlugin[], observer?: AdmissionObserver) {
    this.#plugins =
      observer === undefined ? plugins : plugins.map((plugin) => observed(plugin, observer));
    this.#observer = observer;
  }

  mutate(request: AdmissionRequest): Promise<void> {
    return this.#told('admit', request, () => this.#mutate(request));
  }

  validate(request: AdmissionRequest): Promise<void> {
    return this.#told('validate', request, () => this.#validate(request));
  }

  async #told(
    type: AdmissionStep['type'],
    { operation }: AdmissionRequest,
    run: () => Promise<void>,
  ): Promise<void> {
    const observer = this.#observer;
    if (observer === undefined) return run();
    const startedMs = observer.monotonicMs();
    let rejected = true;
    try {
      await run();
      rejected = false;
    } finally {
      const elapsedMs = observer.monotonicMs() - startedMs;
      observer.onStep({ plugin: undefined, operation, type, rejected, elapsedMs });
    }
  }

  async #mutate(request: AdmissionRequest): Promise<void> {
    let changedBy: AdmissionPlugin | undefined;
    for (const plugin of this.#plugins) {
      if (plugin.mutate === undefined || !plugin.handles(request)) continue;
      const changing = plugin.mutate(request);
      // Most plugins have no need to wait, and a turn of the queue each would be a good part of their cost.
      const hasChanged = changing instanceof Promise ? await changing : changing;
      if (hasChanged === true) changedBy = plugin;
    }
    if (changedBy === undefined) return;
    for (const plugin of this.#plugins) {
      if (plugin === changedBy || plugin.mutate === undefined) continue;
      if (plugin.handles(request)) await plugin.mutate(request);
    }
  }

  async #validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate === undefined || !plugin.handles(request)) continue;
      const validating = plugin.validate(request);
      if (validating instanceof Promise) await validating;
    }
  }

  async abandon(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.abandon !== undefined && plugin.handles(request)) await plugin.abandon(request);
    }
  }
}

/** The same plugin, whose steps are told. What needs not wait still does not. */
function observed(plugin: AdmissionPlugin, observer: AdmissionObserver): AdmissionPlugin {
  const { name } = plugin;
  const tell = <T>(
    type: AdmissionStep['type'],
    operation: string,
    run: () => Promise<T> | T,
  ): Promise<T> | T => {
    const startedMs = observer.monotonicMs();
    const end = (rejected: boolean): void => {
      const elapsedMs = observer.monotonicMs() - startedMs;
      observer.onStep({ plugin: name, operation, type, rejected, elapsedMs });
    };
    try {
      const result = run();
      if (!(result instanceof Promise)) {
        end(false);
        return result;
      }
      return result.then(
        (value) => {
          end(false);
          return value;
        },
        (error: unknown) => {
          end(true);
          throw error;
        },
      );
    } catch (error) {
      end(true);
      throw error;
    }
  };
  return {
    name,
    handles: (request) => plugin.handles(request),
    ...(plugin.mutate === undefined
      ? {}
      : {
          mutate: (request: AdmissionRequest) =>
            tell('admit', request.operation, () => plugin.mutate?.(request)),
        }),
    ...(plugin.validate === undefined
      ? {}
      : {
          validate: (request: AdmissionRequest) =>
            tell('validate', request.operation, () => plugin.validate?.(request)),
        }),
    ...(plugin.abandon === undefined
      ? {}
      : { abandon: (request: AdmissionRequest) => plugin.abandon?.(request) }),
  };
}
