/**
 * Preloaded into a member (`NODE_OPTIONS=--import=…`), so that nothing of the program knows of it: the wall clock is
 * off by as many milliseconds as stand in the file that `WALL_CLOCK_SHIFT` names. The monotonic clock goes on, as when
 * a machine's clock is set.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;

function shiftMs(): number {
  try {
    return Number(readFileSync(process.env['WALL_CLOCK_SHIFT'] ?? '', 'utf8'));
  } catch {
    // Nobody has set it yet.
    return 0;
  }
}

globalThis.Date = new Proxy(RealDate, {
  construct(target, parameters: unknown[], newTarget: NewableFunction) {
    const given = parameters.length > 0 ? parameters : [RealDate.now() + shiftMs()];
    return Reflect.construct(target, given, newTarget) as Date;
  },
  get(target, name, receiver): unknown {
    if (name === 'now') return () => RealDate.now() + shiftMs();
    return Reflect.get(target, name, receiver);
  },
});
