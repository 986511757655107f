/**
 * The Kubernetes API as the cluster's own components use it: objects over gRPC with fail-over between masters,
 * informers that keep a resource in memory, and leader election on Leases. `testkit/fake.ts` is the same API in memory
 * for tests.
 */
export { createApiClient } from './api-client.js';
export type { FinishedCall, GrpcApiClient } from './api-client.js';
export { createInformerFactory } from './informer.js';
export type { WatchTrouble } from './informer.js';
export { LeadingClient } from './leading-client.js';
export type { Leadership } from './leading-client.js';
export { runLeaderElection } from './leader-election.js';
export type { LeaderElectionOptions } from './leader-election.js';
export * from './types.js';
