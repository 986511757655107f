import { UsageError } from '../../lib/usage-error.js';
import type { Flags } from './typed-flags.js';

/** Returns the destinations of the log. @throws UsageError as etcd does for `default` among others */
export function logOutputs(flags: Flags): string[] {
  const outputs = flags
    .text('log-outputs', 'default')
    .split(',')
    .map((one) => one.trim());
  if (outputs.length > 1 && outputs.includes('default')) {
    throw new UsageError('multi logoutput for "default" is not supported yet');
  }
  return outputs.map((one) => (one === 'default' || one === '' ? 'stderr' : one));
}
