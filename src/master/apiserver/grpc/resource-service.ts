import type {
  DeleteRequest,
  ListRequest,
  Options,
  ResourceRef,
  ResourcesDefinition,
  WatchRequest,
} from '../../../gen/apiserver.js';
import type { CallContext, Handlers, Sender } from '../../../lib/grpc/index.js';
import type { ListChunk, WatchBatch } from '../../../gen/apiserver.js';
import { bearerToken } from '../authn/authenticator.js';
import { mustBeAllowed } from '../authz/authorizers.js';
import { parseSelection } from '../cache/selection.js';
import { readDeleteOptions } from '../registry/deleter.js';
import type { RequestContext, Written } from '../registry/types.js';
import { presentBytes } from '../registry/versions.js';
import { checkWatchOptions, WatchSession } from '../registry/watch-session.js';
import { decodeChecked } from '../rest/decode.js';
import { parseBody } from '../rest/body.js';
import { patchSource } from '../rest/patch.js';
import { badRequest, isStatusError, methodNotAllowed, noSuchResource } from '../status.js';
import { bindPod } from '../subresources/binding.js';
import { evictPod } from '../subresources/eviction.js';
import { changeScale, scaleOf } from '../subresources/scale.js';
import { requestToken } from '../subresources/token.js';
import type { ApiCore } from './core.js';
import { toGrpcError } from './errors.js';
import { GrpcWatchSink } from './watch-sink.js';

const success = Buffer.from(
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
);
const chunkBytes = 256 * 1024;

/** `trireme.api.v1.Resources`: the same verbs as REST, for the cluster's own components and the CLI. */
export class ResourceService {
  readonly #core: ApiCore;
  readonly #sessions = new Set<WatchSession>();

  constructor(core: ApiCore) {
    this.#core = core;
  }

