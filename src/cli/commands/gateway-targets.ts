import * as https from 'node:https';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';

/** A master's REST port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Between two questions whether a master is ready. */
const probeEveryMs = 1000;
/** For its answer; one that takes longer makes no progress. */
const probeTimeoutMs = 2000;
/** So many in a row leave it out: a single one may be a full queue. */
const failuresMax = 3;

/** Asks a master whether it is ready. @returns why not; undefined when it is */
export type Probe = (target: Address) => Promise<string | undefined>;

interface Target {
  readonly address: Address;
  failures: number;
}

/**
 * The masters behind a gateway, and which of them make progress: each is asked for `/readyz`, since one whose store
 * cannot write still accepts connections. A master that is not ready is left out, and its connections are ended, for as
 * long as another is ready.
 */
export class GatewayTargets {
  readonly #targets: readonly Target[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #probe: Probe;
  readonly #onLeft: (target: Address) => void;
  #preferred = 0;
  #stopped = false;
  #cancel: () => void = () => undefined;

  constructor(options: {
    readonly targets: readonly Address[];
    readonly clock: Clock;
    readonly log: Logger;
    /** Told of a master that is left out from now on. */
    readonly onLeft: (target: Address) => void;
    /** @default asks over HTTPS */
    readonly probe?: Probe;
  }) {
    this.#targets = options.targets.map((address) => ({ address, failures: 0 }));
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onLeft = options.onLeft;
    this.#probe = options.probe ?? askReadyz;
  }

  /** In the order in which they are tried: the last good one first, those that are not ready last. */
  inOrder(): readonly Address[] {
    const count = this.#targets.length;
    const turns = Array.from({ length: count }, (_, at) => (this.#preferred + at) % count);
    const of = (isReady: boolean): Address[] =>
      turns
        .map((turn) => this.#targets[turn])
        .flatMap((one) =>
          one !== undefined && isReadyTarget(one) === isReady ? [one.address] : [],
        );
    return [...of(true), ...of(false)];
  }

  /** A connection to it has been made. */
  prefer(address: Address): void {
    this.#preferred = Math.max(
      0,
      this.#targets.findIndex((one) => one.address === address),
    );
  }

  /** Begins to ask. */
  start(): void {
    void this.look().finally(() => {
      if (!this.#stopped) this.#cancel = this.#clock.schedule(probeEveryMs, () => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Asks all of them once. */
  async look(): Promise<void> {
    await Promise.all(
      this.#targets.map(async (target) => {
        const reason = await this.#probe(target.address).catch(String);
        if (!this.#stopped) this.#note(target, reason);
      }),
    );
    this.#leaveUnready();
  }

  #note(target: Target, reason: string | undefined): void {
    const wasReady = isReadyTarget(target);
    target.failures = reason === undefined ? 0 : Math.min(failuresMax, target.failures + 1);
    const isReady = isReadyTarget(target);
    if (wasReady === isReady) return;
    if (isReady) this.#log.info({ target: target.address }, 'a master is ready again');
    else
      this.#log.warn({ target: target.address, reason }, 'a master is not ready and is left out');
  }

  /** Ends the connections of masters that are not ready, unless none is: then any may still answer. */
  #leaveUnready(): void {
    if (!this.#targets.some(isReadyTarget)) return;
    for (const target of this.#targets) if (!isReadyTarget(target)) this.#onLeft(target.address);
  }
}

function isReadyTarget({ failures }: Target): boolean {
  return failures < failuresMax;
}

/** One connection to each master, which stays: a handshake a second costs both more than the question. */
const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });

/**
 * Asks a master for `/readyz`. Its certificate is not checked: the worst that a false answer can do is to have a
 * connection sent there, whose client checks the certificate itself.
 */
function askReadyz({ host, port }: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = https.get(
      {
        host,
        port,
        path: '/readyz',
        agent,
        rejectUnauthorized: false,
        timeout: probeTimeoutMs,
      },
      (response) => {
        response.resume();
        const { statusCode } = response;
        resolve(statusCode === 200 ? undefined : `/readyz answers ${statusCode ?? 'nothing'}`);
      },
    );
    request.on('timeout', () => request.destroy(new Error('/readyz does not answer in time')));
    request.on('error', (error) => resolve(error.message));
  });
}
