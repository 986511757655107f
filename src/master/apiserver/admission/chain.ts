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

/** Runs plugins in their order: all that mutate, then (after validation of the object) all that validate. */
export class AdmissionChain implements Admission {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  async mutate(request: AdmissionRequest): Promise<void> {
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

  async validate(request: AdmissionRequest): Promise<void> {
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
