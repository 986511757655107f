import { cloneJson } from '../../../api/clone.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Subresource, Verb } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import { parseSelection } from '../cache/selection.js';
import type { Deleter } from '../registry/deleter.js';
import { readDeleteOptions } from '../registry/deleter.js';
import type { Lister } from '../registry/lister.js';
import type { Objects } from '../registry/objects.js';
import { componentStatuses } from '../registry/component-status.js';
import type { RequestContext, Target, Written } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import type { Writer } from '../registry/writer.js';
import { methodNotAllowed, noSuchResource, notFound } from '../status.js';
import { parseBody, readBody } from './body.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { readObject } from './decode.js';
import { serveDeleteCollection } from './delete-collection.js';
import { negotiate } from './negotiate.js';
import { checkListQuery, readNumber, readWriteOptions } from './params.js';
import { patchSource } from './patch.js';
import { presentList, presentObject } from './present.js';
import { sendJson } from './respond.js';
import type { WatchServer } from './watch-server.js';
import { Entry } from '../cache/entry.js';

/** Serves one subresource, or one verb of a virtual kind, in its own way. */
export type SpecialHandler = (exchange: Exchange, context: RequestContext) => Promise<void>;

export interface ResourceDeps {
  readonly kinds: KindRegistry;
  readonly objects: Objects;
  readonly lister: Lister;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly watches: WatchServer;
  /** By `group/plural/subresource`, or by the subresource alone for all kinds that have it. */
  readonly special: ReadonlyMap<string, SpecialHandler>;
  /** Answers virtual kinds (reviews) by `group/Kind`. */
  readonly virtual: ReadonlyMap<
    string,
    (context: RequestContext, object: KubeObject) => Promise<KubeObject>
  >;
}

