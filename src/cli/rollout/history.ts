import type { Found } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { describeTemplate } from '../describe/pod-template.js';
import { DescribeWriter } from '../describe/writer.js';
import { displayName } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { tabwriter } from '../print/tabwriter.js';
import { revisionsOf } from './revisions.js';

/** The history of a workload in kubectl's words. @param revision one of them in full; 0 is the list */
export async function rolloutHistory(
  session: Session,
  found: Found,
  revision: number,
): Promise<string> {
  const { resource, name } = found.ref;
  const revisions = await revisionsOf(session, found);
  if (revision > 0) {
    const one = revisions.find(({ number }) => number === revision);
    if (one === undefined) {
      throw new CommandLineError('unable to find the specified revision', { plain: true });
    }
    const writer = new DescribeWriter();
    describeTemplate(writer, one.template, { cause: one.cause });
    return `${displayName(resource, name)} with revision #${revision}\n${writer.text()}\n`;
  }
  if (revisions.length === 0) return `${displayName(resource, name)} \nNo rollout history found.\n`;
  const rows = revisions.map(
    ({ number, cause }) => `${number}\t${cause === '' ? '<none>' : cause}\n`,
  );
  return `${displayName(resource, name)} \n${tabwriter(`REVISION\tCHANGE-CAUSE\n${rows.join('')}`, { padding: 2 })}\n`;
}
