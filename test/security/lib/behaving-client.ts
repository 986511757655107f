/**
 * The client that behaves, a process of its own run by fork: it reads a small object over one kept connection of REST,
 * and one of gRPC, every few milliseconds. Each message asks for the times since the one before.
 */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import { ResourcesDefinition } from '../../../src/gen/apiserver.js';
import { delay, systemClock } from '../../../src/lib/clock.js';
import { createGrpcChannel } from '../../../src/lib/grpc/index.js';
import { silentLogger } from '../../../src/lib/log.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';

/** The address of the API server, and the credentials for it. */
export interface ServerAddress {
  readonly url: string;
  readonly grpcPort: number;
  readonly pki: string;
}

/** The client's report: the times of its requests in milliseconds. */
export interface ClientReport {
  readonly restMs: readonly number[];
  readonly grpcMs: readonly number[];
  readonly failures: number;
}

const pauseMs = 4;

function behave({ url, grpcPort, pki }: ServerAddress): void {
  const clock = systemClock();
  const read = (file: string): string => readFileSync(join(pki, file), 'utf8');
  const keys = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const agent = new https.Agent({ ...keys, keepAlive: true, maxSockets: 1 });
  const channel = createGrpcChannel({
    target: `127.0.0.1:${grpcPort}`,
    tls: fixedTls(keys),
    log: silentLogger,
  });
  const api = channel.client(ResourcesDefinition);
  let restMs: number[] = [];
  let grpcMs: number[] = [];
  let failures = 0;

  const get = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = https.get(`${url}/api/v1/namespaces/default`, { agent }, (response) => {
        response.resume();
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`answered ${response.statusCode ?? 0}`));
        });
      });
      request.once('error', reject);
    });
  const ref = {
    group: '',
    version: 'v1',
    resource: 'namespaces',
    namespace: '',
    name: 'default',
    subresource: '',
  };
  const asking = async (ask: () => Promise<unknown>, note: (ms: number) => void): Promise<void> => {
    for (;;) {
      const startMs = clock.monotonicMs();
      try {
        await ask();
        note(clock.monotonicMs() - startMs);
      } catch {
        failures++;
      }
      await delay(clock, pauseMs);
    }
  };
  void asking(get, (ms) => restMs.push(ms));
  void asking(
    () => api.get({ ref, resourceVersion: '' }),
    (ms) => grpcMs.push(ms),
  );
  process.on('message', () => {
    const report: ClientReport = { restMs, grpcMs, failures };
    [restMs, grpcMs, failures] = [[], [], 0];
    process.send?.(report);
  });
  process.on('disconnect', () => process.exit(0));
}

behave(JSON.parse(process.argv[2] ?? '{}') as ServerAddress);
