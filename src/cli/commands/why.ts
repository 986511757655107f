import { findObjects } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { defineCommand } from '../command/spec.js';
import { withSession } from '../kube/session.js';
import { parseOutput } from '../print/output.js';
import { explainObject } from '../../why/explain.js';
import { renderFinding } from '../../why/finding.js';
import type { Want } from '../../why/view.js';
import { gather } from '../../why/gather.js';
import { readWanted } from '../why/read.js';

/** `trireme why`. */
export const whyCommand = defineCommand({
  name: 'why',
  summary: 'say why something does not work, and what would mend it',
  description:
    'It follows the chain from a workload to its pods, and from those to the cause: a quota, a webhook, the scheduler and each node, an image, a probe, a volume, an exit code, a ConfigMap that is missing. Each line says since when, and what would mend it, with a command to copy. It only reads, with your rights.',
  usage: '(TYPE NAME... | TYPE/NAME...)',
  examples: [
    ['a deployment whose pods do not become ready', 'trireme why deployment/web'],
    ['a pod that gets no node', 'trireme why pod web-0'],
    ['a service that does not answer', 'trireme why service/web -n shop'],
    ['for another program', 'trireme why pvc/data -o json'],
  ],
  flags: {
    output: { type: 'text', short: 'o', value: 'FORMAT', help: 'json, or words' },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length === 0) throw missingResources();
    const format = parseOutput(flags.output, undefined, ['json']);
    return withSession(invocation, async (session) => {
      const found = await findObjects(session, args, {});
      const answers = [];
      const sources = {
        read: (want: Want) => readWanted(session, want),
        nowMs: context.clock.nowMs(),
        namespace: session.namespace,
      };
      for (const { ref, object } of found) {
        const full = { kind: ref.resource.kind, ...object };
        answers.push(await gather(sources, (view) => explainObject(full, view)));
      }
      if (format?.name === 'json') {
        const [only, more] = answers;
        const value = more === undefined ? only : answers;
        context.out(`${JSON.stringify(value, undefined, 4)}\n`);
        return 0;
      }
      const nowMs = context.clock.nowMs();
      const texts = answers.map(({ finding, hidden }) => renderFinding(finding, { nowMs, hidden }));
      context.out(texts.join('\n'));
      return 0;
    });
  },
});
