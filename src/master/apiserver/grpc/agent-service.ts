import type {
  AgentDefinition,
  ContainerRef,
  ExecInput,
  ExecOutput,
  PortForwardData,
} from '../../../gen/agent.js';
import type { CallContext, ClientDuplex, Duplex, Handlers } from '../../../lib/grpc/index.js';
import { Code, GrpcError } from '../../../lib/grpc/index.js';
import { badRequest } from '../status.js';
import type { Connector } from '../subresources/connector.js';
import type { Call, Verbs } from '../verbs/index.js';
import { attachOptions, execOptions, portForwardOptions } from '../verbs/index.js';
import { callOf } from './call.js';
import { toGrpcError } from './errors.js';

/** `trireme.agent.v1.Agent` on the API server: enters by the verbs, and passes the call on to the pod's node. */
export function agentHandlers(
  verbs: Verbs,
  connector: Connector,
): Handlers<typeof AgentDefinition> {
  const terminal =
    (method: 'exec' | 'attach') =>
    async (stream: Duplex<ExecInput, ExecOutput>, call: CallContext): Promise<void> => {
      try {
        const input = stream[Symbol.asyncIterator]();
        const first = (await input.next()).value as ExecInput | undefined;
        if (first?.kind?.$case !== 'start') throw badRequest('the first message must be a start');
        const wanted = first.kind.value;
        const { stdin, stdout, stderr, tty } = wanted;
        const fields = { stdin, stdout, stderr, tty, container: wanted.container?.container ?? '' };
        const options =
          method === 'exec' ? execOptions(fields, wanted.command) : attachOptions(fields);
        await verbs.connect(podCall(call, 'create', wanted.container, method), () => ({
          options,
          use: async ({ target }, started) => {
            const { start, agent } = await connector.command(target, options);
            const upstream = agent[method]({ signal: call.signal });
            upstream.send({ kind: { $case: 'start', value: start } });
            started(200);
            await splice(input, upstream, stream);
            return 200;
          },
        }));
      } catch (error) {
        throw toGrpcError(error);
      }
    };
  return {
    async logs(request, stream, call) {
      try {
        await verbs.connect(podCall(call, 'get', request.container, 'log'), () => ({
          options: undefined,
          use: async ({ target }, started) => {
            const wanted = { ...request, container: request.container?.container ?? '' };
            const chunks = await connector.logs(target, wanted, call.signal);
            started(200);
            for await (const chunk of chunks) if (!stream.send(chunk)) await stream.drained();
            return 200;
          },
        }));
      } catch (error) {
        throw toGrpcError(error);
      }
    },
    exec: terminal('exec'),
    attach: terminal('attach'),
    async portForward(stream, call) {
      try {
        const input = stream[Symbol.asyncIterator]();
        const first = (await input.next()).value as PortForwardData | undefined;
        if (first?.kind?.$case !== 'start') throw badRequest('the first message must be a start');
        const { container: wanted, port } = first.kind.value;
        await verbs.connect(podCall(call, 'create', wanted, 'portforward'), () => ({
          options: portForwardOptions([port]),
          use: async ({ target }, started) => {
            const { agent, container } = await connector.portForward(target);
            const upstream = agent.portForward({ signal: call.signal });
            const value = { container, port, toPodAddress: false };
            upstream.send({ kind: { $case: 'start', value } });
            started(200);
            await splice(input, upstream, stream);
            return 200;
          },
        }));
      } catch (error) {
        throw toGrpcError(error);
      }
    },
    stats() {
      throw new GrpcError(Code.Unimplemented, 'ask the node itself for its stats');
    },
  };
}

/** @throws StatusError BadRequest when no container is named */
function podCall(
  context: CallContext,
  verb: string,
  container: ContainerRef | undefined,
  subresource: string,
): Call {
  if (container === undefined) throw badRequest('container is required');
  const { namespace, pod: name } = container;
  const pods = { group: '', version: 'v1', resource: 'pods' };
  return callOf(context, verb, { ...pods, subresource, namespace, name });
}

/** Copies both ways until the upstream ends; a caller that half-closes half-closes the upstream. */
async function splice<In, Out>(
  input: AsyncIterator<In>,
  upstream: ClientDuplex<Out, In>,
  stream: Duplex<In, Out>,
): Promise<void> {
  const forward = async (): Promise<void> => {
    for (;;) {
      const next = await input.next();
      if (next.done === true) break;
      if (!upstream.send(next.value)) await upstream.drained();
    }
    upstream.end();
  };
  const sending = forward().catch(() => upstream.cancel());
  for await (const message of upstream) if (!stream.send(message)) await stream.drained();
  void sending;
}
