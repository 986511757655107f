/** Commands for one transaction of `nft -f -`, in an order in which the kernel takes them. Pure. */
import type { Chain, Collection } from './layout.js';
import { table } from './names.js';
import type { Element } from './service-claims.js';

/** Elements in one command. */
const elementsPerLine = 1000;

/** What is to be done, in whatever order it was thought of. */
export class Script {
  readonly #first: string[] = [];
  readonly #defined: string[] = [];
  readonly #chains: string[] = [];
  readonly #flushed: string[] = [];
  readonly #rules: string[] = [];
  readonly #deleted = new Map<string, string[]>();
  readonly #added = new Map<string, string[]>();
  readonly #last: string[] = [];

  /** The table, which is made anew with `isAnew`; without it the rules of all chains go. */
  table(isAnew: boolean): void {
    const add = `add table ip ${table}`;
    if (isAnew) this.#first.push(add, `delete table ip ${table}`);
    this.#first.push(add, `flush table ip ${table}`);
  }

  /** A set or map that is there already keeps its elements. */
  define({ kind, name, definition }: Collection): void {
    this.#defined.push(`add ${kind} ip ${table} ${name} { ${definition} ; }`);
  }

  empty({ kind, name }: Pick<Collection, 'kind' | 'name'>): void {
    this.#flushed.push(`flush ${kind} ip ${table} ${name}`);
  }

  /** The chain with these rules and no others. */
  chain({ name, hook, rules }: Chain): void {
    this.#chains.push(`add chain ip ${table} ${name}${hook === undefined ? '' : ` ${hook}`}`);
    this.#flushed.push(`flush chain ip ${table} ${name}`);
    for (const rule of rules) this.#rules.push(`add rule ip ${table} ${name} ${rule}`);
  }

  /** Takes a chain's rules: the kernel deletes none in the moment in which the last map lets go of it. */
  leave(name: string): void {
    this.#flushed.push(`flush chain ip ${table} ${name}`);
  }

  add({ collection, key, value, comment }: Element): void {
    const words = comment === '' ? key : `${key} comment ${comment}`;
    push(this.#added, collection, value === '' ? words : `${words} : ${value}`);
  }

  remove({ collection, key }: Element): void {
    push(this.#deleted, collection, key);
  }

  drop(kind: 'chain' | 'set' | 'map', name: string): void {
    this.#last.push(`delete ${kind} ip ${table} ${name}`);
  }

  toString(): string {
    const lines = [
      ...this.#first,
      ...this.#defined,
      ...this.#chains,
      ...this.#flushed,
      ...this.#rules,
      ...inLines('delete', this.#deleted),
      ...inLines('add', this.#added),
      ...this.#last,
    ];
    return lines.map((line) => `${line}\n`).join('');
  }
}

function inLines(verb: string, all: ReadonlyMap<string, readonly string[]>): string[] {
  return [...all].flatMap(([name, elements]) => {
    const lines: string[] = [];
    for (let at = 0; at < elements.length; at += elementsPerLine) {
      const some = elements.slice(at, at + elementsPerLine).join(', ');
      lines.push(`${verb} element ip ${table} ${name} { ${some} }`);
    }
    return lines;
  });
}

function push(all: Map<string, string[]>, name: string, text: string): void {
  const texts = all.get(name);
  if (texts === undefined) all.set(name, [text]);
  else texts.push(text);
}
