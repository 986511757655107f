/**
 * The verbs of the API: the one place that every request passes, whichever door it came through (see README.md).
 */
export { AuditLog } from './audit.js';
export type { Call, Caller, CallNotes } from './call.js';
export type {
  CommandOptions,
  PortForwardOptions,
  ProxyOptions,
} from '../subresources/connect-options.js';
export {
  attachOptions,
  execOptions,
  portForwardOptions,
  proxyOptions,
} from '../subresources/connect-options.js';
export { checkType, goPackage } from '../registry/body-type.js';
export type { DeleteParameters } from '../registry/delete-options.js';
export { readDeleteOptions } from '../registry/delete-options.js';
export type { FinishedRequest } from './gate.js';
export { Gate } from './gate.js';
export type { ResourceName } from './names.js';
export { hasPlainSegments, segmentFault } from './names.js';
export type {
  Answer,
  Listed,
  ListRequest,
  PatchRequest,
  WatchRequest,
  WriteRequest,
} from './requests.js';
export { SlotBreak } from './slot-break.js';
export { Slots } from './slots.js';
export type { VirtualAnswer } from './verbs.js';
export { Verbs } from './verbs.js';
export { Watches } from './watches.js';
export type { Entry } from '../cache/entry.js';
export type { RequestContext, Target, UserInfo, WriteOptions } from '../registry/types.js';
export { errorTarget } from '../registry/types.js';
export { itemBytes, presentBytes, readAs } from '../registry/versions.js';
export type { WatchItem, WatchSink } from '../registry/watch-session.js';
export type { UpdateSource } from '../registry/writer.js';
export type { Sender } from '../flowcontrol/index.js';
