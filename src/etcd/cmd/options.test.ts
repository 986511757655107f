import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { parseFlags } from './flags.js';
import { Flags, serverConfig } from './options.js';

// Where etcd is told 0 it leaves Go's gRPC its own, and that takes no interval below a second.
test.each([
  [[], 5000, 7_200_000, 20_000],
  [['min-time=250ms', 'interval=10s', 'timeout=1s'], 250, 10_000, 1000],
  [['min-time=0', 'interval=0', 'timeout=1s'], 300_000, 7_200_000, 20_000],
  [['interval=10s', 'timeout=0'], 5000, 7_200_000, 20_000],
  [['interval=10ms', 'timeout=10ms'], 5000, 1000, 10],
])('--grpc-keepalive-… %j', (given, minTimeMs, intervalMs, timeoutMs) => {
  const words = given.map((one) => `--grpc-keepalive-${one}`);
  const flags = new Flags(parseFlags(words, {}));
  const { keepAlive } = serverConfig(flags, new ManualClock(), silentLogger);
  expect(keepAlive).toEqual({ minTimeMs, intervalMs, timeoutMs });
});
