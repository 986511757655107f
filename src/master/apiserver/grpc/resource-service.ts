import type {
  DeleteRequest,
  ListChunk,
  ListRequest,
  Options,
  ResourceRef,
  ResourcesDefinition,
  WatchBatch,
  WatchRequest,
} from '../../../gen/apiserver.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { CallContext, Handlers, Sender } from '../../../lib/grpc/index.js';
import { readObjectBody } from '../content/decode.js';
import type { BodyParser } from '../content/body-parser.js';
import { patchChange, patchSource } from '../content/patch.js';
import type {
  Call,
  Entry,
  RequestContext,
  UserInfo,
  Verbs,
  WriteOptions,
  WriteRequest,
} from '../verbs/index.js';
import { presentBytes, readDeleteOptions } from '../verbs/index.js';
import { callOf, nameOf } from './call.js';
import { toGrpcError } from './errors.js';
import { encodeListChunk, messageBytes } from './object-messages.js';
import type { RemoteResources } from './remote-resources.js';
import { GrpcWatchSink } from './watch-sink.js';

const success = Buffer.from(
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
);

/** The dependencies of the API over gRPC. */
export interface ResourceServiceDeps {
  readonly verbs: Verbs;
  readonly parser: BodyParser;
  /** The groups and versions of other servers. */
  readonly remote: RemoteResources;
  /** The present time as objects hold it. */
  readonly now: () => string;
}

/** `trireme.api.v1.Resources`: the verbs over gRPC, for the cluster's own components and the CLI. */
export class ResourceService {
  readonly #verbs: Verbs;
  readonly #parser: BodyParser;
  readonly #remote: RemoteResources;
  readonly #now: () => string;

  constructor({ verbs, parser, remote, now }: ResourceServiceDeps) {
    this.#remote = remote;
    this.#verbs = verbs;
    this.#parser = parser;
    this.#now = now;
  }

