import { ClusterDefinition } from '../../gen/cluster.js';
import type { MemberStatus } from '../../gen/cluster.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import { clusterToJson, roleOf } from '../print-cluster.js';
import { renderTable } from '../table.js';
import { withConnection } from '../with-connection.js';
import { askStatus } from './cluster.js';
import { createJoinToken, joinFlagsOf, ttlFlag, ttlSecondsOf } from './token.js';

const listCommand = defineCommand({
  name: 'list',
  summary: 'list the members of the store: the masters, and those that are joining',
  usage: '',
  examples: [
    ['all', 'trireme member list'],
    ['for programs', 'trireme member list -o json'],
  ],
  flags: { output: { type: 'text', short: 'o', values: ['json'], help: 'for programs' } },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const status = await withConnection({ globals, context }, askStatus);
    context.out(
      flags.output === 'json'
        ? `${clusterToJson(status, 'members')}\n`
        : renderTable(['MASTER', 'ID', 'ROLE', 'ENDPOINT'], status.members.map(rowOf)),
    );
  },
});

function rowOf(member: MemberStatus): string[] {
  const { name, id, clientUrl } = member;
  return [name || '(joining)', id.toString(16), roleOf(member), clientUrl || '-'];
}

const addCommand = defineCommand({
  name: 'add',
  summary: 'say how another machine becomes a master, with a token for it',
  description:
    'The new master copies the store first and votes as soon as it has caught up. A cluster of `up` gets another master by its --masters flag.',
  usage: '',
  examples: [['a token that is valid for ten minutes', 'trireme member add --ttl 600']],
  flags: { ttl: ttlFlag },
  completes: 'nothing',
  async run({ args, flags, globals, context }) {
    if (args.length > 0) throw new CommandLineError(`unexpected argument "${args[0]}"`);
    const ttlSeconds = ttlSecondsOf(flags.ttl);
    const joining = await withConnection({ globals, context }, async (connection) =>
      joinFlagsOf(
        connection,
        await createJoinToken(connection, { ttlSeconds, usages: ['master'] }),
      ),
    );
    context.err('on the new machine, in a checkout or an unpacked bundle:\n');
    context.out(`sudo scripts/install master ${joining}\n`);
  },
});

const removeCommand = defineCommand({
  name: 'remove',
  summary: 'remove a master from the store',
  description:
    'It takes part in nothing from then on. It comes back as a new member only, with an empty data directory.',
  usage: '(MASTER | ID)',
  examples: [
    ['one that is lost', 'trireme member remove master-3'],
    ['one that never came to join, by its id', 'trireme member remove 8e9e05c52164694d'],
  ],
  flags: {},
  completes: 'nothing',
  async run({ args, globals, context }) {
    const name = oneWord(args);
    let attempts = 0;
    const removed = await withConnection({ globals, context }, (connection) =>
      connection.call(async (channel) => {
        attempts++;
        try {
          return await channel
            .client(ClusterDefinition)
            .removeMember({ name }, { deadlineMs: 10_000 });
        } catch (error) {
          // The master that answered first may have been the one to go: the answer was lost, the change was not.
          if (attempts === 1 || !isGrpcError(error) || error.code !== Code.NotFound) throw error;
          return { name, id: 0n };
        }
      }),
    );
    context.out(`${removed.name || removed.id.toString(16)} removed\n`);
    context.err('stop that master, if it still runs: its data cannot be used again\n');
  },
});

const promoteCommand = defineCommand({
  name: 'promote',
  summary: 'let a member that is joining vote',
  description: 'A master that joins does that by itself. One that has not caught up is refused.',
  usage: '(MASTER | ID)',
  examples: [['by its name', 'trireme member promote master-4']],
  flags: {},
  completes: 'nothing',
  async run({ args, globals, context }) {
    const name = oneWord(args);
    const promoted = await withConnection({ globals, context }, (connection) =>
      connection.call((channel) =>
        channel.client(ClusterDefinition).promoteMember({ name }, { deadlineMs: 10_000 }),
      ),
    );
    context.out(`${promoted.name || promoted.id.toString(16)} promoted\n`);
  },
});

function oneWord(args: readonly string[]): string {
  const [word] = args;
  if (word !== undefined && args.length === 1) return word;
  throw new CommandLineError(`exactly one MASTER or ID is required, got ${args.length}`);
}

/** `trireme member`. */
export const memberCommand = defineGroup({
  name: 'member',
  summary: 'list, add, remove and promote members of the store',
  examples: [['all', 'trireme member list']],
  subcommands: [listCommand, addCommand, removeCommand, promoteCommand],
});
