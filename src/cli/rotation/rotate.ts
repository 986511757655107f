/** `trireme cert rotate`: exchanges the keys of a cluster while it runs. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { authoritiesOf } from '../../api/facts/node-authorities.js';
import type { Node } from '../../api/types/core.js';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import { isUsageError } from '../../lib/usage-error.js';
import { publicKeyHash } from '../../lib/pki/public-key-hash.js';
import { allMasters } from '../../master/cluster/master-registry.js';
import {
  createRotationKeys,
  deleteRotation,
  readRotation,
  writeRotation,
} from '../../master/cluster/rotation-keys.js';
import type { StoredRotation } from '../../master/cluster/rotation-keys.js';
import type { Rotation, RotationPart } from '../../master/cluster/rotation.js';
import { rotationParts } from '../../master/cluster/rotation.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Values } from '../command/flag-types.js';
import { defineCommand } from '../command/spec.js';
import type { Connection } from '../connection.js';
import type { CommandContext } from '../context.js';
import { kubeconfigPaths } from '../kube/client-config.js';
import { fileFieldOf, rotatedKubeconfig } from './kubeconfig.js';
import type { NextAction } from './plan.js';
import { nextAction, stepText } from './plan.js';
import { rewriteSecrets } from './rewrite.js';

const lookEveryMs = 1000;

const flagsOfRotate = {
  only: {
    type: 'list',
    commas: true,
    value: 'KEYS',
    help: `which keys: ${rotationParts.join(', ')} (default all)`,
  },
  'token-life': {
    type: 'text',
    value: 'DURATION',
    default: '1h10m',
    help: 'so long tokens of service accounts may live that the old key has signed',
  },
  without: {
    type: 'list',
    commas: true,
    value: 'NODE',
    help: 'nodes that are not waited for; they must join again',
  },
  timeout: {
    type: 'text',
    value: 'DURATION',
    default: '10m',
    help: 'wait so long for masters and nodes that do not follow',
  },
  until: {
    type: 'text',
    values: ['trust', 'use'],
    help: 'end when all have followed that step; run again, it goes on',
  },
  abort: { type: 'bool', help: 'take back a rotation whose new keys are not used yet' },
} as const;

type RotateFlags = Values<typeof flagsOfRotate>;

/** `trireme cert rotate`. */
export const rotateCommand = defineCommand({
  name: 'rotate',
  summary:
    'exchange the authorities, the key of tokens and the encryption key, while the cluster runs',
  description:
    'New keys are believed everywhere first, then used: certificates are made anew, Secrets are written again; then the ' +
    'old ones go. Masters, nodes and the kubeconfig in use follow by themselves, and nothing is restarted. A step begins ' +
    'when all have followed the one before: a command that was cut short goes on where it was when it is run again.',
  usage: '',
  examples: [
    ['all of them', 'trireme cert rotate'],
    ['a pause after the first step, to restart pods in it', 'trireme cert rotate --until=trust'],
    ['the encryption key alone', 'trireme cert rotate --only=encryption'],
    [
      'the authorities, and leave a node behind',
      'trireme cert rotate --only=ca,etcd-ca --without=n3',
    ],
  ],
  flags: flagsOfRotate,
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const { kubeconfig, context: name } = globals;
    // The file that the rotation writes is one: of several, the first that is there.
    const paths = kubeconfigPaths(kubeconfig);
    const path = paths.find((file) => existsSync(file)) ?? paths[0] ?? '';
    const rotating = new Rotating(context, flags, { path, name });
    return flags.abort === true ? rotating.abort() : rotating.run();
  },
});

class Rotating {
  readonly #context: CommandContext;
  readonly #flags: RotateFlags;
  readonly #config: { readonly path: string; readonly name: string | undefined };
  #said = '';

  constructor(
    context: CommandContext,
    flags: RotateFlags,
    config: { readonly path: string; readonly name: string | undefined },
  ) {
    this.#context = context;
    this.#flags = flags;
    this.#config = config;
  }

