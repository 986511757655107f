/** What befalls the worker; each is over when its function returns, or is taken back by {@link Faults.heal}. */
import { join } from 'node:path';
import { assertNever } from '../../src/lib/assert.js';
import { delay, systemClock } from '../../src/lib/clock.js';
import type { Prng } from '../../src/lib/prng.js';
import type { Machines } from './machine.js';

const clock = systemClock();

/** The kinds of faults, as `--only` names them. */
export const faultNames = [
  'agent',
  'netproxy',
  'containerd',
  'freeze',
  'shims',
  'containers',
  'link',
  'disk',
  'reboot',
  'power',
] as const;

/** One of them. */
export type FaultName = (typeof faultNames)[number];

/** Strikes with faults drawn from a seed. */
export class Faults {
  readonly #machine: Machines;
  readonly #random: Prng;
  /** How often something was done that ends containers. */
  ends = 0;

  constructor(machine: Machines, random: Prng) {
    this.#machine = machine;
    this.#random = random;
  }

  /** @returns what was done */
  async strike(name: FaultName): Promise<string> {
    const random = this.#random;
    switch (name) {
      case 'agent':
      case 'netproxy': {
        const signal = random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM'] as const);
        await this.#machine.end(name === 'agent' ? 'worker' : name, signal);
        return `${name}: ${signal}`;
      }
      case 'containerd': {
        const signal = random.pick(['SIGKILL', 'SIGTERM'] as const);
        this.#machine.kill(this.#pids(/^containerd --config/), signal);
        return `containerd: ${signal}`;
      }
      case 'freeze': {
        const pids = this.#pids(/^containerd --config/);
        const ms = random.between(500, 4000);
        this.#machine.kill(pids, 'SIGSTOP');
        await delay(clock, ms);
        this.#machine.kill(pids, 'SIGCONT');
        return `containerd stands still for ${ms} ms`;
      }
      case 'shims':
        return this.#killSome('shims', /containerd-shim-runc-v2/);
      case 'containers':
        return this.#killSome('containers', /^(?:httpd|sleep|sh -c : noted)/);
      case 'link': {
        const ms = random.between(500, 6000);
        this.#machine.setLink('down');
        await delay(clock, ms);
        this.#machine.setLink('up');
        return `link down for ${ms} ms`;
      }
      case 'disk': {
        const ms = random.between(500, 6000);
        const file = join(this.#machine.disk, 'filled');
        this.#machine.inWorker('sh', '-c', `cat /dev/zero >${file} 2>/dev/null`);
        await delay(clock, ms);
        this.#machine.inWorker('rm', '-f', file);
        return `disk full for ${ms} ms`;
      }
      case 'reboot':
        this.ends += 1;
        await this.#machine.reboot('processes');
        return 'all processes killed';
      case 'power':
        this.ends += 1;
        await this.#machine.reboot('all but the disk');
        return 'switched off and on';
      default:
        return assertNever(name, 'fault');
    }
  }

  /** Starts what does not run. */
  heal(): void {
    this.#machine.setLink('up');
    this.#machine.launch('netproxy');
    this.#machine.launch('worker');
  }

  #pids(words: RegExp): number[] {
    const found = [...this.#machine.processes()].filter(([, text]) => words.test(text));
    return found.map(([pid]) => pid).toSorted((a, b) => a - b);
  }

  #killSome(what: string, words: RegExp): string {
    const there = this.#pids(words);
    const random = this.#random;
    const count = Math.min(there.length, random.between(1, 4));
    const chosen = new Set<number>();
    while (chosen.size < count) chosen.add(random.pick(there));
    this.ends += 1;
    this.#machine.kill(chosen, 'SIGKILL');
    return `${what}: ${count} of ${there.length} killed`;
  }
}
