import type { KindDeclaration } from '../../../api/kind.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Clock } from '../../../lib/clock.js';
import type {
  Answer,
  DeleteParameters,
  Listed,
  RequestContext,
  Target,
  Verbs,
  WriteRequest,
} from '../verbs/index.js';
import { goPackage, readDeleteOptions } from '../verbs/index.js';
import { failure } from '../status.js';
import type { BodyReader } from './body-reader.js';
import type { BodyParser } from '../content/body-parser.js';
import { callOf } from './call.js';
import { readObject } from './decode.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import type { Format } from './negotiate.js';
import { availableTypes, negotiate, plainJson } from './negotiate.js';
import { readIncludeObject, readListRequest, readWriteOptions } from './params.js';
import { patchChange, patchSource } from '../content/patch.js';
import {
  protobufEntry,
  protobufList,
  protobufType,
  speaksProtobuf,
} from '../content/protobuf-answers.js';
import type { PresentOptions } from './present-options.js';
import { listMetadata, presentList, presentObject } from './present.js';
import { sendBytes, sendJson } from './respond.js';
import { readWatchRequest } from './watch-request.js';

/** Serves a subresource that connects to a node, in its own way. */
export type ConnectHandler = (exchange: Exchange) => Promise<void>;

/** The dependencies of the handler of resources over HTTP. */
export interface ResourceDeps {
  readonly verbs: Verbs;
  readonly kinds: KindRegistry;
  readonly bodies: BodyReader;
  readonly parser: BodyParser;
  readonly clock: Clock;
  /** The present time as objects hold it. */
  readonly now: () => string;
  /** By subresource. */
  readonly connects: ReadonlyMap<string, ConnectHandler>;
}

/** Requests for resources over HTTP: decodes them for the verbs, and encodes what they answer. */
export class ResourceHandler {
  readonly #deps: ResourceDeps;

  constructor(deps: ResourceDeps) {
    this.#deps = deps;
  }

  handle(exchange: Exchange): Promise<void> {
    const { verb, resource } = exchange.info;
    const connect = this.#deps.connects.get(resource?.subresource ?? '');
    if (connect !== undefined) return connect(exchange);
    if (exchange.method === 'HEAD' && !this.#isCustom(exchange)) {
      return this.#deps.verbs.refuse(callOf(exchange));
    }
    switch (verb) {
      case 'get':
        return this.#get(exchange);
      case 'list':
        return this.#list(exchange);
      case 'watch':
        return this.#deps.verbs.watch(callOf(exchange), ({ kind }) =>
          readWatchRequest(exchange, kind, this.#deps.clock),
        );
      case 'create':
      case 'update':
        return this.#write(exchange, verb);
      case 'patch':
        return this.#patch(exchange);
      case 'delete':
        return this.#delete(exchange);
      case 'deletecollection':
        return this.#deleteCollection(exchange);
      default:
        return this.#deps.verbs.refuse(callOf(exchange));
    }
  }

