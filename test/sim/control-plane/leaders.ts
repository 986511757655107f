/** Records who leads, and whether two could act at the moment. */
import type { ComponentName, ComponentProcess } from './component-process.js';
import type { Life } from './process.js';

/** A request of an earlier leader may arrive this long after the leader's end. */
const lateUs = 10_000_000;

/** See above. */
export class Leaders {
  readonly #components: readonly ComponentProcess[];
  readonly #now: () => number;
  readonly #ends = new Map<ComponentName, number>();

  constructor(components: readonly ComponentProcess[], now: () => number) {
    this.#components = components;
    this.#now = now;
  }

  /** The life that leads; undefined when there is none, or more than one. */
  of(component: ComponentName): Life | undefined {
    const leading = this.#leading(component);
    return leading.length === 1 ? leading[0]?.life : undefined;
  }

  #leading(component: ComponentName): ComponentProcess[] {
    return this.#components.filter(
      (one) => one.component === component && one.leadsSinceUs !== undefined,
    );
  }

  /** Somebody stops to lead. */
  ended(component: ComponentName): void {
    this.#ends.set(component, this.#now());
  }

  /** True while writes of more than one leader may arrive. */
  contested(component: ComponentName): boolean {
    const endedUs = this.#ends.get(component);
    if (endedUs !== undefined && this.#now() - endedUs < lateUs) return true;
    return this.#leading(component).length > 1;
  }
}
