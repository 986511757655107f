/** The OpenAPI documents: one in version 2, and one in version 3 per group and version. */
import { subresourceKinds } from '../kinds.js';
import { KindRegistry } from '../registry.js';
import { defineKindSchemas, defineShared } from './definitions.js';
import { addPaths, groupVersionPath } from './paths.js';
import type { OpenApi } from './open-api.js';
import { SchemaWriter } from './schema.js';

const security = [{ BearerToken: [] }];
const bearer = {
  description: 'Bearer token authentication',
  in: 'header',
  name: 'authorization',
  type: 'apiKey',
};

function info(version: string): OpenApi {
  return { title: 'Kubernetes', version };
}

function sorted<T>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A registry that also finds the kinds that are bodies of subresources. */
function withBodies(registry: KindRegistry): KindRegistry {
  return new KindRegistry([...registry.list(), ...subresourceKinds]);
}

function allVersions(registry: KindRegistry): { group: string; version: string }[] {
  return registry
    .groups()
    .flatMap(({ group, versions }) => versions.map((version) => ({ group, version })));
}

/** `/openapi/v2` as JSON. @param version what the server calls itself, such as `v1.33.0`. */
export function openApiV2(registry: KindRegistry, version: string): OpenApi {
  const writer = new SchemaWriter('v2');
  const all = withBodies(registry);
  defineShared(writer, allVersions(registry));
  const paths: Record<string, OpenApi> = {};
  for (const kind of registry.list()) addPaths(writer, all, kind, paths);
  return {
    swagger: '2.0',
    info: info(version),
    paths: sorted(paths),
    definitions: sorted(writer.definitions),
    securityDefinitions: { BearerToken: bearer },
    security,
  };
}

/** `/openapi/v3/<path>` of one group and version, as JSON. */
export function openApiV3(
  registry: KindRegistry,
  target: { group: string; version: string },
  serverVersion: string,
): OpenApi {
  const writer = new SchemaWriter('v3');
  const all = withBodies(registry);
  defineShared(writer, allVersions(registry));
  const paths: Record<string, OpenApi> = {};
  for (const kind of registry.inVersion(target.group, target.version)) {
    addPaths(writer, all, kind, paths);
  }
  for (const kind of subresourceKinds) {
    if (kind.group === target.group && kind.version === target.version) {
      defineKindSchemas(writer, kind);
    }
  }
  return {
    openapi: '3.0.0',
    info: info(serverVersion),
    paths: sorted(paths),
    components: {
      schemas: sorted(writer.definitions),
      securitySchemes: { BearerToken: bearer },
    },
    security,
  };
}

/** Paths of the version 3 documents, without a leading slash: `api/v1`, `apis/apps/v1`. */
export function openApiV3Paths(registry: KindRegistry): readonly string[] {
  return allVersions(registry).map(({ group, version }) =>
    groupVersionPath(group, version).slice(1),
  );
}
