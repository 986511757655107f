import type { Objects } from '../registry/objects.js';
import type { Writer } from '../registry/writer.js';
import type { SpecialHandler } from '../rest/resource-handler.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Deleter } from '../registry/deleter.js';
import { serveBinding } from './binding.js';
import { serveEviction } from './eviction.js';
import { serveLog } from './log.js';
import type { NodeAgents } from './node-agents.js';
import { serveScale } from './scale.js';
import { serveToken } from './token.js';

export interface SpecialDeps {
  readonly objects: Objects;
  readonly writer: Writer;
  readonly deleter: Deleter;
  readonly kinds: KindRegistry;
  readonly tokens: ServiceAccountTokens;
  readonly agents: NodeAgents;
}

/** Subresources with bodies or ways of their own, by `group/plural/subresource`. */
export function specialHandlers(deps: SpecialDeps): Map<string, SpecialHandler> {
  const handlers = new Map<string, SpecialHandler>([
    ['/pods/binding', (exchange, context) => serveBinding(exchange, context, deps)],
    ['/pods/eviction', (exchange, context) => serveEviction(exchange, context, deps)],
    ['/pods/log', (exchange, context) => serveLog(exchange, context, deps)],
    ['/serviceaccounts/token', (exchange, context) => serveToken(exchange, context, deps)],
  ]);
  for (const kind of deps.kinds.list()) {
    const scale = kind.subresources.find((part) => part.name === 'scale');
    if (scale?.scale === undefined) continue;
    const paths = scale.scale;
    handlers.set(`${kind.group}/${kind.plural}/scale`, (exchange, context) =>
      serveScale(exchange, context, paths, deps),
    );
  }
  return handlers;
}
