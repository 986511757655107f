import type { KubeObject } from '../../../api/object.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Authenticator } from '../authn/authenticator.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Authorization } from '../authz/authorizers.js';
import type { Deleter } from '../registry/deleter.js';
import type { Lister } from '../registry/lister.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import type { Writer } from '../registry/writer.js';

/** The parts below the protocols: what REST and gRPC are two views of. */
export interface ApiCore {
  readonly kinds: KindRegistry;
  readonly objects: Objects;
  readonly lister: Lister;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly virtual: ReadonlyMap<
    string,
    (context: RequestContext, object: KubeObject) => Promise<KubeObject>
  >;
  readonly authenticator: Authenticator;
  readonly authorization: Authorization;
  readonly tokens: ServiceAccountTokens;
}
