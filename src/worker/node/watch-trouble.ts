import type { WatchTrouble } from '../../client/index.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { nodeSubject } from './node-object.js';

/** The node's Events say what is not up to date on it: policies, services, a certificate. */
export function tellTrouble(events: EventRecorder, nodeName: string, trouble: WatchTrouble): void {
  const { group, resource } = trouble.resource;
  const { namespace = '', fieldSelector = '' } = trouble.selection;
  const kind = group === '' ? resource : `${resource}.${group}`;
  const where = [namespace, fieldSelector].filter((part) => part !== '').join(', ');
  const what = where === '' ? kind : `${kind} (${where})`;
  const state = trouble.synced ? 'are no longer up to date' : 'are not known';
  const message = `${what} ${state} on this node: ${trouble.message}`;
  events.warning(nodeSubject(nodeName), 'FailedWatch', message);
}
