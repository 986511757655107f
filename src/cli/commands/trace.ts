import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import { parseSingle } from '../builder/arguments.js';
import { eventsOf } from '../builder/events-of.js';
import { fetchObject } from '../builder/objects.js';
import { choosePod } from '../builder/pod-of.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { withSession } from '../kube/session.js';
import type { Session } from '../kube/session.js';
import { podSteps } from '../trace/pod-steps.js';
import { podWords } from '../trace/pod-words.js';
import { costWords, measureWrite } from '../trace/write-cost.js';

const roundsMax = 1000;

/** `trireme trace`. */
export const traceCommand = defineCommand({
  name: 'trace',
  summary: "say where the time of a pod's start, or of a write, went",
  description:
    'Of a pod: the steps from its creation until it was ready, by its conditions, its events and its containers; of a workload its readiest pod. With --write: requests that go a little farther each are measured, to the door, through the checks, into the store; a ConfigMap is made and deleted for it.',
  usage: '(POD | TYPE/NAME | --write)',
  examples: [
    ['why a pod took so long', 'trireme trace pod/web-0'],
    ['of a deployment', 'trireme trace deployment/web'],
    ['where the time of a write goes', 'trireme trace --write'],
  ],
  flags: {
    write: { type: 'bool', help: 'measure writes in the namespace' },
    rounds: { type: 'int', default: 20, value: 'N', help: 'with --write: so many of each' },
  },
  completes: 'pods-and-workloads',
  run: (invocation) => {
    const { args, flags } = invocation;
    const [target, ...more] = args;
    if (more.length > 0) throw new CommandLineError(`unexpected argument "${more[0]}"`);
    if (flags.write === true) {
      if (target !== undefined) throw new CommandLineError('--write goes with no object');
      if (flags.rounds < 1 || flags.rounds > roundsMax) {
        throw new CommandLineError(`--rounds: from 1 to ${roundsMax}`);
      }
      return withSession(invocation, async (session) => {
        session.context.out(costWords(await measureWrite(session, flags.rounds)));
      });
    }
    if (target === undefined)
      throw new CommandLineError('a pod, a workload or --write is required');
    return withSession(invocation, async (session) => {
      const { clock, out } = session.context;
      const pod = await podOf(session, target);
      out(
        podWords(
          pod,
          podSteps(pod, await eventsOf(session, { kind: 'Pod', ...pod })),
          clock.nowMs(),
        ),
      );
    });
  },
});

async function podOf(session: Session, target: string): Promise<Pod> {
  const words = target.includes('/') ? [target] : ['pods', target];
  const ref = { ...(await parseSingle(session.mapper, words)), namespace: session.namespace };
  const object: KubeObject = await fetchObject(session, ref);
  if (ref.resource.plural === 'pods') return object as Pod;
  return (await choosePod(session, ref, object)).pod;
}