  handlers(): Handlers<typeof ResourcesDefinition> {
    return {
      get: ({ ref, resourceVersion }, call) =>
        this.#unary(call, 'get', ref, undefined, async (context) => {
          const entry = await this.#core.objects.get(context.target, resourceVersion);
          const { kind, subresource } = context.target;
          const paths = kind.subresources.find((part) => part.name === subresource)?.scale;
          if (paths === undefined) return presentBytes(kind, entry);
          return encode(scaleOf(kind, entry.parse(), paths));
        }),
      list: (request, stream, call) => this.#list(request, stream, call),
      watch: (request, stream, call) => this.#watch(request, stream, call),
      create: ({ ref, object, options }, call) =>
        this.#unary(call, 'create', ref, options, (context) => this.#create(context, object)),
      update: ({ ref, object, options }, call) =>
        this.#unary(call, 'update', ref, options, (context) => this.#update(context, object)),
      patch: ({ ref, patch, patchType, force, options }, call) =>
        this.#unary(call, 'patch', ref, options, async (context) => {
          const forced = { ...context, options: { ...context.options, force } };
          const source = patchSource(forced, patchType, patch, () => this.#core.objects.now());
          return (await this.#core.writer.update(forced, source)).bytes;
        }),
      delete: (request, call) =>
        this.#unary(call, 'delete', request.ref, request.options, async (context) => {
          const options = deleteOptions(request);
          return (await this.#core.deleter.delete(context, options)).body;
        }),
      deleteCollection: (request, call) =>
        this.#unary(call, 'deletecollection', request.ref, request.options, (context) =>
          this.#deleteCollection(context, request),
        ),
    };
  }

  async #unary(
    call: CallContext,
    verb: string,
    ref: ResourceRef | undefined,
    options: Options | undefined,
    run: (context: RequestContext) => Promise<Buffer>,
  ): Promise<{ object: Buffer }> {
    try {
      const context = await this.#context(call, verb, ref, options);
      return { object: await run(context) };
    } catch (error) {
      throw toGrpcError(error);
    }
  }

  async #context(
    call: CallContext,
    verb: string,
    ref: ResourceRef | undefined,
    options: Options | undefined,
  ): Promise<RequestContext> {
    const { kinds, authenticator, authorization } = this.#core;
    if (ref === undefined) throw badRequest('ref is required');
    const authorizationHeader = call.metadata.get('authorization');
    const user = await authenticator.authenticate({
      certificate: call.peerCertificate,
      token: bearerToken(typeof authorizationHeader === 'string' ? authorizationHeader : ''),
    });
    const attributes = { ...ref, user, verb, isResource: true, path: call.path };
    await mustBeAllowed(authorization, attributes);
    const kind = kinds.byResource(ref.group, ref.version, ref.resource);
    if (kind === undefined) throw noSuchResource();
    const namespace = kind.namespaced ? ref.namespace : '';
    const validation = options?.fieldValidation;
    return {
      user,
      target: { kind, namespace, name: ref.name, subresource: ref.subresource },
      options: {
        dryRun: options?.dryRun ?? false,
        fieldManager: options?.fieldManager || managerOf(user.name),
        fieldValidation: validation === 'Strict' || validation === 'Warn' ? validation : 'Ignore',
        force: false,
      },
      warnings: [],
    };
  }

  async #create(context: RequestContext, bytes: Buffer): Promise<Buffer> {
    const { kind, subresource } = context.target;
    const body = parseBody(bytes, 'application/json', false).value;
    switch (subresource === '' ? '' : `${kind.plural}/${subresource}`) {
      case '':
        break;
      case 'pods/binding':
        await bindPod(this.#core.objects, context, body);
        return success;
      case 'pods/eviction':
        await evictPod(context, body, this.#core);
        return success;
      case 'serviceaccounts/token':
        return encode(await requestToken(context, body, this.#core));
      default:
        throw methodNotAllowed();
    }
    const object = decodeChecked(kind, body, [], context);
    if (kind.virtual) {
      const answer = this.#core.virtual.get(`${kind.group}/${kind.kind}`);
      if (answer === undefined) throw methodNotAllowed();
      return encode(await answer(context, object));
    }
    return (await this.#core.writer.create(context, object)).bytes;
  }

  async #update(context: RequestContext, bytes: Buffer): Promise<Buffer> {
    const { kind, subresource } = context.target;
    const body = parseBody(bytes, 'application/json', false).value;
    const paths = kind.subresources.find((part) => part.name === subresource)?.scale;
    if (paths !== undefined) {
      return encode(await changeScale(context, paths, () => body, this.#core));
    }
    const object = decodeChecked(kind, body, [], context);
    const target = { ...context.target, name: context.target.name || object.metadata.name };
    const written: Written = await this.#core.writer.update(
      { ...context, target },
      {
        next: () => structuredClone(object),
        createsMissing: kind.allowCreateOnUpdate,
        tracksFields: false,
      },
    );
    return written.bytes;
  }

  async #deleteCollection(context: RequestContext, request: DeleteRequest): Promise<Buffer> {
    const { kind, namespace } = context.target;
    const selection = parseSelection(kind, request.labelSelector, request.fieldSelector);
    const none = { resourceVersion: '', resourceVersionMatch: '', limit: 0, continue: '' };
    const listed = await this.#core.lister.list(kind, { namespace, selection, ...none });
    const options = deleteOptions(request);
    for (const entry of listed.entries) {
      const target = { ...context.target, namespace: entry.namespace, name: entry.name };
      try {
        await this.#core.deleter.delete({ ...context, target }, options);
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
    return success;
  }

  async #list(request: ListRequest, stream: Sender<ListChunk>, call: CallContext): Promise<void> {
    try {
      const context = await this.#context(call, 'list', request.ref, undefined);
      const { kind, namespace } = context.target;
      const result = await this.#core.lister.list(kind, {
        namespace,
        selection: parseSelection(kind, request.labelSelector, request.fieldSelector),
        resourceVersion: request.resourceVersion,
        resourceVersionMatch: request.resourceVersionMatch,
        limit: request.limit,
        continue: request.continue,
      });
      let objects: Buffer[] = [];
      let size = 0;
      for (const entry of result.entries) {
        const bytes = presentBytes(kind, entry);
        objects.push(bytes);
        size += bytes.length;
        if (size < chunkBytes) continue;
        if (!stream.send({ objects, resourceVersion: '', continue: '' })) await stream.drained();
        if (stream.ended) return;
        objects = [];
        size = 0;
      }
      const { resourceVersion } = result;
      stream.send({ objects, resourceVersion, continue: result.continue });
    } catch (error) {
      throw toGrpcError(error);
    }
  }

  async #watch(
    request: WatchRequest,
    stream: Sender<WatchBatch>,
    call: CallContext,
  ): Promise<void> {
    try {
      const context = await this.#context(call, 'watch', request.ref, undefined);
      checkWatchOptions(request.resourceVersion);
      const { kind, namespace } = context.target;
      const fromState = request.resourceVersion === '' || request.resourceVersion === '0';
      const sink = new GrpcWatchSink(stream, kind, call.signal);
      const { objects } = this.#core;
      const session = new WatchSession({
        options: {
          kind,
          namespace,
          selection: parseSelection(kind, request.labelSelector, request.fieldSelector),
          resourceVersion: request.resourceVersion,
          allowBookmarks: request.allowBookmarks || fromState,
          sendInitialEvents: fromState ? true : undefined,
        },
        sink,
        mirror: objects.mirror,
        cache: objects.cache(kind),
        clock: objects.clock,
      });
      this.#sessions.add(session);
      try {
        await session.start();
        await sink.ended;
      } finally {
        session.stop();
        this.#sessions.delete(session);
      }
    } catch (error) {
      throw toGrpcError(error);
    }
  }

  /** Ends all watches: their clients go on at another master. */
  stop(): void {
    for (const session of this.#sessions) session.stop({ bookmark: true });
  }
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function deleteOptions(request: DeleteRequest): ReturnType<typeof readDeleteOptions> {
  const bytes = request.deleteOptions;
  const body = bytes.length === 0 ? undefined : parseBody(bytes, 'application/json', false).value;
  const options = readDeleteOptions(body, new URLSearchParams());
  return { ...options, dryRun: options.dryRun || (request.options?.dryRun ?? false) };
}

/** The field manager of a component that names none: its program, as with Kubernetes' own. */
function managerOf(user: string): string {
  if (user.startsWith('system:node:')) return 'kubelet';
  return user.replace(/^system:(?=kube-)/, '');
}
