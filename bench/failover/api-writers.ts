/** Clients of the REST API that write at a fixed rate, whatever the servers do meanwhile. */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { delay, systemClock } from '../../src/lib/clock.js';
import { errorMessage } from '../../src/lib/errors.js';

const clock = systemClock();
const port = 6443;
const path = '/api/v1/namespaces/default/configmaps';
/** Of one write, all attempts together. */
const patienceMs = 20_000;
/** Clients, each with one write under way: a write that is due when all are busy is not begun. */
const clientsMax = 30;
/** Before the next master is tried. */
const retryMs = 10;

interface Answer {
  readonly code: number;
  /** Seconds; undefined where the client is not told to come again. */
  readonly retryAfter: number | undefined;
  readonly body: { readonly message?: string; readonly metadata?: Metadata; readonly data?: Data };
}
interface Metadata {
  readonly uid?: string;
  readonly resourceVersion?: string;
}
type Data = Readonly<Record<string, string>>;
interface Call {
  readonly method: 'POST' | 'PUT' | 'DELETE' | 'GET';
  readonly path: string;
  readonly body?: object;
}

/** See above. Each client makes an object, changes it and deletes it, and begins anew. */
export class ApiWriters {
  /** When writes were acknowledged, monotonic. */
  readonly done: number[] = [];
  /** What clients were told that they should not have been. */
  readonly errors: string[] = [];
  slowestMs = 0;
  #attempts = 0;
  #retried = 0;
  #running = true;
  readonly #rate: number;
  readonly #run: string;
  readonly #hosts: readonly string[];
  readonly #agents: readonly Agent[];
  readonly #idle = Array.from({ length: clientsMax }, (_, number) => new Client(number));
  readonly #under = new Set<Promise<void>>();

  constructor(options: {
    readonly kubeconfig: string;
    readonly hosts: readonly string[];
    /** Writes a second. */
    readonly rate: number;
    /** Part of the objects' names. */
    readonly run: string;
  }) {
    const text = readFileSync(options.kubeconfig, 'utf8');
    const data = (name: string): Buffer => {
      const found = new RegExp(`${name}-data: "?([A-Za-z0-9+/=]+)`).exec(text)?.[1];
      if (found === undefined) throw new Error(`the kubeconfig has no ${name}`);
      return Buffer.from(found, 'base64');
    };
    const tls = {
      ca: data('certificate-authority'),
      cert: data('client-certificate'),
      key: data('client-key'),
    };
    this.#hosts = options.hosts;
    this.#agents = options.hosts.map(() => new Agent({ ...tls, keepAlive: true }));
    this.#rate = options.rate;
    this.#run = options.run;
  }

  start(): void {
    const everyMs = 1_000 / this.#rate;
    const fromMs = clock.monotonicMs();
    let begun = 0;
    const next = (): void => {
      if (!this.#running) return;
      for (; begun * everyMs <= clock.monotonicMs() - fromMs; begun++) this.#begin();
      clock.schedule(everyMs, next);
    };
    next();
  }

  counts(): { readonly writes: number; readonly attempts: number; readonly retried: number } {
    return { writes: this.done.length, attempts: this.#attempts, retried: this.#retried };
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#under);
    for (const agent of this.#agents) agent.destroy();
  }

  #begin(): void {
    const client = this.#idle.shift();
    if (client === undefined) return;
    const begunMs = clock.monotonicMs();
    const work = this.#write(client).then(
      () => {
        const nowMs = clock.monotonicMs();
        this.done.push(nowMs);
        this.slowestMs = Math.max(this.slowestMs, Math.round(nowMs - begunMs));
        this.#idle.push(client);
      },
      (error: unknown) => {
        this.errors.push(errorMessage(error));
      },
    );
    this.#under.add(work);
    void work.finally(() => this.#under.delete(work));
  }

  async #write(client: Client): Promise<void> {
    const name = `${this.#run}-${client.number}-${client.turn}`;
    const { at } = client;
    if (at === 'nothing') {
      const body = { metadata: { name }, data: { state: 'made' } };
      const answer = await this.#call(client, { method: 'POST', path, body });
      // Only this client uses the name: an attempt whose connection broke has made it.
      const made = answer.code === 409 ? await this.#read(client, name) : answer;
      expectCode(made, [200, 201]);
      Object.assign(client, { at: 'made', metadata: made.body.metadata });
    } else if (at === 'made') {
      const { resourceVersion = '' } = client.metadata;
      const body = { metadata: { name, resourceVersion }, data: { state: 'changed' } };
      const answer = await this.#call(client, { method: 'PUT', path: `${path}/${name}`, body });
      const changed = answer.code === 409 ? await this.#read(client, name) : answer;
      expectCode(changed, [200]);
      if (changed.body.data?.['state'] !== 'changed') throw new Error(`${name} is not changed`);
      Object.assign(client, { at: 'changed' });
    } else {
      const body = { preconditions: { uid: client.metadata.uid } };
      const answer = await this.#call(client, { method: 'DELETE', path: `${path}/${name}`, body });
      expectCode(answer, client.isRetrying ? [200, 404] : [200]);
      Object.assign(client, { at: 'nothing', turn: client.turn + 1 });
    }
    client.isRetrying = false;
  }

  #read(client: Client, name: string): Promise<Answer> {
    return this.#call(client, { method: 'GET', path: `${path}/${name}` });
  }

  /** Tries again where no answer came; after an answer only where it says when (Retry-After), as client-go does. */
  async #call(client: Client, call: Call): Promise<Answer> {
    const giveUpMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      this.#attempts++;
      try {
        const answer = await this.#send(client, call);
        if (answer.retryAfter === undefined) return answer;
        if (clock.monotonicMs() > giveUpMs) return answer;
        await delay(clock, answer.retryAfter * 1_000);
      } catch (error) {
        if (clock.monotonicMs() > giveUpMs) throw error;
        this.#retried++;
        client.host++;
        client.isRetrying = true;
        await delay(clock, retryMs);
      }
    }
  }

  #send(client: Client, { method, path: target, body }: Call): Promise<Answer> {
    const at = client.host % this.#hosts.length;
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': text.length };
      const options = { host: this.#hosts[at], port, path: target, method, headers };
      const sent = request({ ...options, agent: this.#agents[at] }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('error', reject);
        answer.on('end', () => {
          const after = answer.headers['retry-after'];
          resolve({
            code: answer.statusCode ?? 0,
            retryAfter: after === undefined ? undefined : Number(after),
            body: JSON.parse(Buffer.concat(pieces).toString()) as Answer['body'],
          });
        });
      });
      // A host that is gone answers nothing at all where its network namespace stays.
      sent.setTimeout(patienceMs, () => sent.destroy(new Error('no answer')));
      sent.on('error', reject);
      sent.end(text);
    });
  }
}

/** A client with one write under way at a time. */
class Client {
  readonly number: number;
  host: number;
  at: 'nothing' | 'made' | 'changed' = 'nothing';
  turn = 0;
  metadata: Metadata = {};
  isRetrying = false;

  constructor(number: number) {
    this.number = number;
    this.host = number;
  }
}

function expectCode({ code, body }: Answer, wanted: readonly number[]): void {
  if (!wanted.includes(code)) throw new Error(`${code} ${body.message ?? ''}`);
}
