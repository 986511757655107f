import type {
  AgentDefinition,
  ContainerRef,
  ExecInput,
  ExecOutput,
  PortForwardData,
} from '../../../gen/agent.js';
import type { CallContext, ClientDuplex, Duplex, Handlers } from '../../../lib/grpc/index.js';
import { Code, GrpcError } from '../../../lib/grpc/index.js';
import { bearerToken } from '../authn/authenticator.js';
import { mustBeAllowed } from '../authz/authorizers.js';
import { badRequest, noSuchResource } from '../status.js';
import type { AgentClient, NodeAgents } from '../subresources/node-agents.js';
import { findContainer } from '../subresources/pod-container.js';
import type { ApiCore } from './core.js';
import { toGrpcError } from './errors.js';

interface Route {
  readonly client: AgentClient;
  readonly ref: ContainerRef;
}

/** `trireme.agent.v1.Agent` on the API server: authorizes, finds the pod's node, passes the call on. */
export function agentHandlers(core: ApiCore, agents: NodeAgents): Handlers<typeof AgentDefinition> {
  const route = async (
    call: CallContext,
    wanted: ContainerRef | undefined,
    access: { readonly verb: string; readonly subresource: string },
  ): Promise<Route> => {
    if (wanted === undefined) throw badRequest('container is required');
    const { namespace, pod: name } = wanted;
    const header = call.metadata.get('authorization');
    const token = bearerToken(typeof header === 'string' ? header : '');
    const user = await core.authenticator.authenticate({
      certificate: call.peerCertificate,
      token,
    });
    await mustBeAllowed(core.authorization, {
      ...access,
      user,
      isResource: true,
      group: '',
      version: 'v1',
      resource: 'pods',
      namespace,
      name,
      path: call.path,
    });
    const kind = core.kinds.byResource('', 'v1', 'pods');
    if (kind === undefined) throw noSuchResource();
    const needed = access.subresource !== 'portforward';
    const found = await findContainer(
      core.objects,
      { kind, namespace, name },
      wanted.container,
      needed,
    );
    return { client: agents.forNode(found.node), ref: found.ref };
  };
  const terminal =
    (method: 'exec' | 'attach') =>
    async (stream: Duplex<ExecInput, ExecOutput>, call: CallContext): Promise<void> => {
      try {
        const input = stream[Symbol.asyncIterator]();
        const first = (await input.next()).value as ExecInput | undefined;
        if (first?.kind?.$case !== 'start') throw badRequest('the first message must be a start');
        const start = first.kind.value;
        const { client, ref } = await route(call, start.container, {
          verb: 'create',
          subresource: method,
        });
        const upstream = client[method]({ signal: call.signal });
        const value = { ...start, container: ref };
        upstream.send({ kind: { $case: 'start', value } });
        await splice(input, upstream, stream);
      } catch (error) {
        throw toGrpcError(error);
      }
    };
  return {
    async logs(request, stream, call) {
      try {
        const { client, ref } = await route(call, request.container, {
          verb: 'get',
          subresource: 'log',
        });
        const chunks = client.logs({ ...request, container: ref }, { signal: call.signal });
        for await (const chunk of chunks) if (!stream.send(chunk)) await stream.drained();
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
        const start = first.kind.value;
        const { client, ref } = await route(call, start.container, {
          verb: 'create',
          subresource: 'portforward',
        });
        const upstream = client.portForward({ signal: call.signal });
        upstream.send({ kind: { $case: 'start', value: { ...start, container: ref } } });
        await splice(input, upstream, stream);
      } catch (error) {
        throw toGrpcError(error);
      }
    },
    stats() {
      throw new GrpcError(Code.Unimplemented, 'ask the node itself for its stats');
    },
  };
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