  handlers(): Handlers<typeof ResourcesDefinition> {
    return {
      get: async ({ ref, resourceVersion }, context) => {
        const api = ref?.resource === '' ? this.#remote.find(ref) : undefined;
        if (api !== undefined) {
          return { object: await told(this.#remote.resources(context, api)) };
        }
        const call = this.#call(context, 'get', ref);
        return answered(this.#verbs.get(call, () => ({ resourceVersion })));
      },
      list: (request, stream, context) => this.#list(request, stream, context),
      watch: (request, stream, context) => this.#watch(request, stream, context),
      create: ({ ref, object, options }, context) => {
        const call = this.#call(context, 'create', ref);
        return answered(
          this.#verbs.create(call, (_target, user) => this.#write(object, options, user)),
        );
      },
      update: ({ ref, object, options }, context) => {
        const call = this.#call(context, 'update', ref);
        return answered(
          this.#verbs.update(call, (_target, user) => this.#write(object, options, user)),
        );
      },
      patch: ({ ref, patch, patchType, force, options }, context) => {
        const call = this.#call(context, 'patch', ref);
        const request = (user: UserInfo) => ({
          options: { ...writeOptions(options, user), force },
          source: (of: RequestContext) =>
            patchSource(of, patchType, patch, { parser: this.#parser, now: this.#now }),
          change: () => patchChange(patchType, patch, { parser: this.#parser, user: user.name }),
        });
        return answered(this.#verbs.patch(call, (_target, user) => request(user)));
      },
      delete: async (request, context) => {
        const api = this.#remote.find(request.ref);
        if (api !== undefined) {
          return { object: await told(this.#remote.delete(context, api, request)) };
        }
        const call = this.#call(context, 'delete', request.ref);
        return answered(this.#verbs.delete(call, () => ({ options: this.#deletion(request) })));
      },
      deleteCollection: async (request, context) => {
        const { labelSelector, fieldSelector } = request;
        const call = this.#call(context, 'deletecollection', request.ref, fieldSelector);
        const options = this.#deletion(request);
        const list = { ...wholeList, labelSelector };
        await told(this.#verbs.deleteCollection(call, () => ({ list, options })));
        return { object: success };
      },
    };
  }

  #call(
    context: CallContext,
    verb: string,
    ref: ResourceRef | undefined,
    fieldSelector?: string,
  ): Call {
    return callOf(context, verb, this.#verbs.withVersion(nameOf(ref)), fieldSelector);
  }

  #write(object: Buffer, options: Options | undefined, user: UserInfo): WriteRequest {
    const body = { bytes: object, format: 'json', user: user.name } as const;
    return {
      options: writeOptions(options, user),
      object: (context) => readObjectBody(this.#parser, body, context),
      value: () => this.#parse(object, user),
    };
  }

  #deletion(
    request: DeleteRequest,
  ): (context: RequestContext) => Promise<ReturnType<typeof readDeleteOptions>> {
    return async ({ user }) => {
      const { deleteOptions: bytes } = request;
      const body = bytes.length === 0 ? undefined : await this.#parse(bytes, user);
      const options = readDeleteOptions(body);
      return { ...options, dryRun: options.dryRun || (request.options?.dryRun ?? false) };
    };
  }

  #parse(bytes: Buffer, user: UserInfo): Promise<unknown> {
    return this.#parser.value(bytes, 'application/json', user.name);
  }

  async #list(
    request: ListRequest,
    stream: Sender<ListChunk>,
    context: CallContext,
  ): Promise<void> {
    const { ref, fieldSelector } = request;
    const api = this.#remote.find(ref);
    if (api !== undefined) {
      const { objects, ...end } = await told(this.#remote.list(context, api, request));
      return sendList(stream, objects, end);
    }
    const call = this.#call(context, 'list', ref, fieldSelector);
    const result = await told(this.#verbs.list(call, () => request));
    const { entries, kind, resourceVersion, continue: next } = result;
    return sendList(stream, presented(kind, entries), { resourceVersion, continue: next });
  }

  async #watch(
    request: WatchRequest,
    stream: Sender<WatchBatch>,
    context: CallContext,
  ): Promise<void> {
    const { ref, fieldSelector, labelSelector, resourceVersion, allowBookmarks } = request;
    const call = this.#call(context, 'watch', ref, fieldSelector);
    const fromState = resourceVersion === '' || resourceVersion === '0';
    await told(
      this.#verbs.watch(call, () => ({
        labelSelector,
        resourceVersion,
        resourceVersionMatch: fromState ? 'NotOlderThan' : '',
        continue: '',
        allowBookmarks: allowBookmarks || fromState,
        sendInitialEvents: fromState ? true : undefined,
        timeoutSeconds: undefined,
        open: (kind) => {
          const sink = new GrpcWatchSink(stream, kind, context.signal);
          return { sink, closed: sink.ended };
        },
      })),
    );
  }
}

/** A list of all that is there now. */
const wholeList = { resourceVersion: '', resourceVersionMatch: '', limit: 0, continue: '' };

function* presented(kind: KindDeclaration, entries: Iterable<Entry>): Generator<Buffer> {
  for (const entry of entries) yield presentBytes(kind, entry);
}

/** Sends a list in messages of a bounded size. */
async function sendList(
  stream: Sender<ListChunk>,
  all: Iterable<Buffer>,
  end: Omit<ListChunk, 'objects'>,
): Promise<void> {
  let objects: Buffer[] = [];
  let size = 0;
  for (const bytes of all) {
    objects.push(bytes);
    size += bytes.length;
    if (size < messageBytes) continue;
    const part = encodeListChunk({ objects, resourceVersion: '', continue: '' });
    if (!stream.sendEncoded(part)) await stream.drained();
    if (stream.ended) return;
    objects = [];
    size = 0;
  }
  stream.sendEncoded(encodeListChunk({ objects, ...end }));
}

/** Errors in gRPC's form. @throws GrpcError */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toGrpcError(error);
  }
}

async function answered(
  work: Promise<{ readonly bytes: Buffer }>,
): Promise<{ readonly object: Buffer }> {
  try {
    return { object: (await work).bytes };
  } catch (error) {
    throw toGrpcError(error);
  }
}

function writeOptions(options: Options | undefined, user: UserInfo): WriteOptions {
  const validation = options?.fieldValidation;
  return {
    dryRun: options?.dryRun ?? false,
    fieldManager: options?.fieldManager || managerOf(user.name),
    fieldValidation: validation === 'Strict' || validation === 'Warn' ? validation : 'Ignore',
    force: false,
  };
}

/** The field manager of a component that names none: its program, as with Kubernetes' own. */
function managerOf(user: string): string {
  if (user.startsWith('system:node:')) return 'kubelet';
  return user.replace(/^system:(?=kube-)/, '');
}
