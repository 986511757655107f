/**
 * Aggregation: groups and versions that other servers serve, as their APIServices say. What is served here has an
 * APIService as well; each says whether its server can be reached.
 */
export type { Checked } from './check.js';
export { checkRemote } from './check.js';
export { AggregationController } from './controller.js';
export { aggregatorUser, identityHeaders, saysWhoAsks } from './identity.js';
export { localGroupPriority } from './local-services.js';
export type { RemoteApi } from './remote-apis.js';
export { RemoteApis } from './remote-apis.js';
export type { RemoteCallDeps } from './remote-call.js';
export { callRemote } from './remote-call.js';
export type { RemoteFetchDeps } from './remote-fetch.js';
export { fetchRemote } from './remote-fetch.js';
export { publishAuthentication } from './authentication-config.js';
