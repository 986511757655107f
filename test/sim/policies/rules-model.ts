/** A small kernel for the rules of policies: reads what goes to `iptables-restore`, and judges packets by it. */
import type { Attempt } from './semantics.js';

/** Of the table of policies. */
type Hook = 'FORWARD' | 'INPUT';

interface Rule {
  readonly matches: (packet: Attempt) => boolean;
  readonly verdict: 'RETURN' | 'DROP' | { readonly chain: string };
}

/** The rules of one node. */
export class RulesModel {
  readonly #chains = new Map<string, Rule[]>();

  /** @throws Error for what this model does not understand */
  constructor(restore: string) {
    let table = '';
    for (const line of restore.split('\n')) {
      if (line === '' || line === 'COMMIT') continue;
      if (line.startsWith('*')) table = line.slice(1);
      else if (table !== 'mangle') throw new Error(`a rule in another table: ${line}`);
      else if (line.startsWith(':')) this.#chains.set(line.slice(1).split(' ')[0] ?? '', []);
      else this.#add(line);
    }
  }

  /** True when the packet, the first of its connection, passes the hook. */
  passes(hook: Hook, packet: Attempt): boolean {
    return this.#run(hook, packet) !== 'DROP';
  }

  #add(line: string): void {
    const [, verb, chain = '', rest = ''] = /^-([AI]) (\S+)(?: 1)? (.*)$/.exec(line) ?? [];
    if (verb === undefined) throw new Error(`not understood: ${line}`);
    const rules = this.#chains.get(chain) ?? [];
    this.#chains.set(chain, rules);
    if (verb === 'A') rules.push(parse(rest));
    else rules.unshift(parse(rest));
  }

  #run(chain: string, packet: Attempt): 'RETURN' | 'DROP' {
    for (const { matches, verdict } of this.#chains.get(chain) ?? []) {
      if (!matches(packet)) continue;
      if (verdict === 'RETURN') return 'RETURN';
      if (verdict === 'DROP') return 'DROP';
      if (!this.#chains.has(verdict.chain)) throw new Error(`no chain ${verdict.chain}`);
      if (this.#run(verdict.chain, packet) === 'DROP') return 'DROP';
    }
    return 'RETURN';
  }
}

function parse(text: string): Rule {
  const words = text.match(/"[^"]*"|\S+/g) ?? [];
  const checks: ((packet: Attempt) => boolean)[] = [];
  let verdict: Rule['verdict'] | undefined;
  const next = (): string => words.shift() ?? '';
  while (words.length > 0) {
    const word = next();
    if (word === '-s' || word === '-d') {
      const isIn = lies(next());
      checks.push((packet) => isIn(word === '-s' ? packet.from : packet.to));
    } else if (word === '-p') {
      const protocol = next().toUpperCase();
      checks.push((packet) => packet.protocol === protocol);
    } else if (word === '--dport') {
      const [low = 0, high = low] = next().split(':').map(Number);
      checks.push(({ port }) => port >= low && port <= high);
    } else if (word === '--comment') next();
    else if (word === '--ctstate') {
      if (next() !== 'NEW') throw new Error(`not understood: ${text}`);
    } else if (word === '-m') {
      if (!/^(?:comment|conntrack|tcp|udp|sctp)$/.test(next()))
        throw new Error(`not understood: ${text}`);
    } else if (word === '-j') {
      const target = next();
      verdict = target === 'RETURN' || target === 'DROP' ? target : { chain: target };
    } else throw new Error(`not understood: ${word} in ${text}`);
  }
  if (verdict === undefined) throw new Error(`without a target: ${text}`);
  return { matches: (packet) => checks.every((check) => check(packet)), verdict };
}

/** A test whether an address lies in a block; the block is read once. */
function lies(block: string): (address: string) => boolean {
  const [base = '', prefix = '32'] = block.split('/');
  const start = bitsOf(base).slice(0, Number(prefix));
  return (address) => bitsOf(address).startsWith(start);
}

const bits = new Map<string, string>();

function bitsOf(address: string): string {
  const known = bits.get(address);
  if (known !== undefined) return known;
  const text = address
    .split('.')
    .map((byte) => Number(byte).toString(2).padStart(8, '0'))
    .join('');
  bits.set(address, text);
  return text;
}
