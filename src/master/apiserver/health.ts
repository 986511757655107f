import type { Exchange } from './rest/exchange.js';
import { sendBytes } from './rest/respond.js';
import type { Store } from './storage/store.js';

interface Check {
  readonly name: string;
  readonly run: () => Promise<boolean>;
}

/** `/healthz`, `/livez`, `/readyz`, each whole, `?verbose`, with `?exclude=`, and per check. */
export class HealthHandler {
  readonly #store: Store;
  #ready = false;
  #stopping = false;

  constructor(store: Store) {
    this.#store = store;
  }

  setReady(): void {
    this.#ready = true;
  }

  setStopping(): void {
    this.#stopping = true;
  }

  #checks(root: string): Check[] {
    const yes = (name: string): Check => ({ name, run: () => Promise.resolve(true) });
    const checks: Check[] = [
      yes('ping'),
      yes('log'),
      {
        name: 'etcd',
        run: async () => {
          try {
            await this.#store.revision();
            return true;
          } catch {
            return false;
          }
        },
      },
      {
        name: 'poststarthook/rbac/bootstrap-roles',
        run: () => Promise.resolve(this.#ready),
      },
    ];
    if (root === 'readyz') {
      checks.push({ name: 'shutdown', run: () => Promise.resolve(!this.#stopping) });
    }
    return checks;
  }

  /** @returns false when the path is none of these */
  async handle(exchange: Exchange): Promise<boolean> {
    const match = /^\/(healthz|livez|readyz)(?:\/(.*))?$/.exec(exchange.info.path);
    if (match === null) return false;
    const root = match[1] ?? '';
    const single = match[2] ?? '';
    const excluded = new Set(exchange.query.getAll('exclude'));
    let checks = this.#checks(root).filter((check) => !excluded.has(check.name));
    if (single !== '') checks = checks.filter((check) => check.name === single);
    if (checks.length === 0) return false;
    const lines: string[] = [];
    let failed = false;
    for (const check of checks) {
      const ok = await check.run();
      failed ||= !ok;
      lines.push(ok ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
    }
    const type = 'text/plain; charset=utf-8';
    const verbose = exchange.query.has('verbose');
    const verdict = `${root} check ${failed ? 'failed' : 'passed'}\n`;
    const text = failed || verbose ? `${lines.join('\n')}\n${verdict}` : 'ok';
    await sendBytes(exchange, failed ? 500 : 200, Buffer.from(text), type, {
      'x-content-type-options': 'nosniff',
    });
    return true;
  }
}
