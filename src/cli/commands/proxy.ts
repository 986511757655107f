import { once } from 'node:events';
import { patternError } from '../../api/apiextensions/pattern.js';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { withSession } from '../kube/session.js';
import { createProxy } from '../stream/proxy-server.js';

/** `trireme proxy`. */
export const proxyCommand = defineCommand({
  name: 'proxy',
  summary: 'serve the API on a port of this machine, with our credentials',
  description:
    'Whoever reaches the port acts as us: it listens on localhost only, unless told otherwise.',
  usage: '[--port=PORT] [--address=IP]',
  examples: [
    ['on port 8001', 'trireme proxy'],
    ['on a port that is free', 'trireme proxy --port=0'],
    ['with exec and attach', "trireme proxy --reject-paths='^$'"],
  ],
  flags: {
    port: {
      type: 'int',
      short: 'p',
      default: 8001,
      help: 'where to listen; 0 is any that is free',
    },
    address: { type: 'text', default: '127.0.0.1', value: 'IP', help: 'where to listen' },
    'accept-hosts': {
      type: 'text',
      default: '^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$',
      value: 'PATTERNS',
      help: 'the Host headers that are served',
    },
    'reject-methods': {
      type: 'text',
      default: '^$',
      value: 'PATTERNS',
      help: 'methods that are refused',
    },
    'accept-paths': {
      type: 'text',
      default: '^.*',
      value: 'PATTERNS',
      help: 'the paths that are served',
    },
    'reject-paths': {
      type: 'text',
      default: '^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach',
      value: 'PATTERNS',
      help: 'paths that are refused all the same',
    },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { flags, context } = invocation;
    return withSession(invocation, async ({ kube }) => {
      const { server, close } = createProxy(kube, {
        hosts: patternsOf('accept-hosts', flags['accept-hosts']),
        rejectedMethods: patternsOf('reject-methods', flags['reject-methods']),
        acceptedPaths: patternsOf('accept-paths', flags['accept-paths']),
        rejectedPaths: patternsOf('reject-paths', flags['reject-paths']),
      });
      server.listen(flags.port, flags.address);
      try {
        await once(server, 'listening');
      } catch (error) {
        throw new CommandLineError(errorMessage(error), { plain: true });
      }
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : flags.port;
      context.out(`Starting to serve on ${flags.address}:${port}\n`);
      await once(process, 'SIGINT');
      close();
      return 0;
    });
  },
});

/** @throws CommandLineError for what is no pattern */
function patternsOf(flag: string, text: string): readonly string[] {
  const patterns = text.split(',');
  const problem = patterns.map(patternError).find((found) => found !== undefined);
  if (problem === undefined) return patterns;
  throw new CommandLineError(`--${flag}: ${problem}`, { plain: true });
}
