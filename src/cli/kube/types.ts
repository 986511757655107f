import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { WebSocket } from 'ws';

/** A request to the API server. */
export interface KubeRequest {
  /** @default GET */
  readonly method?: string;
  /** From the root: `/api/v1/namespaces`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
  /** @default application/json */
  readonly accept?: string;
}

/** An answer as it comes, a refusal too. */
export interface KubeAnswer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** What an answer to a request for another protocol comes to. */
export interface KubeUpgrade {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  /** The connection, when the code is 101; the first bytes of the other protocol are put back into it. */
  readonly socket: Duplex | undefined;
  /** What the server says instead, for other codes. */
  readonly body: Readable | undefined;
}

/** The API over REST, as the commands use it. A refusal is thrown as an `ApiError`. */
export interface KubeClient {
  /** The namespace of the flags, else the context's. */
  readonly namespace: string;
  /** `https://host:port` of the server in use. */
  readonly server: string;
  /** The answer's JSON. */
  json<T>(request: KubeRequest): Promise<T>;
  /** The answer as it is. */
  raw(request: KubeRequest): Promise<Buffer>;
  /** The answer's body as it comes; ends when the server ends it. */
  stream(request: KubeRequest, signal?: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** For who passes answers on: a refusal is not thrown. */
  exchange(request: KubeRequest, signal?: AbortSignal): Promise<KubeAnswer>;
  /**
   * For who passes a request for another protocol on, with the headers that negotiate it; a refusal is not thrown. The
   * caller ends the connection.
   */
  upgrade(
    request: KubeRequest,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<KubeUpgrade>;
  /** Opens a stream of messages: exec, attach, port-forward. */
  webSocket(request: KubeRequest, protocols: readonly string[]): Promise<WebSocket>;
  close(): void;
}

/** The name under which this program writes. */
export const fieldManager = 'trireme';
