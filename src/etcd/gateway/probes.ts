/** `/livez` and `/readyz`: the checks of a probe together, or one by its own path. */
import { AlarmType } from '../../gen/etcd/rpc.js';
import { errorMessage } from '../../lib/errors.js';
import type { HttpMember, Request, Response } from './plain-http.js';
import { refuse, refuseMethod } from './plain-http.js';

/** What is wrong; empty where nothing is. */
type Check = (server: HttpMember) => string | Promise<string>;

async function mayRead(server: HttpMember): Promise<string> {
  if (server.room.shortage !== undefined) return server.room.shortage.message;
  try {
    await server.linearizable(() => undefined);
    return '';
  } catch (error) {
    return errorMessage(error);
  }
}

const probes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  livez: { serializable_read: () => '' },
  readyz: {
    data_corruption: ({ alarms }) =>
      alarms.has(AlarmType.CORRUPT) ? 'alarm activated: CORRUPT' : '',
    serializable_read: () => '',
    linearizable_read: mayRead,
    non_learner: ({ isLearner }) => (isLearner ? 'not supported for learner' : ''),
  },
};

/**
 * Answers a probe as etcd does: a failure with the checks that were made, else `ok`, after the checks where `verbose`
 * asks for them. What `exclude` names is not made, and not told of; it counts for nothing where one check is asked.
 * @returns false for a path that is no probe's
 */
export async function answerProbe(
  server: HttpMember,
  url: URL,
  request: Request,
  response: Response,
): Promise<boolean> {
  const [, kind = '', only, ...rest] = url.pathname.split('/');
  const checks = Object.hasOwn(probes, kind) ? probes[kind] : undefined;
  if (checks === undefined || rest.length > 0) return false;
  if (only !== undefined && !Object.hasOwn(checks, only)) return false;
  if (request.method !== 'GET') {
    refuseMethod(response);
    return true;
  }
  const excluded = only === undefined ? url.searchParams.getAll('exclude') : [];
  const lines: string[] = [];
  let hasFailed = false;
  for (const [name, check] of Object.entries(checks)) {
    if (excluded.includes(name) || (only !== undefined && name !== only)) continue;
    const problem = await check(server);
    server.config.telemetry.server.healthChecked(kind, name, problem === '');
    hasFailed ||= problem !== '';
    lines.push(problem === '' ? `[+]${name} ok\n` : `[-]${name} failed: ${problem}\n`);
  }
  if (hasFailed) {
    refuse(response, 503, lines.join(''));
    return true;
  }
  response.setHeader('x-content-type-options', 'nosniff');
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${url.searchParams.has('verbose') ? lines.join('') : ''}ok\n`);
  return true;
}
