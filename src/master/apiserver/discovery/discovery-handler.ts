import { createHash } from 'node:crypto';
import type { Exchange } from '../rest/exchange.js';
import { end, header, writeHead } from '../rest/exchange.js';
import { availableTypes, negotiate } from '../rest/negotiate.js';
import { sendBytes, sendJson } from '../rest/respond.js';
import {
  aggregatedDiscovery,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
} from './documents.js';
import type { ServedGroups } from './served-groups.js';

const aggregatedPattern =
  /application\/json;(?=[^,]*g=apidiscovery\.k8s\.io)(?=[^,]*v=(v2beta1|v2)\b)(?=[^,]*as=APIGroupDiscoveryList)/;

/** What discovery is answered in, by whether a route is asked that knows its types. */
const named = { protobuf: false, accepted: availableTypes.one } as const;
const routed = { ...named, available: availableTypes.one } as const;

/** Serves `/api`, `/apis` and what lies between them and the resources. */
export class DiscoveryHandler {
  readonly #served: ServedGroups;
  readonly #address: string;

  constructor(served: ServedGroups, address: string) {
    this.#served = served;
    this.#address = address;
  }

  /** True for a path that {@link handle} answers, and for that of the version. */
  serves(path: string): boolean {
    const parts = path.split('/').filter((part) => part !== '');
    const [root, first = '', second] = parts;
    if (root === 'version') return parts.length === 1;
    if (root !== 'api' && root !== 'apis') return false;
    return parts.length === 1 || this.#document(root, first, second, parts.length) !== undefined;
  }

  /** @returns false when the path is no discovery path */
  async handle(exchange: Exchange): Promise<boolean> {
    const parts = exchange.info.path.split('/').filter((part) => part !== '');
    const [root, first, second] = parts;
    if (root !== 'api' && root !== 'apis') return false;
    if (parts.length === 1) {
      await this.#root(exchange, root);
      return true;
    }
    const document = this.#document(root, first ?? '', second, parts.length);
    if (document === undefined) return false;
    // A group's document is served apart from routes, which have words of their own for what they have not.
    const isGroup = root === 'apis' && parts.length === 2;
    const format = negotiate(header(exchange, 'accept'), isGroup ? named : routed);
    await sendJson(exchange, 200, Buffer.from(JSON.stringify(document)), format);
    return true;
  }

  #document(
    root: string,
    first: string,
    second: string | undefined,
    length: number,
  ): object | undefined {
    if (root === 'api') return length === 2 ? resourceList(this.#served, '', first) : undefined;
    if (length === 2) return groupDocument(this.#served, first);
    return length === 3 ? resourceList(this.#served, first, second ?? '') : undefined;
  }

  async #root(exchange: Exchange, root: 'api' | 'apis'): Promise<void> {
    const accept = header(exchange, 'accept');
    const wanted = aggregatedPattern.exec(accept)?.[1];
    if (wanted !== undefined) {
      await this.#aggregated(exchange, root === 'api' ? 'core' : 'groups', wanted);
      return;
    }
    const document = root === 'api' ? coreVersions(this.#address) : groupList(this.#served);
    const format = negotiate(accept, root === 'api' ? routed : named);
    await sendJson(exchange, 200, Buffer.from(JSON.stringify(document)), format);
  }

  async #aggregated(exchange: Exchange, scope: 'core' | 'groups', version: string): Promise<void> {
    const apiVersion = `apidiscovery.k8s.io/${version}`;
    const text = JSON.stringify(aggregatedDiscovery(this.#served, scope, apiVersion));
    const hash = createHash('sha512').update(text).digest('hex').toUpperCase();
    const etag = `"${hash}"`;
    if (header(exchange, 'if-none-match') === etag) {
      writeHead(exchange.response, 304, { etag, vary: 'Accept' });
      end(exchange.response);
      return;
    }
    const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    await sendBytes(exchange, 200, Buffer.from(text), type, {
      etag,
      vary: 'Accept',
      'cache-control': 'public',
    });
  }
}
