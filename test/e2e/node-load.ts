/**
 * Uses a node's network from the node itself, without a pause: looks a name up, asks its service and its ingress, each
 * on a new connection, and speaks to an echo service on one that stays open. It is run in the node's network namespace,
 * ends when its input does, and prints what failed of how many.
 */
import { Resolver } from 'node:dns/promises';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { delay, systemClock } from '../../src/lib/clock.js';

/** How often something was done, and what went wrong. */
export interface Tally {
  done: number;
  readonly failures: string[];
}

/** What is used. */
export type LoadReport = Readonly<Record<'lookups' | 'services' | 'kept' | 'ingress', Tally>>;

const [name = '', server = '', serviceIp = '', echoIp = '', ingressHost = ''] =
  process.argv.slice(2);
const clock = systemClock();
const pauseMs = 5;
const answerMs = 2000;
const failuresMax = 20;
const report: LoadReport = {
  lookups: { done: 0, failures: [] },
  services: { done: 0, failures: [] },
  kept: { done: 0, failures: [] },
  ingress: { done: 0, failures: [] },
};
const ending = new AbortController();

const resolver = new Resolver({ timeout: answerMs, tries: 1 });
resolver.setServers([server]);
const echo = connect({ host: echoIp, port: 7 });
echo.on('error', () => undefined);

function fetchPage(address: string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const options = { host: address, path: '/', headers: { host }, timeout: answerMs, agent };
    const call = get(options, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error('no answer in time')));
    call.on('error', reject);
  });
}

function speak(): Promise<void> {
  return new Promise((resolve, reject) => {
    const onTime = clock.schedule(answerMs, () => settle(new Error('no echo in time')));
    const settle = (error?: Error): void => {
      onTime();
      echo.off('data', heard).off('close', closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const heard = (): void => settle();
    const closed = (): void => settle(new Error('the connection was closed'));
    if (echo.destroyed) return closed();
    echo.once('data', heard).once('close', closed);
    echo.write('x');
  });
}

async function use(tally: Tally, once: () => Promise<unknown>): Promise<void> {
  while (!ending.signal.aborted) {
    try {
      await once();
      tally.done++;
    } catch (error) {
      if (tally.failures.length < failuresMax) tally.failures.push(String(error));
    }
    await delay(clock, pauseMs);
  }
}

process.stdin.resume();
process.stdin.on('end', () => ending.abort());
await Promise.all([
  use(report.lookups, () => resolver.resolve4(name)),
  use(report.services, () => fetchPage(serviceIp, 'service')),
  use(report.kept, speak),
  use(report.ingress, () => fetchPage('127.0.0.1', ingressHost)),
]);
process.stdout.write(JSON.stringify(report));
process.exit(0);
