import { resources } from '../../client/resources.js';
import type { Secret } from '../../api/types/core.js';
import { isApiError } from '../../client/types.js';
import { ClusterDefinition } from '../../gen/cluster.js';
import type { CreateTokenRequest, CreateTokenResponse } from '../../gen/cluster.js';
import type { StoredToken } from '../../master/cluster/stored-token.js';
import {
  storedTokenOf,
  tokenSecretName,
  tokenSecretType,
} from '../../master/cluster/stored-token.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import type { Connection } from '../connection.js';
import { renderTable } from '../table.js';
import { withConnection } from '../with-connection.js';

/** The flag for the time that a token is valid. */
export const ttlFlag = {
  type: 'int',
  default: 86_400,
  value: 'SECONDS',
  help: 'how long it is valid, up to a year',
} as const;

/** @throws CommandLineError for more than a year, or nothing */
export function ttlSecondsOf(ttl: number): number {
  if (ttl >= 1 && ttl <= 31_536_000) return ttl;
  throw new CommandLineError(`--ttl takes a whole number from 1 to 31536000, not "${ttl}"`);
}

/** Makes a token with which a machine joins. */
export function createJoinToken(
  connection: Connection,
  request: CreateTokenRequest,
): Promise<CreateTokenResponse> {
  return connection.call((channel) =>
    channel.client(ClusterDefinition).createToken(request, { deadlineMs: 10_000 }),
  );
}

/** The flags with which a machine joins. */
export function joinFlagsOf(
  { servers }: Pick<Connection, 'servers'>,
  { token, caHash }: Pick<CreateTokenResponse, 'token' | 'caHash'>,
): string {
  return `--join ${servers.join(',')} --token ${token} --ca-hash ${caHash}`;
}

const createCommand = defineCommand({
  name: 'create',
  summary: 'make a token with which machines join, and print the flags for them',
  usage: '',
  examples: [
    ['for workers, for a day', 'trireme token create'],
    ['for both, for an hour', 'trireme token create --for worker,master --ttl 3600'],
  ],
  flags: {
    for: {
      type: 'text',
      default: 'worker',
      value: 'ROLES',
      help: 'machines that may join with it: worker, master or worker,master',
    },
    ttl: ttlFlag,
    output: { type: 'text', short: 'o', values: ['json'], help: 'for programs' },
  },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const usages = flags.for.split(',');
    const wrong = usages.find((usage) => usage !== 'worker' && usage !== 'master');
    if (wrong !== undefined) {
      throw new CommandLineError(`--for takes "worker" or "master", not "${wrong}"`);
    }
    const ttlSeconds = ttlSecondsOf(flags.ttl);
    await withConnection({ globals, context }, async (connection) => {
      const answer = await createJoinToken(connection, { ttlSeconds, usages });
      const { token, caHash, expires } = answer;
      if (flags.output === 'json') {
        context.out(`${JSON.stringify({ token, caHash, expires, servers: connection.servers })}\n`);
        return;
      }
      const join = joinFlagsOf(connection, answer);
      context.out(`token:   ${token}\nca-hash: ${caHash}\nexpires: ${expires}\njoin:    ${join}\n`);
    });
  },
});

const listCommand = defineCommand({
  name: 'list',
  summary: 'list the tokens by their public half: whom each lets join, and until when',
  usage: '',
  examples: [
    ['all', 'trireme token list'],
    ['for programs', 'trireme token list -o json'],
  ],
  flags: { output: { type: 'text', short: 'o', values: ['json'], help: 'for programs' } },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const { items } = await withConnection({ globals, context }, ({ api }) =>
      api.list<Secret>(resources.secrets, {
        namespace: 'kube-system',
        // Other secrets are not asked for.
        fieldSelector: `type=${tokenSecretType}`,
      }),
    );
    const tokens = items
      .map(storedTokenOf)
      .filter((one) => one !== undefined)
      .toSorted((a, b) => (a.expires < b.expires ? -1 : 1));
    if (flags.output === 'json') {
      context.out(`${JSON.stringify(tokens)}\n`);
      return;
    }
    if (tokens.length === 0) {
      context.err('there are no tokens: trireme token create\n');
      return;
    }
    const nowMs = context.clock.nowMs();
    const rows = tokens.map((token) => rowOf(token, nowMs));
    context.out(renderTable(['TOKEN', 'FOR', 'EXPIRES', 'LEFT'], rows));
  },
});

function rowOf({ id, usages, expires }: StoredToken, nowMs: number): string[] {
  const leftMs = Date.parse(expires) - nowMs;
  const minutes = Math.floor(leftMs / 60_000);
  const left =
    expires === ''
      ? 'for ever'
      : !(leftMs > 0)
        ? 'ENDED'
        : minutes < 120
          ? `${minutes}m`
          : `${Math.floor(minutes / 60)}h`;
  return [id, usages.join(',') || '-', expires || '-', left];
}

const deleteCommand = defineCommand({
  name: 'delete',
  summary: 'delete tokens: nobody joins with them any more',
  usage: 'TOKEN...',
  examples: [['by its public half', 'trireme token delete abcdef']],
  flags: {},
  completes: 'nothing',
  async run({ args, globals, context }) {
    if (args.length === 0) throw new CommandLineError('at least one TOKEN is required');
    const ids = args.map((word) => word.split('.', 1)[0] ?? '');
    const wrong = ids.findIndex((id) => !/^[a-z0-9]{6}$/.test(id));
    if (wrong >= 0) {
      // It is not repeated: it may have the secret half in it.
      const which = `argument ${wrong + 1} is no token`;
      throw new CommandLineError(`${which}: six small letters or digits, as in abcdef`);
    }
    await withConnection({ globals, context }, async ({ api }) => {
      for (const id of ids) {
        const key = { namespace: 'kube-system', name: tokenSecretName(id) };
        await api.delete(resources.secrets, key).catch((error: unknown) => {
          if (!isApiError(error, 'NotFound')) throw error;
          throw new CommandLineError(`there is no token "${id}"`, { plain: true });
        });
        context.out(`token ${id} deleted\n`);
      }
    });
  },
});

/** `trireme token`. */
export const tokenCommand = defineGroup({
  name: 'token',
  summary: 'create, list and delete the tokens with which machines join',
  examples: [['what a new worker needs', 'trireme token create']],
  subcommands: [createCommand, listCommand, deleteCommand],
});
