/**
 * API priority and fairness: which level a request is of, the seats that it takes there, and the queues in which it
 * waits. What decides is pure; `FlowControl` has the levels at work, `FlowKeeper` keeps the objects.
 */
export type { DispatchedRequest, Flow, FlowCounts, Sender } from './flow-control.js';
export { FlowControl } from './flow-control.js';
export { FlowKeeper } from './keeper.js';