  /** Of what definitions add, the head of an answer can be asked for, as there; of nothing else. */
  #isCustom({ info: { resource: name } }: Exchange): boolean {
    if (name === undefined) return false;
    return this.#deps.kinds.byResource(name.group, name.version, name.resource)?.custom === true;
  }

  async #get(exchange: Exchange): Promise<void> {
    let format = plainJson;
    const answer = await this.#deps.verbs.get(callOf(exchange), (target) => {
      format = formatOf(exchange, target);
      return { resourceVersion: exchange.query.get('resourceVersion') ?? '' };
    });
    await this.#send(exchange, answer, format);
  }

  async #list(exchange: Exchange): Promise<void> {
    let format = plainJson;
    const listed = await this.#deps.verbs.list(callOf(exchange), (target) => {
      format = formatOf(exchange, target);
      return readListRequest(exchange.query);
    });
    await sendList(exchange, listed, this.#present(exchange, listed, format));
  }

  async #write(exchange: Exchange, verb: 'create' | 'update'): Promise<void> {
    const { verbs } = this.#deps;
    let format = plainJson;
    const answer = await verbs[verb](callOf(exchange), (target): WriteRequest => {
      format = formatOf(exchange, target);
      return {
        options: readWriteOptions(exchange, verb === 'create' ? 'CreateOptions' : 'UpdateOptions'),
        object: async (context) =>
          readObject(exchange, context, this.#deps, await this.#body(exchange, context)),
        value: async (context) => this.#value(exchange, context),
      };
    });
    await this.#send(exchange, answer, format);
  }

  async #patch(exchange: Exchange): Promise<void> {
    const { verbs } = this.#deps;
    const type = header(exchange, 'content-type');
    let format = plainJson;
    const answer = await verbs.patch(callOf(exchange), (target) => {
      format = formatOf(exchange, target);
      return {
        options: readWriteOptions(exchange, 'PatchOptions'),
        source: async (context) =>
          patchSource(context, type, await this.#body(exchange, context), this.#deps),
        change: async (context) =>
          patchChange(type, await this.#body(exchange, context), {
            user: context.user.name,
            parser: this.#deps.parser,
          }),
      };
    });
    await this.#send(exchange, answer, format);
  }

  async #delete(exchange: Exchange): Promise<void> {
    let format = plainJson;
    const answer = await this.#deps.verbs.delete(callOf(exchange), (target) => {
      format = formatOf(exchange, target);
      return { options: this.#deleteOptions(exchange) };
    });
    await this.#send(exchange, answer, format);
  }

  async #deleteCollection(exchange: Exchange): Promise<void> {
    let format = plainJson;
    const listed = await this.#deps.verbs.deleteCollection(callOf(exchange), (target) => {
      format = formatOf(exchange, target);
      return {
        list: readListRequest(exchange.query),
        options: this.#deleteOptions(exchange),
      };
    });
    const present = { ...this.#present(exchange, listed, format), includeObject: 'Metadata' };
    await sendList(exchange, listed, present);
  }

  #deleteOptions(
    exchange: Exchange,
  ): (context: RequestContext) => Promise<ReturnType<typeof readDeleteOptions>> {
    readWriteOptions(exchange, 'DeleteOptions');
    return async (context) =>
      readDeleteOptions(await this.#value(exchange, context), deleteParameters(exchange.query));
  }

  #body(exchange: Exchange, context: RequestContext): Promise<Buffer> {
    return this.#deps.bodies.read(exchange, context.user.name);
  }

  /** The body parsed; undefined when there is none. */
  async #value(exchange: Exchange, context: RequestContext): Promise<unknown> {
    const bytes = await this.#body(exchange, context);
    if (bytes.length === 0) return undefined;
    const { parser } = this.#deps;
    return parser.value(bytes, header(exchange, 'content-type'), context.user.name);
  }

  #present(exchange: Exchange, { kind }: Pick<Target, 'kind'>, format: Format): PresentOptions {
    const includeObject = readIncludeObject(exchange.query, format);
    return { kind, format, includeObject, nowMs: this.#deps.clock.nowMs() };
  }

  async #send(exchange: Exchange, answer: Answer, format: Format): Promise<void> {
    const { code, bytes, entry, target } = answer;
    if (format.as === 'PartialObjectMetadataList' && entry !== undefined) {
      throw wrongForm(format.as, 'not a list', target.kind, '');
    }
    if (format.type === 'protobuf' && format.as !== undefined && entry !== undefined) {
      const partial = protobufEntry(target.kind, entry, format.asVersion);
      await sendBytes(exchange, code, partial, protobufType);
      return;
    }
    const shown =
      format.as === undefined || entry === undefined
        ? bytes
        : presentObject(entry, this.#present(exchange, target, format));
    await sendJson(exchange, code, shown, format);
  }
}

/** Subresources that answer with no object of the store. */
const answersOnly = new Set(['binding', 'eviction', 'token']);

function formatOf(exchange: Exchange, { kind, subresource }: Target): Format {
  // Reviews are only created; other virtual kinds are read, in tables too.
  const isReadable = !kind.virtual || kind.verbs.includes('get');
  const table = isReadable && !answersOnly.has(subresource);
  const protobuf = speaksProtobuf(kind);
  const offer = { protobuf, table };
  const available = availableTypes[exchange.info.verb === 'list' ? 'many' : 'one'];
  const format = negotiate(
    header(exchange, 'accept'),
    kind.custom ? offer : { ...offer, available },
  );
  // A table that cannot be made is refused before anything is done.
  readIncludeObject(exchange.query, format);
  return format;
}

/** 406: the metadata of a list was asked for as one object's, or the other way round. The Go type is named. */
function wrongForm(as: string, is: string, kind: KindDeclaration, suffix: string): Error {
  const type = kind.custom
    ? `*unstructured.Unstructured${suffix}`
    : `*${goPackage(kind)}.${kind.kind}${suffix}`;
  const text = `you requested ${as}, but the requested object is ${is} (${type})`;
  return failure(406, 'NotAcceptable', text);
}

async function sendList(exchange: Exchange, list: Listed, present: PresentOptions): Promise<void> {
  const { kind, format } = present;
  if (format.as === 'PartialObjectMetadata') throw wrongForm(format.as, 'a list', kind, 'List');
  if (format.type !== 'protobuf') {
    await sendJson(exchange, 200, presentList(list.entries, list, present), format);
    return;
  }
  const partial = format.as === undefined ? undefined : format.asVersion;
  const options = { metadata: listMetadata(list), partial };
  await sendBytes(exchange, 200, await protobufList(kind, list.entries, options), protobufType);
}

function deleteParameters(query: URLSearchParams): DeleteParameters {
  const text = (name: string): string | undefined => query.get(name) ?? undefined;
  return {
    gracePeriodSeconds: text('gracePeriodSeconds'),
    propagationPolicy: text('propagationPolicy'),
    orphanDependents: text('orphanDependents'),
    dryRun: query.getAll('dryRun'),
  };
}
