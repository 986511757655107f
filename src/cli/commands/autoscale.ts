import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { parseSingle } from '../builder/arguments.js';
import { fetchObject } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { createMade, generatorFlags } from '../generate/generator.js';
import { apiVersionOf, objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Of the built-in kinds; others say it by their scale. */
const scalable = new Set(['deployments', 'replicasets', 'statefulsets', 'replicationcontrollers']);

async function hasScale({ kube }: Session, ref: ObjectRef): Promise<boolean> {
  try {
    await kube.json({ path: objectPath(ref, 'scale') });
    return true;
  } catch (error) {
    if (isApiError(error) && error.code === 404) return false;
    throw error;
  }
}

/** `trireme autoscale`. */
export const autoscaleCommand = defineCommand({
  name: 'autoscale',
  summary: 'let the number of replicas follow the load',
  usage: '(TYPE NAME | TYPE/NAME) [--min=N] --max=N [--cpu-percent=N]',
  examples: [
    ['between two and five', 'trireme autoscale deployment web --min=2 --max=5 --cpu-percent=80'],
  ],
  flags: {
    ...generatorFlags,
    min: { type: 'int', default: -1, help: 'how few' },
    max: { type: 'int', required: true, help: 'how many' },
    'cpu-percent': { type: 'int', default: -1, help: 'of what the pods ask for; -1 is the usual' },
    name: { type: 'text', value: 'NAME', help: 'of the autoscaler (default: that of the object)' },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags } = invocation;
    const { min, max = 0 } = flags;
    if (args.length === 0) throw missingResources();
    if (max < 1) throw plain(`--max=MAXPODS is required and must be at least 1, max: ${max}`);
    if (max < min) {
      throw plain(
        `--max=MAXPODS must be larger or equal to --min=MINPODS, max: ${max}, min: ${min}`,
      );
    }
    const scaler = await withSession(invocation, async (session) => {
      const { resource, name } = await parseSingle(session.mapper, args);
      const ref = { resource, name, namespace: session.namespace };
      await fetchObject(session, ref);
      if (!scalable.has(resource.plural) && !(await hasScale(session, ref))) {
        const { group, version, plural, kind } = resource;
        throw plain(
          `cannot autoscale a ${kind}: could not find scale subresource for ${group}/${version}, Resource=${plural} in discovery information`,
        );
      }
      return {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: flags.name ?? name },
        spec: {
          maxReplicas: max,
          ...(min > 0 ? { minReplicas: min } : {}),
          scaleTargetRef: { apiVersion: apiVersionOf(resource), kind: resource.kind, name },
          ...(flags['cpu-percent'] >= 0
            ? {
                metrics: [
                  {
                    resource: {
                      name: 'cpu',
                      target: { averageUtilization: flags['cpu-percent'], type: 'Utilization' },
                    },
                    type: 'Resource',
                  },
                ],
              }
            : {}),
        },
        status: { currentMetrics: null, desiredReplicas: 0 },
      } as KubeObject;
    });
    await createMade({ ...invocation, flags }, scaler, false, 'autoscaled');
  },
});
