import type { KindDeclaration } from '../../../api/kind.js';
import type { Random } from '../../../lib/random.js';
import { watchTimeoutMs } from '../limits.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { checkWatchOptions } from '../registry/list-options.js';
import type { WatchSink } from '../registry/watch-session.js';
import { WatchSession } from '../registry/watch-session.js';
import type { Selection } from '../cache/selection.js';
import type { WatchRequest } from './requests.js';

/** The steps of a watch that others wait for. */
export interface WatchSteps {
  /** Called when the answer has begun. */
  readonly started: () => void;
  /** Called when what was there is sent, or when it will never be; more than once. */
  readonly begun: () => void;
}

/** All watches that are open, of every door: counted, and ended together when the server stops. */
export class Watches {
  readonly #objects: Objects;
  readonly #sessions = new Set<WatchSession>();
  readonly #onEvents: (kind: KindDeclaration, count: number) => void;

  /** @param onEvents is told of events that are sent. @default nobody is */
  constructor(
    objects: Objects,
    onEvents: (kind: KindDeclaration, count: number) => void = () => undefined,
  ) {
    this.#objects = objects;
    this.#onEvents = onEvents;
  }

  /** Runs one watch until its client or its time is gone. */
  async run(
    target: Target,
    request: WatchRequest,
    selection: Selection,
    { started, begun }: WatchSteps,
  ): Promise<void> {
    const { resourceVersion, allowBookmarks, sendInitialEvents, timeoutSeconds } = request;
    try {
      checkWatchOptions(request);
    } catch (error) {
      begun();
      throw error;
    }
    const { kind, namespace } = target;
    const { watchCache, clock, random, conversion } = this.#objects;
    const { sink, closed } = request.open(kind);
    const session = new WatchSession({
      options: { kind, namespace, selection, resourceVersion, allowBookmarks, sendInitialEvents },
      sink: this.#counted(kind, sink),
      watchCache,
      cache: this.#objects.cache(kind),
      clock,
      views: conversion.asksWebhook(kind)
        ? (entries) => conversion.views(kind, entries)
        : undefined,
    });
    this.#sessions.add(session);
    started();
    const cancel =
      timeoutSeconds === undefined
        ? undefined
        : clock.schedule(lifetimeMs(timeoutSeconds, random), () =>
            session.stop({ bookmark: true }),
          );
    try {
      await session.start();
      begun();
      await closed;
    } finally {
      begun();
      cancel?.();
      session.stop();
      this.#sessions.delete(session);
    }
  }

  #counted(kind: KindDeclaration, sink: WatchSink): WatchSink {
    return {
      send: (items) => {
        this.#onEvents(kind, items.length);
        return sink.send(items);
      },
      drained: () => sink.drained(),
      end: () => sink.end(),
    };
  }

  /** Ends all watches, each with a bookmark for who wants one: clients go on elsewhere. */
  stop(): void {
    for (const session of this.#sessions) session.stop({ bookmark: true });
  }

  get count(): number {
    return this.#sessions.size;
  }
}

function lifetimeMs(timeoutSeconds: number, random: Random): number {
  return timeoutSeconds === 0
    ? watchTimeoutMs + random.below(watchTimeoutMs)
    : Math.max(0, timeoutSeconds * 1_000);
}