/** The REST verbs of every kind. */
export class ResourceHandler {
  readonly #deps: ResourceDeps;

  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }

  async handle(exchange: Exchange): Promise<void> {
    const context = this.#context(exchange);
    const { kind, subresource } = context.target;
    if (kind.deprecation !== undefined) exchange.warnings.push(kind.deprecation);
    if (subresource !== '') {
      const { special: all } = this.#deps;
      const special =
        all.get(`${kind.group}/${kind.plural}/${subresource}`) ?? all.get(subresource);
      if (special !== undefined) return special(exchange, context);
    }
    if (kind.virtual) return this.#virtual(exchange, context);
    switch (exchange.info.verb) {
      case 'get':
        return this.#get(exchange, context);
      case 'list':
        return this.#list(exchange, context);
      case 'watch':
        return this.#deps.watches.serve(exchange, context.target);
      case 'create':
        return this.#create(exchange, context);
      case 'update':
        return this.#update(exchange, context);
      case 'patch':
        return this.#patch(exchange, context);
      case 'delete':
        return this.#delete(exchange, context);
      case 'deletecollection':
        return serveDeleteCollection(exchange, context, this.#deps);
      default:
        throw methodNotAllowed();
    }
  }

  #context(exchange: Exchange): RequestContext {
    const { info } = exchange;
    const kind = this.#deps.kinds.byResource(info.group, info.version, info.resource);
    if (kind === undefined || info.version === '') throw noSuchResource();
    const named = info.parts[1] ?? '';
    const target: Target = {
      kind,
      namespace: kind.namespaced ? info.namespace : '',
      name: named,
      subresource: info.subresource,
    };
    this.#check(exchange, target);
    const optionsKind = optionKinds[info.verb] ?? 'UpdateOptions';
    const options = readWriteOptions(exchange, optionsKind);
    return { user: exchange.user, target, options, warnings: exchange.warnings };
  }

  #check(exchange: Exchange, target: Target): void {
    const { kind, namespace, subresource, name } = target;
    const { info } = exchange;
    const inNamespace = info.namespace !== '' && !(info.resource === 'namespaces');
    if (inNamespace && !kind.namespaced) throw noSuchResource();
    if (kind.namespaced && namespace === '') {
      if (name !== '') throw noSuchResource();
      if (info.verb === 'create' && !kind.virtual) throw methodNotAllowed();
      if (info.verb === 'deletecollection') throw methodNotAllowed();
    }
    if (subresource !== '') {
      if (!kind.subresources.some((part) => part.name === subresource)) {
        const special = `${kind.group}/${kind.plural}/${subresource}`;
        if (!this.#deps.special.has(special)) throw noSuchResource();
      } else {
        this.#checkVerb(
          exchange,
          kind.subresources.find((part) => part.name === subresource),
        );
      }
      return;
    }
    const verb = info.verb as Verb;
    if (name !== '' && verb === 'create') throw methodNotAllowed();
    if (name === '' && (verb === 'update' || verb === 'patch')) throw methodNotAllowed();
    if (!kind.verbs.includes(verb)) throw methodNotAllowed();
  }

  #checkVerb(exchange: Exchange, part: Subresource | undefined): void {
    const verb = exchange.info.verb as Verb;
    if (part !== undefined && !part.verbs.includes(verb)) {
      const special = `${exchange.info.group}/${exchange.info.resource}/${part.name}`;
      if (!this.#deps.special.has(special)) throw methodNotAllowed();
    }
  }

  async #virtual(exchange: Exchange, context: RequestContext): Promise<void> {
    const { kind } = context.target;
    if (kind.kind === 'ComponentStatus') return this.#components(exchange, context);
    if (exchange.info.verb !== 'create') throw methodNotAllowed();
    const answer = this.#deps.virtual.get(`${kind.group}/${kind.kind}`);
    if (answer === undefined) throw methodNotAllowed();
    const format = negotiate(header(exchange, 'accept'));
    const object = await readObject(exchange, context, this.#deps.kinds);
    const answered = await answer(context, object);
    await sendJson(exchange, 201, Buffer.from(JSON.stringify(answered)), format);
  }

  async #components(exchange: Exchange, context: RequestContext): Promise<void> {
    const { kinds, objects } = this.#deps;
    const { kind, name } = context.target;
    const leases = kinds.byResource('coordination.k8s.io', 'v1', 'leases');
    const found = leases === undefined ? [] : await componentStatuses(objects, leases);
    const entries = found
      .filter(({ metadata }) => name === '' || metadata.name === name)
      .map((object) => new Entry(object.metadata.name, Buffer.from(JSON.stringify(object)), 0));
    const format = negotiate(header(exchange, 'accept'));
    const present = this.#present(exchange, context, format);
    const [entry] = entries;
    if (name === '') {
      const meta = { resourceVersion: '', continue: '', remainingItemCount: undefined };
      return sendJson(exchange, 200, presentList(entries, meta, present), format);
    }
    if (entry === undefined) throw notFound(errorTarget(kind), name);
    return sendJson(exchange, 200, presentObject(entry, present), format);
  }

  async #get(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const entry = await this.#deps.objects.get(
      context.target,
      exchange.query.get('resourceVersion') ?? '',
    );
    const bytes = presentObject(entry, this.#present(exchange, context, format));
    await sendJson(exchange, 200, bytes, format);
  }

  #present(
    exchange: Exchange,
    context: RequestContext,
    format: ReturnType<typeof negotiate>,
  ): Parameters<typeof presentObject>[1] {
    return {
      kind: context.target.kind,
      format,
      includeObject: exchange.query.get('includeObject') ?? 'Metadata',
      nowMs: this.#deps.objects.clock.nowMs(),
    };
  }

  async #list(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const { kind, namespace } = context.target;
    const { query } = exchange;
    checkListQuery(query);
    const result = await this.#deps.lister.list(kind, {
      namespace,
      selection: parseSelection(
        kind,
        query.get('labelSelector') ?? '',
        query.get('fieldSelector') ?? '',
      ),
      resourceVersion: query.get('resourceVersion') ?? '',
      resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
      limit: Math.max(0, readNumber(query, 'limit') ?? 0),
      continue: query.get('continue') ?? '',
    });
    const bytes = presentList(result.entries, result, this.#present(exchange, context, format));
    await sendJson(exchange, 200, bytes, format);
  }

  async #create(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const object = await readObject(exchange, context, this.#deps.kinds);
    const written = await this.#deps.writer.create(context, object);
    await this.#sendWritten(exchange, context, written, format, 201);
  }

  async #update(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const { kind } = context.target;
    const object = await readObject(exchange, context, this.#deps.kinds);
    const written = await this.#deps.writer.update(context, {
      next: () => cloneJson(object),
      createsMissing: kind.allowCreateOnUpdate,
      tracksFields: false,
    });
    await this.#sendWritten(exchange, context, written, format, written.created ? 201 : 200);
  }

  async #patch(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const bytes = await readBody(exchange);
    const source = patchSource(context, header(exchange, 'content-type'), bytes, () =>
      this.#deps.objects.now(),
    );
    const written = await this.#deps.writer.update(context, source);
    await this.#sendWritten(exchange, context, written, format, written.created ? 201 : 200);
  }

  async #delete(exchange: Exchange, context: RequestContext): Promise<void> {
    const format = negotiate(header(exchange, 'accept'));
    const bytes = await readBody(exchange);
    const body =
      bytes.length === 0
        ? undefined
        : parseBody(bytes, header(exchange, 'content-type'), false).value;
    const options = readDeleteOptions(body, exchange.query);
    const deleted = await this.#deps.deleter.delete(context, options);
    await sendJson(exchange, deleted.code, deleted.body, format);
  }

  async #sendWritten(
    exchange: Exchange,
    context: RequestContext,
    written: Written,
    format: ReturnType<typeof negotiate>,
    code: number,
  ): Promise<void> {
    if (format.as === undefined) {
      await sendJson(exchange, code, written.bytes, format);
      return;
    }
    const revision = Number(written.object.metadata.resourceVersion ?? 0);
    const entry = new Entry(context.target.name, written.bytes, revision);
    const bytes = presentObject(entry, this.#present(exchange, context, format));
    await sendJson(exchange, code, bytes, format);
  }
}

const optionKinds: Readonly<Record<string, string>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};
