import { Duplex } from 'node:stream';
import type { ContainerRef } from '../../../gen/agent.js';
import type { DialPod } from './dial-pod.js';
import { isStatusError } from '../status.js';
import type { AgentClient, NodeAgents } from './node-agents.js';
import { toError } from '../../../lib/errors.js';

/**
 * A connection to a port of a pod's address, carried by one PortForward call to its node: which address it is, the node
 * knows.
 */
export function agentSocket(agent: AgentClient, container: ContainerRef, port: number): Duplex {
  const call = agent.portForward();
  call.send({ kind: { $case: 'start', value: { container, port, toPodAddress: true } } });
  let wanted: () => void = () => undefined;
  const socket = new Duplex({
    allowHalfOpen: true,
    read: () => wanted(),
    write: (chunk: Buffer, _encoding, done) => {
      if (call.send({ kind: { $case: 'data', value: chunk } })) done();
      else void call.drained().then(() => done());
    },
    final: (done) => {
      call.send({ kind: { $case: 'halfClosed', value: true } });
      call.end();
      done();
    },
    destroy: (error, done) => {
      call.cancel();
      done(error);
    },
  });
  const receive = async (): Promise<void> => {
    for await (const { kind } of call) {
      if (kind?.$case === 'data') {
        if (socket.push(kind.value)) continue;
        await new Promise<void>((resolve) => {
          wanted = resolve;
        });
      } else if (kind?.$case === 'error') throw new Error(kind.value);
      else if (kind?.$case === 'halfClosed') break;
    }
    socket.push(null);
  };
  receive().catch((error: unknown) => {
    socket.destroy(toError(error));
  });
  return socket;
}

/** Reaches pods through the agents of their nodes. */
export function podDialer(agents: NodeAgents): DialPod {
  return ({ node, namespace, name, uid }, port) => {
    try {
      const agent = agents.forNode(node);
      const container = { namespace, pod: name, uid, container: '' };
      return () => agentSocket(agent, container, port);
    } catch (error) {
      if (isStatusError(error)) return undefined;
      throw error;
    }
  };
}