  async run(): Promise<number> {
    const { clock } = this.#context;
    const timeoutMs = durationOf('--timeout', this.#flags.timeout);
    durationOf('--token-life', this.#flags['token-life']);
    let lastMs = clock.monotonicMs();
    for (;;) {
      // Anew each time: the kubeconfig follows, and a master may have ended.
      const action = await this.#connected((connection) => this.#turn(connection)).catch(
        (error: unknown): NextAction => {
          if (isFinal(error)) throw error;
          return { kind: 'wait', for: [`an answer (${errorMessage(error)})`] };
        },
      );
      if (action.kind === 'finish') return 0;
      if (action.kind === 'stop') {
        this.#context.out('all have followed: run the same command without --until to go on\n');
        return 0;
      }
      if (action.kind === 'later') {
        const at = new Date(action.atMs).toISOString();
        this.#say(`tokens that the old key has signed may live until ${at}`);
        this.#context.out('run the same command again then: it drops the old keys\n');
        return 0;
      }
      if (action.kind !== 'wait') lastMs = clock.monotonicMs();
      else if (clock.monotonicMs() - lastMs > timeoutMs) {
        throw new CommandLineError(
          `not within ${this.#flags.timeout}: ${action.for.join(', ')}. Mend it, or remove it from the cluster ` +
            '(nodes: --without), and run the same command again: it goes on here',
          { plain: true },
        );
      } else this.#say(`waiting for ${action.for.join(', ')}`);
      await delay(clock, lookEveryMs);
    }
  }

  async abort(): Promise<number> {
    await this.#connected(async ({ api }) => {
      const stored = await readRotation(api);
      if (stored === undefined) throw plain('no rotation is under way');
      if (stored.rotation.step !== 'trust') {
        throw plain('the new keys are used already: run the rotation to its end');
      }
      await deleteRotation(api, stored);
    });
    this.#say('taken back: the new keys are believed until the next rotation, and sign nothing');
    return 0;
  }

  /** Does one thing. @returns what it was */
  async #turn(connection: Connection): Promise<NextAction | { readonly kind: 'stop' }> {
    const { api } = connection;
    const stored = (await readRotation(api)) ?? (await this.#begin(connection));
    const { rotation } = stored;
    mustBeSameParts(this.#flags.only, rotation);
    await this.#followKubeconfig(connection, rotation);
    const action = nextAction(await this.#facts(connection, rotation));
    switch (action.kind) {
      case 'advance':
        if (this.#flags.until === rotation.step) return { kind: 'stop' };
        await this.#write(
          connection,
          { ...rotation, step: action.to, sinceMs: this.#now() },
          stored,
        );
        break;
      case 'rewrite': {
        const { secrets, tokens } = await rewriteSecrets(api, rotation.parts);
        await this.#write(connection, { ...rotation, rewritten: true }, stored);
        this.#say(`${secrets} Secrets are written again, ${tokens} tokens signed anew`);
        break;
      }
      case 'finish':
        await deleteRotation(api, stored);
        this.#say(`done: ${rotation.parts.join(', ')}`);
        break;
      default:
    }
    return action;
  }

  async #begin(connection: Connection): Promise<StoredRotation> {
    const { clock } = this.#context;
    const parts = partsOf(this.#flags.only);
    if (parts.includes('ca')) await this.#mustFollow();
    const id = `${Math.floor(this.#now() / 1000).toString(36)}${randomBytes(2).toString('hex')}`;
    const keys = await createRotationKeys(parts, id, clock);
    const rotation: Rotation = {
      id,
      parts,
      step: 'trust',
      sinceMs: this.#now(),
      rewritten: false,
      keys,
    };
    await this.#write(connection, rotation, undefined);
    const stored = await readRotation(connection.api);
    if (stored === undefined) throw new Error('the rotation was ended by somebody else');
    return stored;
  }

  async #write(
    { api }: Connection,
    rotation: Rotation,
    before: StoredRotation | undefined,
  ): Promise<void> {
    await writeRotation(api, rotation, before);
    if (rotation.step === before?.rotation.step) return;
    this.#say(`${rotation.step} (${rotation.parts.join(', ')}): ${stepText(rotation.step)}`);
  }

  async #facts(
    connection: Connection,
    rotation: Rotation,
  ): Promise<Parameters<typeof nextAction>[0]> {
    const { api } = connection;
    const [status, records, nodes] = await Promise.all([
      connection.call((channel) =>
        channel.client(ClusterDefinition).status({}, { deadlineMs: 5000 }),
      ),
      allMasters(api),
      api.list<Node>(resources.nodes),
    ]);
    const marks = new Map(records.map(({ name, rotation: mark }) => [name, mark]));
    return {
      rotation,
      masters: status.members.map(({ name }) => ({ name, mark: marks.get(name) ?? '' })),
      nodes: nodes.items.map(authoritiesOf),
      newAuthority: rotation.parts.includes('ca')
        ? publicKeyHash(rotation.keys['ca.crt'] ?? '')
        : '',
      without: this.#flags.without,
      nowMs: this.#now(),
      tokenLifeMs: durationOf('--token-life', this.#flags['token-life']),
    };
  }

  /** @throws CommandLineError for a kubeconfig that would be shut out: its keys are in files that others own */
  async #mustFollow(): Promise<void> {
    const { path, name } = this.#config;
    const field = fileFieldOf(await readFile(path, 'utf8'), name);
    if (field === undefined) return;
    throw plain(
      `${path} names a file by ${field}, which the rotation does not write: use a kubeconfig that holds ${field}-data`,
    );
  }

  /** The kubeconfig in use believes the new authority before a server shows it. */
  async #followKubeconfig({ authority }: Connection, rotation: Rotation): Promise<void> {
    const { path } = this.#config;
    if (!rotation.parts.includes('ca') || authority === undefined) return;
    const text = await readFile(path, 'utf8');
    const { clock } = this.#context;
    const next = await rotatedKubeconfig(text, rotation, {
      oldAuthority: authority.toString(),
      clock,
    });
    if (next !== text) await writeWhole(path, next);
  }

  async #connected<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
    const { path, name } = this.#config;
    const connection = await this.#context.connect({
      kubeconfig: path,
      ...(name === undefined ? {} : { context: name }),
    });
    try {
      return await run(connection);
    } finally {
      connection.close();
    }
  }

  #now(): number {
    return this.#context.clock.nowMs();
  }

  /** Each once. */
  #say(text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#context.out(`${text}\n`);
  }
}

