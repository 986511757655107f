import { tokenRequestKind } from '../../../api/authentication/kinds.js';
import { cloneJson } from '../../../api/clone.js';
import { bindingKind } from '../../../api/core/config.js';
import type { KindDeclaration, ScalePaths } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { formatGroupVersion, isJsonObject } from '../../../api/object.js';
import { evictionKind } from '../../../api/policy/kinds.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Authorization } from '../authz/authorizers.js';
import type { Selection } from '../cache/selection.js';
import {
  deleteCollectionWorkers,
  maxConnectsPerUser,
  maxWatchesPerUser,
  maxWriteAttempts,
} from '../limits.js';
import type { Deleter, DeleteOptions } from '../registry/deleter.js';
import type { Flow, FlowControl } from '../flowcontrol/index.js';
import { checkBody } from '../registry/body-type.js';
import { checkListOptions } from '../registry/list-options.js';
import type { Lister } from '../registry/lister.js';
import type { Objects } from '../registry/objects.js';
import type {
  Admission,
  RequestContext,
  Target,
  VirtualReader,
  WriteOptions,
  UserInfo,
} from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { presentBytes, readAs } from '../registry/versions.js';
import type { Writer } from '../registry/writer.js';
import { conflict, isStatusError, methodNotAllowed, undeterminable } from '../status.js';
import { bindPod, podOf } from '../subresources/binding.js';
import { evictPod } from '../subresources/eviction.js';
import { changeScale, scaleOf } from '../subresources/scale.js';
import { findContainer } from '../subresources/pod-container.js';
import { requestToken } from '../subresources/token.js';
import { document, updated, written } from './answers.js';
import type { Call } from './call.js';
import type { Admitted, Gate } from './gate.js';
import { LongRunning } from './long-running.js';
import type { ResourceName } from './names.js';
import type {
  Answer,
  ConnectRequest,
  Decode,
  DeleteCollectionRequest,
  DeleteRequest,
  ForwardRequest,
  GetRequest,
  Listed,
  ListRequest,
  PatchRequest,
  WatchRequest,
  WriteRequest,
} from './requests.js';
import { runWithBreaks } from './slot-break.js';
import type { Slots } from './slots.js';
import {
  bringsState,
  checkMadeFor,
  contextOf,
  isConnect,
  placeOf,
  plainOptions,
  scalePaths,
  selectionOf,
  upgradeNeeded,
  withDryRun,
} from './targets.js';
import type { Watches } from './watches.js';

/** Answers a virtual kind, such as a review. */
export type VirtualAnswer = (context: RequestContext, object: KubeObject) => Promise<KubeObject>;

/** The dependencies of the verbs. */
export interface VerbsDeps {
  readonly gate: Gate;
  readonly slots: Slots;
  readonly flow: Pick<FlowControl, 'seatsOfList'>;
  readonly watches: Watches;
  readonly kinds: KindRegistry;
  readonly objects: Objects;
  readonly lister: Lister;
  readonly writer: Writer;
  readonly deleter: Deleter;
  /** Deletes what is evicted: admission has been asked about the eviction. */
  readonly evicter: Pick<Deleter, 'delete'>;
  readonly tokens: ServiceAccountTokens;
  readonly authorization: Authorization;
  readonly admission: Admission;
  /** By `group/Kind`. */
  readonly virtual: ReadonlyMap<string, VirtualAnswer>;
  /** Of the virtual kinds that are read, by `group/Kind`. */
  readonly readers: ReadonlyMap<string, VirtualReader>;
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/**
 * The verbs of the API. Each enters by the gate, decodes what is left of the request, reads the body, takes a slot, and
 * executes what was authorized.
 */
export class Verbs {
  readonly #deps: VerbsDeps;
  readonly #watching = new LongRunning(maxWatchesPerUser);
  readonly #connecting = new LongRunning(maxConnectsPerUser);

  constructor(deps: VerbsDeps) {
    this.#deps = deps;
  }

