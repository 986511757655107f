/** How what is done with an input costs more as the input grows. */

/** Linear work costs about this many times as much for the larger input. */
const growth = 8;
/** Between linear (8) and quadratic (64). */
export const highestRatio = 28;
/** Below this the clock says nothing, in milliseconds. */
const floorMs = 1.5;
const mostRounds = 6;

/** Processor time of one run in milliseconds; what it throws for bad input counts as its answer. */
function cost(run: () => unknown): number {
  const before = process.cpuUsage();
  try {
    run();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/**
 * The ratio of the costs of a large and a small input, eight times apart. The least of several runs is the cost without
 * what the machine does beside; a ratio that is fine ends them.
 * @param prepare makes the input, whose cost does not count, and returns what is done with it
 */
export function growthOf(size: number, prepare: (size: number) => () => unknown): number {
  let ratio = Infinity;
  let small = Infinity;
  let large = Infinity;
  for (let round = 0; round < mostRounds && ratio > highestRatio; round += 1) {
    small = Math.min(small, cost(prepare(size)));
    large = Math.min(large, cost(prepare(size * growth)));
    ratio = large / Math.max(small, floorMs);
  }
  return ratio;
}