/** What waiting does not mend. */
function isFinal(error: unknown): boolean {
  if (isUsageError(error) || error instanceof CommandLineError) return true;
  const reasons = ['Forbidden', 'Unauthorized', 'Invalid', 'BadRequest'];
  return isApiError(error) && reasons.includes(error.reason);
}

function plain(message: string): CommandLineError {
  return new CommandLineError(message, { plain: true });
}

/** @throws CommandLineError when other keys are asked for than those of the rotation under way */
function mustBeSameParts(words: readonly string[], { parts }: Rotation): void {
  if (words.length === 0) return;
  const asked = partsOf(words);
  if (asked.length === parts.length && asked.every((part) => parts.includes(part))) return;
  const under = parts.join(', ');
  throw plain(
    `a rotation of ${under} is under way: run it to its end by --only=${parts.join(',')}, or take it back by --abort`,
  );
}

function partsOf(words: readonly string[]): readonly RotationPart[] {
  if (words.length === 0) return rotationParts;
  const unknown = words.find((word) => !rotationParts.some((part) => part === word));
  if (unknown !== undefined) {
    throw new CommandLineError(`--only takes ${rotationParts.join(', ')}, not "${unknown}"`);
  }
  return rotationParts.filter((part) => words.includes(part));
}

function durationOf(flag: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new CommandLineError(`${flag}: "${text}" is no duration`);
  return ms;
}
