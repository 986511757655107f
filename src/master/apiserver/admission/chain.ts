import type { Admission, AdmissionRequest } from '../registry/types.js';

/** One admission plugin. Each part is optional; refusals are thrown. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Cheap test whether the plugin has anything to do with this request. */
  handles(request: AdmissionRequest): boolean;
  mutate?(request: AdmissionRequest): Promise<void> | void;
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
    for (const plugin of this.#plugins) {
      if (plugin.mutate !== undefined && plugin.handles(request)) await plugin.mutate(request);
    }
  }

  async validate(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate !== undefined && plugin.handles(request)) await plugin.validate(request);
    }
  }

  async abandon(request: AdmissionRequest): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.abandon !== undefined && plugin.handles(request)) await plugin.abandon(request);
    }
  }
}
