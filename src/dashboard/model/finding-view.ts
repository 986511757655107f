/** A finding of `src/why` as a page shows it: its colour, and where to read on about what it names. */
import type { Finding } from '../../why/finding.js';
import { services, workloads } from './resources.js';
import { formatRoute } from './route.js';
import type { Tone } from './tone.js';

const tones: Readonly<Record<Finding['level'], Tone>> = {
  ok: 'good',
  waiting: 'busy',
  problem: 'bad',
};

/** The tone of a finding's level. */
export function toneOfFinding({ level }: Pick<Finding, 'level'>): Tone {
  return tones[level];
}

/** The page of what a finding is about (`pod/web-0`), where there is one. */
export function addressOf(about: string, namespace: string): string | undefined {
  const [type = '', name = '', ...more] = about.split('/');
  if (name === '' || more.length > 0 || !/^[a-z0-9.-]+$/.test(name)) return undefined;
  if (type === 'node') return formatRoute('pods', [], { node: name });
  if (type === 'pod') return formatRoute('pods', [namespace, name]);
  if (type === 'service') return formatRoute(services.plural, [namespace, name]);
  const workload = workloads.find(({ kind }) => kind.toLowerCase() === type);
  return workload && formatRoute('workloads', [workload.plural, namespace, name]);
}
