/** `create deployment`, `job`, `cronjob`: pure makers of workloads. */
import type { Random } from '../../lib/random.js';
import { systemRandom } from '../../lib/random.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const imageFlag = {
  image: { type: 'list', required: true, commas: true, value: 'IMAGE', help: 'the image to run' },
} as const;

/** The letters of a suffix: none that make words, or look like others. */
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;

/**
 * `registry/some/web:1` runs in a container `web`. A name of which a letter was exchanged gets a suffix, since another
 * image may come to the same.
 */
export function containerName(image: string, random: Random = systemRandom): string {
  const last = image.slice(image.lastIndexOf('/') + 1).replace(/[@:].*$/, '');
  if (!/[_.]/.test(last)) return last;
  const suffix = Array.from({ length: suffixLength }, () =>
    suffixLetters.charAt(random.below(suffixLetters.length)),
  );
  return `${last.replaceAll(/[_.]/g, '-')}-${suffix.join('')}`;
}

/** `trireme create deployment`. */
export const createDeployment = defineGenerator({
  name: 'deployment',
  aliases: ['deploy'],
  summary: 'create a deployment',
  usage: 'NAME --image=IMAGE -- [COMMAND] [ARG...]',
  examples: [
    ['with three pods', 'trireme create deployment web --image=nginx --replicas=3'],
    ['with a command of its own', 'trireme create deployment idle --image=busybox -- sleep 1d'],
    ['only print it', 'trireme create deployment web --image=nginx --dry-run=client -o yaml'],
  ],
  flags: {
    ...imageFlag,
    replicas: { type: 'int', short: 'r', default: 1, help: 'how many pods' },
    port: { type: 'int', default: -1, help: 'the port of the container' },
  },
  make: (name, { args, dash, flags }) => {
    const command = dash === undefined ? [] : args.slice(dash);
    const images = flags.image;
    if (images.length > 1 && command.length > 0) {
      throw new CommandLineError('cannot specify multiple --image options and command', {
        plain: true,
      });
    }
    return deployment({ name, images, replicas: flags.replicas, port: flags.port, command });
  },
});

/** A deployment whose pods bear the label `app`. */
export function deployment(options: {
  readonly name: string;
  readonly images: readonly string[];
  readonly replicas: number;
  readonly port: number;
  readonly command: readonly string[];
}): Made {
  const { name, images, replicas, port, command } = options;
  const labels = { app: name };
  const containers = images.map((image, at) => ({
    image,
    name: containerName(image),
    ...(command.length === 0 ? {} : { command }),
    ...(port < 0 || at > 0 ? {} : { ports: [{ containerPort: port }] }),
    resources: {},
  }));
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: {},
      template: { metadata: { labels }, spec: { containers } },
    },
    status: {},
  } as Made;
}

/** `trireme create job`. */
export const createJob = defineGenerator({
  name: 'job',
  summary: 'create a job, or run one of a cron job now',
  usage: 'NAME (--image=IMAGE | --from=cronjob/NAME) -- [COMMAND] [ARG...]',
  examples: [
    ['a job', 'trireme create job once --image=busybox -- date'],
    ['what a cron job would run', 'trireme create job now --from=cronjob/nightly'],
  ],
  flags: {
    image: { type: 'text', value: 'IMAGE', help: 'the image to run' },
    from: { type: 'text', value: 'cronjob/NAME', help: 'the cron job whose template is used' },
  },
  make: async (name, invocation) => {
    const { args, dash, flags } = invocation;
    const command = dash === undefined ? [] : args.slice(dash);
    const { image = '', from = '' } = flags;
    if ((image === '') === (from === '')) {
      throw new CommandLineError('either --image or --from must be specified', { plain: true });
    }
    if (from !== '') {
      if (command.length > 0) {
        throw new CommandLineError('cannot specify --from and command', { plain: true });
      }
      const { jobFromCronJob } = await import('./job-from.js');
      return jobFromCronJob(name, from, invocation);
    }
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: { template: jobTemplate(name, image, command, 'Never') },
      status: {},
    } as Made;
  },
});

function jobTemplate(
  name: string,
  image: string,
  command: readonly string[],
  restartPolicy: string,
): object {
  return {
    metadata: {},
    spec: {
      containers: [{ ...(command.length === 0 ? {} : { command }), image, name, resources: {} }],
      restartPolicy,
    },
  };
}

/** `trireme create cronjob`. */
export const createCronJob = defineGenerator({
  name: 'cronjob',
  aliases: ['cj'],
  summary: 'create a cron job',
  usage: "NAME --image=IMAGE --schedule='0/5 * * * ?' -- [COMMAND] [ARG...]",
  examples: [
    [
      'every night',
      "trireme create cronjob nightly --image=busybox --schedule='0 3 * * *' -- date",
    ],
  ],
  flags: {
    image: { type: 'text', required: true, value: 'IMAGE', help: 'the image to run' },
    schedule: { type: 'text', required: true, value: 'CRON', help: 'when, as five fields' },
    restart: {
      type: 'text',
      default: 'OnFailure',
      value: 'OnFailure|Never',
      help: 'what happens after a failure',
    },
  },
  make: (name, { args, dash, flags }) => {
    const command = dash === undefined ? [] : args.slice(dash);
    const template = jobTemplate(name, flags.image ?? '', command, flags.restart);
    return {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name },
      spec: { jobTemplate: { metadata: { name }, spec: { template } }, schedule: flags.schedule },
      status: {},
    } as Made;
  },
});
