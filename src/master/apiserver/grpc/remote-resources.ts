/**
 * Objects of other servers over gRPC, as far as the cluster's own components need them: what there is of a group and
 * version, lists, deletions. In the name of who asks, who must be allowed to here and there.
 */
import type { DeleteRequest, ListChunk, ResourceRef } from '../../../gen/apiserver.js';
import { formatGroupVersion, isJsonObject } from '../../../api/object.js';
import type { Status } from '../../../api/object.js';
import { errorMessage } from '../../../lib/errors.js';
import type { CallContext } from '../../../lib/grpc/index.js';
import { formatJson, parseJson } from '../../../lib/json.js';
import type { RemoteApi, RemoteApis, RemoteFetchDeps } from '../aggregator/index.js';
import { fetchRemote } from '../aggregator/index.js';
import { badRequest, failure, methodNotAllowed, noSuchResource, StatusError } from '../status.js';
import type { Call, ResourceName, Verbs } from '../verbs/index.js';
import { hasPlainSegments, segmentFault } from '../verbs/index.js';
import { callOf, nameOf } from './call.js';

/** The servers, and the ways to them. */
export interface RemoteResourceDeps extends RemoteFetchDeps {
  readonly remotes: RemoteApis;
  readonly verbs: Verbs;
}

/** Serves references whose group and version another server serves. */
export class RemoteResources {
  readonly #deps: RemoteResourceDeps;

  constructor(deps: RemoteResourceDeps) {
    this.#deps = deps;
  }

  /** The server of a reference, if it is not this one. */
  find(ref: ResourceRef | undefined): RemoteApi | undefined {
    return ref === undefined ? undefined : this.#deps.remotes.find(ref.group, ref.version);
  }

  /** The APIResourceList of a group and version: what a reference without a resource stands for. @throws StatusError */
  async resources(context: CallContext, api: RemoteApi): Promise<Buffer> {
    const path = `/apis/${formatGroupVersion(api.group, api.version)}`;
    const call = { ...callOf(context, 'get', undefined), path };
    return Buffer.from(await this.#ask(call, api, { method: 'GET', path }));
  }

  /** @throws StatusError */
  async list(
    context: CallContext,
    api: RemoteApi,
    { ref, fieldSelector }: { readonly ref?: ResourceRef | undefined; fieldSelector: string },
  ): Promise<ListChunk> {
    const name = referenceOf(ref, 'list');
    const call = callOf(context, 'list', name, fieldSelector);
    const query =
      fieldSelector === '' ? '' : `?${new URLSearchParams({ fieldSelector }).toString()}`;
    const path = `${pathOf(name)}${query}`;
    const list = parseJson(await this.#ask(call, api, { method: 'GET', path }));
    const { items, metadata } = isJsonObject(list) ? list : {};
    const meta = isJsonObject(metadata) ? metadata : {};
    const text = (name: string): string => (typeof meta[name] === 'string' ? meta[name] : '');
    return {
      objects: (Array.isArray(items) ? items : []).map((item) => Buffer.from(formatJson(item))),
      resourceVersion: text('resourceVersion'),
      continue: text('continue'),
    };
  }

  /** @throws StatusError */
  async delete(context: CallContext, api: RemoteApi, request: DeleteRequest): Promise<Buffer> {
    const { ref, deleteOptions: body } = request;
    const name = referenceOf(ref, 'delete');
    const call = callOf(context, 'delete', name);
    const query = request.options?.dryRun === true ? '?dryRun=All' : '';
    const path = `${pathOf(name)}${query}`;
    return Buffer.from(await this.#ask(call, api, { method: 'DELETE', path, body }));
  }

  /** @returns the answer's JSON @throws StatusError */
  async #ask(
    call: Call,
    api: RemoteApi,
    request: { readonly method: string; readonly path: string; readonly body?: Buffer },
  ): Promise<string> {
    let answer = '';
    await this.#deps.verbs.forward(call, {
      lives: false,
      use: async (user) => {
        if (!api.isAvailable) throw unavailable('service unavailable');
        const { code, text } = await fetchRemote(this.#deps, api.service, {
          ...request,
          user,
        }).catch((error: unknown) => {
          throw unavailable(`error trying to reach service: ${errorMessage(error)}`);
        });
        if (code >= 400) throw refusalOf(code, text);
        answer = text;
        return code;
      },
    });
    return answer;
  }
}

function unavailable(text: string): StatusError {
  return failure(503, 'ServiceUnavailable', text);
}

/** The server's own Status, if it sent one. */
function refusalOf(code: number, text: string): StatusError {
  let value: unknown;
  try {
    // Its long integers are rounded: no Status has any.
    value = JSON.parse(text);
  } catch {
    // Some other program's page: its code says enough.
  }
  if (isJsonObject(value) && value['kind'] === 'Status') {
    return new StatusError({ ...(value as unknown as Status), code });
  }
  return failure(code, '', `the server answered ${code}`);
}

/**
 * The name in a reference, which the other server must read as it was authorized here: a deletion without a name would
 * be one of all objects, and a name such as `..` or `a/status` another path. @throws StatusError
 */
function referenceOf(ref: ResourceRef | undefined, verb: 'list' | 'delete'): ResourceName {
  const name = nameOf(ref);
  if (name.resource === '' || !hasPlainSegments(name)) throw noSuchResource();
  const isObject = name.name !== '';
  if (name.subresource !== '' || isObject !== (verb === 'delete')) throw methodNotAllowed();
  const fault = isObject ? segmentFault(name.name) : undefined;
  if (fault === undefined) return name;
  throw badRequest(`Name parameter invalid: ${JSON.stringify(name.name)}: ${fault}`);
}

function pathOf({ group, version, namespace, resource, name }: ResourceName): string {
  const parts = [
    ...(namespace === '' ? [] : ['namespaces', namespace]),
    resource,
    ...(name === '' ? [] : [name]),
  ];
  const below = parts.map((part) => `/${encodeURIComponent(part)}`).join('');
  return `/apis/${formatGroupVersion(group, version)}${below}`;
}
