import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { parseFlags } from './flags.js';
import { listenUrls, serverConfig } from './options.js';
import { Flags } from './typed-flags.js';

// For 0 etcd leaves the default of Go's gRPC in place, which takes no interval below a second.
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

test('addresses may be sockets in the file system', () => {
  const urls = 'unix://localhost:1,unix:///run/m.sock,http://a:1/';
  const flags = new Flags(parseFlags([`--listen-peer-urls=${urls}`], {}));
  expect(listenUrls(flags).peerUrls).toEqual([
    'unix://localhost:1',
    'unix:///run/m.sock',
    'http://a:1',
  ]);
  const bad = new Flags(parseFlags(['--listen-peer-urls=unixs://a'], {}));
  expect(() => listenUrls(bad)).toThrow('URL scheme must be http, https, unix');
});

test('--experimental-snapshot-catchup-entries', () => {
  const count = (...words: string[]): number | undefined => {
    const flags = new Flags(parseFlags(words, {}));
    return serverConfig(flags, new ManualClock(), silentLogger).catchUpEntries;
  };
  expect(count()).toBe(5000);
  expect(count('--experimental-snapshot-catchup-entries=0')).toBe(0);
  expect(() => count('--experimental-snapshot-catchup-entries=-1')).toThrow('invalid value "-1"');
});
