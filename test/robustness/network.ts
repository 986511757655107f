/**
 * A network of its own for each member: a namespace, a veth pair, a bridge. Needs root; links are cut by packet filter.
 */
import { spawnSync } from 'node:child_process';
import { Guard } from './guard.js';

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
}

/** True where namespaces can be made and packets filtered in them. */
export function canPartition(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = `rob-p${process.pid % 100_000}`;
  if (!ip('netns', 'add', probe)) return false;
  const works = ip('netns', 'exec', probe, 'iptables', '-S', 'INPUT');
  ip('netns', 'del', probe);
  return works;
}

/** A bridge with a namespace per member; this process reaches them through the bridge. */
export class MemberNetwork {
  readonly #tag = `rob-${process.pid % 100_000}`;
  /** 198.18.0.0/15 is set aside for tests of networks (RFC 2544). */
  readonly #prefix = `198.19.${process.pid % 250}`;
  readonly #count: number;
  readonly #guard: Guard;

  constructor(count: number) {
    this.#count = count;
    this.#guard = new Guard(this.#removal());
    this.#must('link', 'add', this.#tag, 'type', 'bridge');
    this.#must('addr', 'add', `${this.#prefix}.254/24`, 'dev', this.#tag);
    this.#must('link', 'set', this.#tag, 'up');
    for (let at = 0; at < count; at++) {
      const name = this.namespace(at);
      const link = `${this.#tag}v${at}`;
      this.#must('netns', 'add', name);
      this.#must('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      this.#must('link', 'set', link, 'master', this.#tag, 'up');
      this.#must('-n', name, 'addr', 'add', `${this.address(at)}/24`, 'dev', 'eth0');
      this.#must('-n', name, 'link', 'set', 'eth0', 'up');
      this.#must('-n', name, 'link', 'set', 'lo', 'up');
    }
  }

  #must(...args: readonly string[]): void {
    if (!ip(...args)) throw new Error(`ip ${args.join(' ')} failed`);
  }

  namespace(at: number): string {
    return `${this.#tag}-${at}`;
  }

  address(at: number): string {
    return `${this.#prefix}.${at + 1}`;
  }

  /** `to` hears nothing more from `from`. */
  cut(from: number, to: number): void {
    const rule = ['-A', 'INPUT', '-s', this.address(from), '-j', 'DROP'];
    this.#must('netns', 'exec', this.namespace(to), 'iptables', '-w', ...rule);
  }

  /** No client reaches the member; the others do. @param port where it listens for clients */
  cutClients(at: number, port: number): void {
    const rule = ['-A', 'INPUT', '-p', 'tcp', '--dport', String(port), '-j', 'DROP'];
    this.#must('netns', 'exec', this.namespace(at), 'iptables', '-w', ...rule);
  }

  heal(): void {
    for (let at = 0; at < this.#count; at++) {
      this.#must('netns', 'exec', this.namespace(at), 'iptables', '-w', '-F', 'INPUT');
    }
  }

  /** Ends what still runs in it, and removes it. */
  close(): Promise<void> {
    return this.#guard.run();
  }

  #removal(): string {
    const lines: string[] = [];
    for (let at = 0; at < this.#count; at++) {
      const name = this.namespace(at);
      // A member that is stopped would not hear that this process is gone.
      lines.push(`kill -9 $(ip netns pids ${name})`);
      // Connections that were not ended in order keep a namespace alive a while, and its link with it.
      lines.push(`ip link del ${this.#tag}v${at}`, `ip netns del ${name}`);
    }
    return [...lines, `ip link del ${this.#tag}`].join('\n');
  }
}
