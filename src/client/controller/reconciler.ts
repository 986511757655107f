import { keyOf } from '../../api/facts/keys.js';
import type { KubeObject } from '../../api/object.js';
import type { Change, Informer, ResourceId } from '../types.js';
import { hasStatusCause, isApiError, namespaceTerminating } from '../types.js';
import { errorMessage } from '../../lib/errors.js';
import type { ReconcileResult } from '../../lib/work-queue.js';
import { WorkQueue } from '../../lib/work-queue.js';
import type { ReconcileContext } from './context.js';

/** One reconciler with its queue. */
export interface Controller {
  readonly name: string;
  /** Lets the workers go; call it once the informers are synced. Keys added earlier wait till then. */
  start(): void;
  /** Takes no more keys and resolves when the reconciles under way have ended. */
  stop(): Promise<void>;
}

/** A controller with the methods to enqueue keys, for its own set-up. */
export interface Reconciler extends Controller {
  enqueue(key: string): void;
  enqueueAfter(key: string, delayMs: number): void;
  /** Resolves when nothing waits and nothing runs. */
  whenIdle(): Promise<void>;
}

/** The queue of a reconciler, and what it does with a key. */
export interface ReconcilerOptions {
  /** Kubernetes' name of the controller: "deployment-controller" without its suffix. */
  readonly name: string;
  /** Reconciles at once, of different keys. @default 5 */
  readonly workers?: number;
  readonly reconcile: (key: string) => Promise<ReconcileResult | void>;
}

/** The shortest time until a reconcile that asked to come again does so. */
const requeueMsMin = 10;

/**
 * A level-triggered loop: keys are deduplicated, one worker a key, failures come back with back-off. A conflict is
 * normal (the cache was behind) and logged at debug; anything else is a warning. An error is told whole once: what the
 * API answered, and what a key fails with again, are told by their message.
 */
export function createReconciler(
  context: ReconcileContext,
  options: ReconcilerOptions,
): Reconciler {
  const log = context.log.child({ controller: options.name });
  let stopped = false;
  let begin: () => void = () => undefined;
  /** The last failure of each key, by its message. */
  const failures = new Map<string, string>();
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const queue = new WorkQueue({
    name: options.name,
    clock: context.clock,
    log,
    workers: options.workers ?? 5,
    reconcile: async (key) => {
      await begun;
      if (stopped) return undefined;
      const result = await options.reconcile(key).catch(ignoreEnding);
      if (result?.requeueAfterMs === undefined) return undefined;
      // At once would starve the event loop, and with it the changes that the key waits for.
      return { requeueAfterMs: Math.max(requeueMsMin, result.requeueAfterMs) };
    },
    ...(context.metrics && { observe: context.metrics.observer(options.name) }),
    onDone: (key, error) => {
      if (error === undefined) failures.delete(key);
      if (error === undefined || stopped) return;
      if (isApiError(error) && (error.reason === 'Conflict' || error.reason === 'AlreadyExists')) {
        log.debug({ key, error }, 'conflict, will try again');
        return;
      }
      const message = errorMessage(error);
      const isKnown = isApiError(error) || failures.get(key) === message;
      failures.set(key, message);
      log.warn({ key, error: isKnown ? message : error }, 'reconcile failed, will try again');
    },
  });
  return {
    name: options.name,
    start: begin,
    enqueue: (key) => queue.add(key),
    enqueueAfter: (key, delayMs) => queue.addAfter(key, delayMs),
    whenIdle: () => queue.whenIdle(),
    stop: () => {
      stopped = true;
      begin();
      return queue.stop();
    },
  };
}

/** In a namespace that ends there is nothing to try again. */
function ignoreEnding(error: unknown): undefined {
  if (!hasStatusCause(error, namespaceTerminating)) throw error;
  return undefined;
}

/** Enqueues the key of each object of `resource` whenever it changes. */
export function watchSelf<T extends KubeObject>(
  context: ReconcileContext,
  resource: ResourceId,
  enqueue: (key: string) => void,
): Informer<T> {
  const informer = context.informers.informer<T>(resource);
  informer.onChange((change) => enqueue(keyOf(change.object)));
  return informer;
}

/** Calls `handler` with every version of a changed object: the new one and, on an update, the old one too. */
export function eachVersion<T extends KubeObject>(
  change: Change<T>,
  handler: (object: T) => void,
): void {
  handler(change.object);
  if (change.type === 'update') handler(change.old);
}

/** Ignores "it is already gone". */
export function ignoreNotFound(error: unknown): void {
  if (!isApiError(error, 'NotFound')) throw error;
}

/** Ignores "it is already there". */
export function ignoreAlreadyExists(error: unknown): void {
  if (!isApiError(error, 'AlreadyExists')) throw error;
}