  get(call: Call, decode: Decode<GetRequest>): Promise<Answer> {
    return this.#enter(call, (target, { user, flow }) => {
      const request = decode(target, user);
      return this.#deps.slots.run({ kind: 'reading', flow, sender: call.sender }, () =>
        this.#get(target, request),
      );
    });
  }

  async #get(target: Target, { resourceVersion }: GetRequest): Promise<Answer> {
    const { kind, subresource } = target;
    if (kind.virtual) {
      const entry = await this.#reader(kind).get(target.namespace, target.name);
      return { code: 200, bytes: entry.bytes, entry, target };
    }
    const scale = scalePaths(target);
    if (subresource !== '' && isConnect(target)) throw await this.#notConnected(target);
    const entry = await this.#deps.objects.get(target, resourceVersion);
    if (scale !== undefined) return document(target, scaleOf(kind, readAs(kind, entry), scale));
    return { code: 200, bytes: presentBytes(kind, entry), entry, target };
  }

  list(call: Call, decode: Decode<ListRequest>): Promise<Listed> {
    return this.#enter(call, (target, { user, flow }) => {
      const { labelSelector, ...request } = decode(target, user);
      const selection = selectionOf(target, labelSelector, call.fieldSelector);
      const seats = this.#seats(flow, target, selection);
      return this.#deps.slots.run({ kind: 'reading', flow, seats, sender: call.sender }, () =>
        this.#list(target, selection, request),
      );
    });
  }

  /** A list takes seats by what there is of its kind, whatever it chooses of that. */
  #seats(flow: Flow, { kind }: Target, selection: Selection): number {
    if (kind.virtual || selection.name !== undefined) return 1;
    return this.#deps.flow.seatsOfList(flow, this.#deps.objects.cache(kind).size);
  }

  async #list(
    { kind, namespace }: Target,
    selection: Selection,
    request: Omit<ListRequest, 'labelSelector'>,
  ): Promise<Listed> {
    if (kind.virtual) {
      checkListOptions(request);
      const entries = await this.#reader(kind).list(namespace, selection);
      const none = { resourceVersion: '', continue: '', remainingItemCount: undefined };
      return { kind, entries, ...none };
    }
    const result = await this.#deps.lister.list(kind, { namespace, selection, ...request });
    return { kind, ...result };
  }

  #reader({ group, kind }: KindDeclaration): VirtualReader {
    const reader = this.#deps.readers.get(`${group}/${kind}`);
    if (reader === undefined) throw methodNotAllowed();
    return reader;
  }

  /** Resolves when the watch is over. */
  watch(call: Call, decode: Decode<WatchRequest>): Promise<void> {
    return this.#enter(call, (target, admitted) => {
      const request = decode(target, admitted.user);
      const selection = selectionOf(target, request.labelSelector, call.fieldSelector);
      const { user, flow } = admitted;
      return this.#watching.run(user.name, async () => {
        const begun = await this.#deps.slots.begin({
          flow,
          sender: call.sender,
          seats: bringsState(request) ? this.#seats(flow, target, selection) : 1,
        });
        const started = (): void => admitted.started(200);
        await this.#deps.watches.run(target, request, selection, { started, begun });
      });
    });
  }

  create(call: Call, decode: Decode<WriteRequest>): Promise<Answer> {
    return this.#write(call, decode, async (context, request) => {
      const { kind, subresource } = context.target;
      if (subresource === '') {
        const object = await request.object(context);
        return kind.virtual
          ? () => this.#answerVirtual(context, object)
          : async () => written(context, await this.#deps.writer.create(context, object), 201);
      }
      const value = await request.value(context);
      return () => this.#createSubresource(context, value);
    });
  }

  async #answerVirtual(context: RequestContext, object: KubeObject): Promise<Answer> {
    const { kind } = context.target;
    if (kind === bindingKind) return this.#createSubresource(podOf(context, object), object);
    const answer = this.#deps.virtual.get(`${kind.group}/${kind.kind}`);
    if (answer === undefined) throw methodNotAllowed();
    return document(context.target, await answer(context, object), 201);
  }

  async #createSubresource(context: RequestContext, value: unknown): Promise<Answer> {
    const { target } = context;
    switch (`${target.kind.plural}/${target.subresource}`) {
      case 'pods/binding': {
        const binding = await this.#admitCreate(context, value, bindingKind);
        await bindPod(this.#deps.objects, context, binding);
        return document(target, success, 201);
      }
      case 'pods/eviction': {
        const eviction = await this.#admitCreate(context, value, evictionKind);
        await evictPod(context, eviction, { ...this.#deps, deleter: this.#deps.evicter });
        return document(target, success, 201);
      }
      case 'serviceaccounts/token': {
        const request = await this.#admitCreate(context, value, tokenRequestKind);
        return document(target, await requestToken(context, request, this.#deps), 201);
      }
      default:
        throw isConnect(target) ? await this.#notConnected(target) : methodNotAllowed();
    }
  }

  /** Why a connection is refused that was not asked for as one: first of all, there is nothing to connect to. */
  async #notConnected(target: Target): Promise<Error> {
    if (target.kind.kind === 'Pod') await findContainer(this.#deps.objects, target, '', false);
    return upgradeNeeded();
  }

  /** What admission leaves of the object that a subresource is asked to make. */
  async #admitCreate(
    context: RequestContext,
    value: unknown,
    made: KindDeclaration,
  ): Promise<unknown> {
    if (!isJsonObject(value)) return value;
    checkBody(made, value, context, this.#deps.kinds);
    const { name, namespace } = context.target;
    const given = isJsonObject(value['metadata']) ? value['metadata'] : {};
    checkMadeFor(context.target, made.kind, given);
    const metadata = { ...given, name, ...(namespace === '' ? {} : { namespace }) };
    const type = { kind: made.kind, apiVersion: formatGroupVersion(made.group, made.version) };
    const object = { ...value, ...type, metadata };
    const request = { operation: 'CREATE', context, object, old: undefined } as const;
    await this.#deps.admission.mutate(request);
    await this.#deps.admission.validate(request);
    return object;
  }

  update(call: Call, decode: Decode<WriteRequest>): Promise<Answer> {
    return this.#write(call, decode, async (context, request) => {
      const { target } = context;
      const scale = scalePaths(target);
      if (scale !== undefined) {
        const value = await request.value(context);
        return () => this.#scale(context, scale, () => value);
      }
      const object = await request.object(context);
      const { name } = object.metadata as { readonly name?: string };
      if ((name ?? '') === '') throw undeterminable(target.name);
      const source = {
        next: () => cloneJson(object),
        createsMissing: target.kind.allowCreateOnUpdate,
        tracksFields: false,
      };
      return async () => updated(context, await this.#deps.writer.update(context, source));
    });
  }

  /** A patch of any form; server-side apply is one. */
  patch(call: Call, decode: Decode<PatchRequest>): Promise<Answer> {
    return this.#write(call, decode, async (context, request) => {
      const scale = scalePaths(context.target);
      if (scale !== undefined) {
        const change = await request.change(context);
        return () => this.#scale(context, scale, change);
      }
      const source = await request.source(context);
      return async () => updated(context, await this.#deps.writer.update(context, source));
    });
  }

  async #scale(
    context: RequestContext,
    paths: ScalePaths,
    change: (old: KubeObject) => unknown,
  ): Promise<Answer> {
    return document(context.target, await changeScale(context, paths, change, this.#deps));
  }

  delete(call: Call, decode: Decode<DeleteRequest>): Promise<Answer> {
    return this.#enter(call, async (target, admitted) => {
      const context = contextOf(admitted.user, target, call, plainOptions);
      const options = await decode(target, admitted.user).options(context);
      const place = { kind: 'mutating', flow: admitted.flow, sender: call.sender } as const;
      const deleted = await this.#deps.slots.run(place, () =>
        this.#deps.deleter.delete(withDryRun(context, options), options),
      );
      admitted.code = deleted.code;
      return { code: deleted.code, bytes: deleted.body, entry: undefined, target };
    });
  }

  /** Deletes what the selectors choose. @returns what was there before */
  deleteCollection(call: Call, decode: Decode<DeleteCollectionRequest>): Promise<Listed> {
    return this.#enter(call, async (target, admitted) => {
      const request = decode(target, admitted.user);
      const { labelSelector, ...list } = request.list;
      const selection = selectionOf(target, labelSelector, call.fieldSelector);
      const context = contextOf(admitted.user, target, call, plainOptions);
      const options = await request.options(context);
      const place = { kind: 'mutating', flow: admitted.flow, sender: call.sender } as const;
      return this.#deps.slots.run(place, async () => {
        const listed = await this.#list(target, selection, list);
        await this.#deleteAll(withDryRun(context, options), listed, options);
        return listed;
      });
    });
  }

  async #deleteAll(context: RequestContext, listed: Listed, options: DeleteOptions): Promise<void> {
    const rest = [...listed.entries];
    const work = async (): Promise<void> => {
      for (let entry = rest.pop(); entry !== undefined; entry = rest.pop()) {
        const target = { ...context.target, namespace: entry.namespace, name: entry.name };
        try {
          await this.#deps.deleter.delete({ ...context, target }, options);
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: deleteCollectionWorkers }, work));
  }

  /** Serves a path outside of the resources. `work` answers with its code. */
  path(call: Call, work: () => Promise<number>): Promise<number> {
    return this.#deps.gate.run(call, async (admitted) => {
      admitted.code = await this.#deps.slots.run(placeOf(call, admitted), work);
      return admitted.code;
    });
  }

  /**
   * Hands a request on to the server of its group and version, once it is authorized here; that server authorizes it
   * again. `use` answers with its code.
   */
  forward(call: Call, { lives, use }: ForwardRequest): Promise<void> {
    return this.#deps.gate.run(call, async (admitted) => {
      const { user } = admitted;
      const work = (): Promise<number> => use(user, (code) => admitted.started(code));
      admitted.code = lives
        ? await this.#connecting.run(user.name, work)
        : await this.#deps.slots.run(placeOf(call, admitted), work);
    });
  }

  /** A path outside of the API whose answer goes on; counted as a watch. Resolves when it is over. */
  stream(
    call: Call,
    work: (started: (code: number) => void, user: UserInfo) => Promise<void>,
  ): Promise<void> {
    return this.#deps.gate.run(call, (admitted) => {
      const { user } = admitted;
      return this.#watching.run(user.name, () => work((code) => admitted.started(code), user));
    });
  }

  /** The name with a version: the preferred one of its group where none is given. */
  withVersion(name: ResourceName): ResourceName {
    if (name.version !== '') return name;
    const kind = this.#deps.kinds.byResource(name.group, '', name.resource);
    return kind === undefined ? name : { ...name, version: kind.version };
  }

  /** For a verb that no resource has: the caller learns so, if it may ask. */
  refuse(call: Call): Promise<never> {
    return this.#enter(call, () => Promise.reject(methodNotAllowed()));
  }

  /**
   * Connects to a pod, a service or a node, for as long as `use` runs; it answers with the code of its answer.
   * Admission is asked about the options, and may change them.
   */
  connect(call: Call, decode: Decode<ConnectRequest>): Promise<void> {
    return this.#enter(call, async (target, admitted) => {
      const { options, use } = decode(target, admitted.user);
      const context = contextOf(admitted.user, target, call, plainOptions);
      if (options !== undefined) await this.#admitConnect(context, options);
      admitted.code = await this.#connecting.run(admitted.user.name, () =>
        use(context, (code) => admitted.started(code)),
      );
    });
  }

  async #admitConnect(context: RequestContext, object: KubeObject): Promise<void> {
    const { admission } = this.#deps;
    const request = { operation: 'CONNECT', context, object, old: undefined } as const;
    await admission.mutate(request);
    await admission.validate(request);
  }

  #enter<T>(call: Call, work: (target: Target, admitted: Admitted) => Promise<T>): Promise<T> {
    return this.#deps.gate.run(call, (admitted) => {
      const target = admitted.target();
      if (target.kind.deprecation !== undefined) call.warnings.push(target.kind.deprecation);
      return work(target, admitted);
    });
  }

  /** @param prepare reads the body, and returns what is left to do with a slot */
  #write<T extends { readonly options: WriteOptions }>(
    call: Call,
    decode: Decode<T>,
    prepare: (context: RequestContext, request: T) => Promise<() => Promise<Answer>>,
  ): Promise<Answer> {
    return this.#enter(call, async (target, admitted) => {
      const request = decode(target, admitted.user);
      const context = contextOf(admitted.user, target, call, request.options);
      const execute = await prepare(context, request);
      const answer = await runWithBreaks(execute, {
        slots: this.#deps.slots,
        place: { kind: 'mutating', flow: admitted.flow, sender: call.sender },
        maxBreaks: maxWriteAttempts,
        refusal: () => conflict(errorTarget(target.kind), target.name),
      });
      admitted.code = answer.code;
      return answer;
    });
  }
}
