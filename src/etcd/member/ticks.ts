/** Raft's time: elections that begin at once, and their next tries, count in ticks, however rare heartbeats are. */
const tickMsMax = 100;

/** Divides the interval of heartbeats into ticks, of a tenth of a second at most. */
export function ticksOf(heartbeatMs: number): {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
} {
  const heartbeatTicks = Math.ceil(heartbeatMs / tickMsMax);
  return { tickMs: heartbeatMs / heartbeatTicks, heartbeatTicks };
}
