/** Lifecycle hooks: a command, a request, or a pause. */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Container, Lifecycle } from '../../api/types/core.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { resolvePort } from '../probes/attempt.js';
import type { HttpAction } from '../probes/http.js';
import { probeHeaders, probeUrl } from '../probes/http.js';

/** A handler of `lifecycle`. */
export type Hook = NonNullable<Lifecycle['preStop']>;

/** The container of a hook, and the tools that run it. */
export interface HookContext {
  readonly container: Container;
  readonly podIp: string;
  readonly clock: Clock;
  /** The longest that the hook may take. */
  readonly timeoutMs: number;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
  readonly execSync: (
    command: readonly string[],
    timeoutMs: number,
  ) => Promise<{ readonly exitCode: number; readonly output: string; readonly timedOut: boolean }>;
}

/** The hook failed; the message is for its event. */
export class HookError extends Error {
  override readonly name = 'HookError';
  readonly code = 'HOOK';
}

/** Resolves when the hook is done. @throws HookError */
export async function runHook(hook: Hook, context: HookContext): Promise<void> {
  if (hook.exec !== undefined) await runCommand(hook.exec.command ?? [], context);
  else if (hook.httpGet !== undefined) await request(hook.httpGet, context);
  else if (hook.sleep !== undefined) {
    const ms = Math.min(Number(hook.sleep.seconds) * 1000, context.timeoutMs);
    await delay(context.clock, ms, context.signal);
  }
}

async function runCommand(command: readonly string[], context: HookContext): Promise<void> {
  const { exitCode, output, timedOut } = await context.execSync(command, context.timeoutMs);
  if (timedOut) throw new HookError(`command '${command.join(' ')}' timed out`);
  if (exitCode !== 0) {
    throw new HookError(
      `command '${command.join(' ')}' exited with ${exitCode}: ${output.slice(0, 512)}`,
    );
  }
}

/** As kubelet, which makes the requests of hooks as those of probes (`NewRequestForHTTPGetAction`). */
function request(action: HttpAction, context: HookContext): Promise<void> {
  const { clock, timeoutMs, container, podIp, signal } = context;
  const port = resolvePort(action.port, { ports: container.ports ?? [] });
  const url = probeUrl(action, podIp, port);
  const headers = probeHeaders(action, 'kube-lifecycle/1.33');
  return new Promise((resolve, reject) => {
    // As kubelet's `httpGet` hooks over HTTPS: the certificate is the container's own, and nobody has signed it.
    const options = { headers, agent: false, rejectUnauthorized: false };
    const call = url.protocol === 'https:' ? https.get(url, options) : http.get(url, options);
    const end = (error?: Error): void => {
      cancel();
      call.destroy();
      if (error === undefined) resolve();
      else reject(new HookError(error.message, { cause: error }));
    };
    const cancel = clock.schedule(timeoutMs, () => end(new Error('the request timed out')));
    signal?.addEventListener('abort', () => end(new Error('the wait was ended')), { once: true });
    call.on('error', (error) => end(error));
    call.on('response', (response) => {
      const status = response.statusCode ?? 0;
      end(status >= 200 && status < 400 ? undefined : new Error(`unexpected status ${status}`));
    });
  });
}
