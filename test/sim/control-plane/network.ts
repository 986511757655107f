/** The ways between clients and API servers: delays, losses with unknown outcome, cuts, slow and lost watches. */
import type { Channel, Handlers } from '../../../src/lib/grpc/index.js';
import type { ResourcesDefinition } from '../../../src/gen/apiserver.js';
import type { Prng } from '../../../src/lib/prng.js';
import { SimChannel } from './channel.js';
import type { Life, SimProcess } from './process.js';
import type { Stream } from './stream.js';
import type { Call, Identity } from './wire.js';
import { unavailable } from './wire.js';
import type { ControlPlaneWorld } from './world.js';

/** An API server as the network reaches it. */
export interface SimServer extends SimProcess {
  /** Undefined until it answers. */
  readonly handlers: Handlers<typeof ResourcesDefinition> | undefined;
}

/** A call that its server has answered. */
export interface AnsweredCall {
  /** The same object as it was when the call arrived. */
  readonly call: object;
  readonly life: Life;
  readonly method: string;
  readonly request: unknown;
}

/** Told of what passes; the checkers listen. */
export interface NetworkObserver {
  /** The server has answered a call; `seen` is asked when the answer arrives. */
  answered(call: AnsweredCall, answer: unknown): () => void;
  /** A call has arrived at its server. */
  arrived(call: object, method: string, request: unknown): void;
  /** A call leaves its client. */
  sent(client: SimProcess, life: Life, method: string, request: unknown): void;
  /** A message of a stream has arrived. */
  delivered(life: Life, stream: object, request: unknown, message: unknown): void;
}

/** The time until either end of a cut connection notices. */
const keepAliveUs = 4_000_000;

/** See above. */
export class SimNetwork {
  readonly world: ControlPlaneWorld;
  readonly prng: Prng;
  readonly #servers = new Map<string, SimServer>();
  readonly #cuts = new Set<string>();
  readonly #calls = new Set<Call>();
  readonly streams = new Set<Stream>();
  /** Streams of these lives deliver nothing before that time. */
  readonly stalls = new Map<Life, number>();
  observer: NetworkObserver | undefined;

  constructor(world: ControlPlaneWorld) {
    this.world = world;
    this.prng = world.fork();
  }

  addServer(server: SimServer): void {
    this.#servers.set(server.name, server);
  }

  server(target: string): SimServer | undefined {
    return this.#servers.get(target);
  }

  delay(): number {
    const { delayUsMin, delayUsMax } = this.world.options;
    return this.prng.between(delayUsMin, delayUsMax);
  }

  /** Draws the delay of one way to the store or back. */
  storeDelay(): number {
    return this.prng.between(100, Math.max(200, this.world.options.delayUsMax / 4));
  }

  cut(a: SimProcess, b: SimProcess): void {
    this.#cuts.add(`${a.name}|${b.name}`);
    const [lifeA, lifeB] = [a.life, b.life];
    this.world.queue.add(keepAliveUs, () => {
      for (const call of this.#calls) {
        if (call.client !== lifeA || call.server !== lifeB) continue;
        call.broken(unavailable(false, 'the connection is silent'));
        call.abandoned();
      }
    });
  }

  mend(): void {
    this.#cuts.clear();
    this.stalls.clear();
  }

  isCut(a: SimProcess, b: SimProcess): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${a.name}|${b.name}`);
  }

  /** A process has died: who talked to it learns so. */
  lifeEnded(life: Life): void {
    this.stalls.delete(life);
    for (const call of this.#calls) {
      if (call.client !== life && call.server !== life) continue;
      this.#calls.delete(call);
      this.world.queue.add(this.delay(), () => {
        if (call.client === life) call.abandoned();
        else call.broken(unavailable(false, 'the server is gone'));
      });
    }
  }

  /** A channel for one life of a client. */
  channel(client: SimProcess, life: Life, target: string, identity: Identity): Channel {
    return new SimChannel(this, client, life, target, identity);
  }

  open(call: Call): void {
    this.#calls.add(call);
  }

  close(call: Call): void {
    this.#calls.delete(call);
  }
}
