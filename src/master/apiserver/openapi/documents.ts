import { createHash } from 'node:crypto';
import { formatGroupVersion, parseGroupVersion } from '../../../api/object.js';
import { openApiV2, openApiV3, openApiV3Paths } from '../../../api/openapi/documents.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { RemoteApis } from '../aggregator/index.js';
import { kubernetesVersion } from '../discovery/version.js';
import { encodeDocument } from './gnostic.js';
import { mergeOpenApi } from './merge.js';
import { formatJson } from '../../../lib/json.js';

/** A document ready to be sent. */
export interface Rendered {
  readonly bytes: Buffer;
  /** SHA-512 in upper-case hexadecimal, as Kubernetes has it in ETags and in `?hash=`. */
  readonly hash: string;
}

/** The OpenAPI documents, rendered when they are first asked for and again after the kinds changed. */
export class OpenApiDocuments {
  readonly #kinds: KindRegistry;
  readonly #remotes: Pick<RemoteApis, 'list'>;
  readonly #rendered = new Map<string, { readonly of: readonly unknown[]; document: Rendered }>();

  constructor(kinds: KindRegistry, remotes: Pick<RemoteApis, 'list'>) {
    this.#kinds = kinds;
    this.#remotes = remotes;
  }

  /** `/openapi/v2` as JSON or protobuf. */
  v2(format: 'json' | 'protobuf'): Rendered {
    const { gitVersion } = kubernetesVersion;
    const key = `v2 ${format}`;
    const remotes = this.#remotes.list();
    const parts = remotes.map(({ learned }) => learned?.openApi);
    const of = remotes.length === 0 ? this.#kinds.list() : [...this.#kinds.list(), ...parts];
    return this.#get(key, of, () => {
      const document = mergeOpenApi(openApiV2(this.#kinds, gitVersion), remotes);
      return format === 'json' ? text(document) : encodeDocument(document);
    });
  }

  /** Names and hashes of the documents of version 3 that other servers have. */
  remote(): readonly { readonly path: string; readonly hash: string }[] {
    return this.#remotes.list().flatMap(({ group, version, learned, isAvailable }) => {
      const hash = learned?.openApiHash;
      if (!isAvailable || hash === undefined) return [];
      return [{ path: `apis/${formatGroupVersion(group, version)}`, hash }];
    });
  }

  /** Names of the documents of version 3: `api/v1`, `apis/apps/v1`. */
  paths(): readonly string[] {
    return openApiV3Paths(this.#kinds);
  }

  /** One document of version 3; undefined when there is no such group and version. */
  v3(path: string): Rendered | undefined {
    if (!this.paths().includes(path)) return undefined;
    const { group, version } = parseGroupVersion(path.replace(/^apis?\//, ''));
    const kinds = this.#kinds.inVersion(group, version);
    return this.#get(path, kinds, () =>
      text(openApiV3(this.#kinds, { group, version }, kubernetesVersion.gitVersion)),
    );
  }

  /** True when a document of version 3 is at hand, though perhaps of the past. */
  isRendered(path: string): boolean {
    return this.#rendered.has(path);
  }

  /** Renders only when `of`, what the document is made of, is not what it was. */
  #get(key: string, of: readonly unknown[], render: () => Buffer): Rendered {
    const present = this.#rendered.get(key);
    if (present !== undefined && sameItems(present.of, of)) return present.document;
    const bytes = render();
    const hash = createHash('sha512').update(bytes).digest('hex').toUpperCase();
    const document = { bytes, hash };
    this.#rendered.set(key, { of, document });
    return document;
  }
}

function text(document: object): Buffer {
  return Buffer.from(formatJson(document));
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}
