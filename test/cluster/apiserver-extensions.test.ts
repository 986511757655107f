/** Custom resources, server-side apply, limits and quotas: kubectl against a real API server process. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';

const suite = canRun ? describe : describe.skip;

const definition = (group: string, names: object = {}): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], ...names },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
            },
          },
          additionalPrinterColumns: [
            { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
            {
              name: 'Ready',
              type: 'string',
              jsonPath: '.status.conditions[?(@.type=="Ready")].status',
            },
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  required: ['size'],
                  properties: {
                    size: { type: 'integer', minimum: 1 },
                    replicas: { type: 'integer', default: 2 },
                    color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
                  },
                },
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
            },
          },
        },
        {
          name: 'v1beta1',
          served: true,
          storage: false,
          schema: {
            openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          },
        },
      ],
    },
  });

const widget = (name: string, spec: object, group = 'example.com'): string =>
  JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, spec });

suite('extensions of the API server', () => {
  let server: ApiserverHarness;

  beforeAll(async () => {
    server = await startHarness();
    server.kubectl(['create', 'serviceaccount', 'default']);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  const ok = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    if (run.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${run.err}`);
    return run.out.trim();
  };
  const refused = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    expect(run.code).not.toBe(0);
    return run.err.trim();
  };
  const apply = ['apply', '-f', '-'];

  test('a custom resource lives and ends', () => {
    ok(apply, definition('example.com'));
    ok(['wait', '--for', 'condition=established', 'crd/widgets.example.com', '--timeout=10s']);
    expect(ok(apply, widget('one', { size: 3 }))).toBe('widget.example.com/one created');
    expect(ok(['get', 'wd', 'one', '-o', 'jsonpath={.spec}'])).toBe(
      '{"color":"red","replicas":2,"size":3}',
    );
    expect(ok(['get', 'wd'])).toMatch(/^NAME +SIZE +READY\none +3/);
    expect(refused(apply, widget('two', { size: 0, color: 'green' }))).toBe(
      'The Widget "two" is invalid: \n' +
        '* spec.color: Unsupported value: "green": supported values: "red", "blue"\n' +
        '* spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
    );
    expect(refused(['create', '-f', '-'], widget('two', { size: 1, colour: 'x' }))).toContain(
      'strict decoding error: unknown field "spec.colour"',
    );
    ok(['patch', 'wd', 'one', '--type=merge', '-p', '{"spec":{"size":4}}']);
    expect(
      refused(['patch', 'wd', 'one', '--type=strategic', '-p', '{"spec":{"size":4}}']),
    ).toMatch(/the body of the request was in an unknown format/);
    const ready = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}';
    ok(['patch', 'wd', 'one', '--subresource=status', '--type=merge', '-p', ready]);
    expect(ok(['get', 'wd', 'one', '--no-headers'])).toMatch(/^one +4 +True/);
    expect(ok(['scale', 'wd', 'one', '--replicas=7'])).toBe('widget.example.com/one scaled');
    expect(ok(['get', 'widgets.v1beta1.example.com', 'one', '-o', 'jsonpath={.apiVersion}'])).toBe(
      'example.com/v1beta1',
    );
    expect(ok(['explain', 'widget.spec.color'])).toContain('FIELD: color <string>');
    ok(['patch', 'wd', 'one', '--type=merge', '-p', '{"metadata":{"finalizers":["a.b/c"]}}']);
    ok(['delete', 'crd', 'widgets.example.com', '--wait=false']);
    expect(refused(['create', '-f', '-'], widget('two', { size: 1 }))).toContain(
      'create not allowed while custom resource definition is terminating',
    );
    ok(['patch', 'wd', 'one', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    ok(['wait', '--for=delete', 'crd/widgets.example.com', '--timeout=10s']);
    expect(refused(['get', 'widgets.example.com'])).toContain(
      'the server doesn\'t have a resource type "widgets"',
    );
  }, 60_000);

  test('a changed custom resource is applied again', () => {
    ok(apply, definition('again.example.com'));
    ok([
      'wait',
      '--for',
      'condition=established',
      'crd/widgets.again.example.com',
      '--timeout=10s',
    ]);
    const patchTypes = (): string[] => {
      const document = JSON.parse(
        ok(['get', '--raw', '/openapi/v3/apis/again.example.com/v1']),
      ) as {
        paths: Record<string, { patch?: { requestBody: { content: object } } }>;
      };
      const path = '/apis/again.example.com/v1/namespaces/{namespace}/widgets/{name}';
      return Object.keys(document.paths[path]?.patch?.requestBody.content ?? {});
    };
    expect(patchTypes()).toEqual([
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ]);
    const sized = (size: number): string => widget('one', { size }, 'again.example.com');
    expect(ok(apply, sized(1))).toBe('widget.again.example.com/one created');
    expect(ok(apply, sized(2))).toBe('widget.again.example.com/one configured');
    expect(ok(['get', 'widgets.again.example.com', 'one', '-o', 'jsonpath={.spec.size}'])).toBe(
      '2',
    );
    ok(['delete', 'crd', 'widgets.again.example.com']);
  }, 60_000);

  test('a definition waits for names that are taken', () => {
    ok(apply, definition('names.example.com'));
    ok(['wait', '--for', 'condition=established', 'crd/widgets.names.example.com']);
    const other = definition('names.example.com', { plural: 'gadgets', kind: 'Gadget' }).replace(
      '"name":"widgets.names',
      '"name":"gadgets.names',
    );
    ok(apply, other);
    ok(['wait', '--for', 'condition=NamesAccepted=false', 'crd/gadgets.names.example.com']);
    const condition = 'jsonpath={.status.conditions[?(@.type=="NamesAccepted")].message}';
    expect(ok(['get', 'crd', 'gadgets.names.example.com', '-o', condition])).toBe(
      '"wd" is already in use',
    );
    ok(['delete', 'crd', 'widgets.names.example.com']);
    ok(['wait', '--for', 'condition=established', 'crd/gadgets.names.example.com']);
    ok(['delete', 'crd', 'gadgets.names.example.com']);
  }, 60_000);

  test('server-side apply knows who set what', () => {
    const config = (data: object): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared' }, data });
    const as = (manager: string): string[] => [
      'apply',
      '--server-side',
      `--field-manager=${manager}`,
      '-f',
      '-',
    ];
    ok(as('first'), config({ a: '1', b: '1' }));
    expect(refused(as('second'), config({ a: '2' }))).toContain(
      'Apply failed with 1 conflict: conflict with "first": .data.a',
    );
    ok([...as('second'), '--force-conflicts'], config({ a: '2' }));
    ok(as('first'), config({}));
    expect(ok(['get', 'cm', 'shared', '-o', 'jsonpath={.data}'])).toBe('{"a":"2"}');
    expect(ok(['get', 'cm', 'shared', '-o', 'yaml'])).not.toContain('managedFields');
    const shown = ok(['get', 'cm', 'shared', '-o', 'yaml', '--show-managed-fields']);
    expect(shown).toContain('manager: second');
    ok(['create', 'cm', 'plain', '--from-literal=x=1']);
    const manager = 'jsonpath={.metadata.managedFields[*].manager}';
    expect(ok(['get', 'cm', 'plain', '--show-managed-fields', '-o', manager])).toBe(
      'kubectl-create',
    );
    const strange = config({}).replace('"data"', '"date"');
    expect(refused([...as('first'), '--validate=ignore'], strange)).toBe(
      'Error from server: failed to create typed patch object (default/shared; /v1, Kind=ConfigMap): ' +
        '.date: field not declared in schema',
    );
  }, 60_000);

  test('limit ranges fill in and bound', () => {
    ok(['create', 'namespace', 'limited']);
    ok(['create', 'serviceaccount', 'default', '-n', 'limited']);
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'range', namespace: 'limited' },
      spec: {
        limits: [
          { type: 'Container', default: { cpu: '200m' }, max: { cpu: '1' }, min: { cpu: '50m' } },
        ],
      },
    };
    ok(apply, JSON.stringify(range));
    ok(['run', 'filled', '--image=x', '-n', 'limited']);
    const annotations = 'jsonpath={.metadata.annotations}';
    expect(ok(['get', 'pod', 'filled', '-n', 'limited', '-o', annotations])).toBe(
      '{"kubernetes.io/limit-ranger":"LimitRanger plugin set: cpu request for container filled; ' +
        'cpu limit for container filled"}',
    );
    const pod = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'big', namespace: 'limited' },
      spec: { containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '2' } } }] },
    });
    expect(refused(['create', '-f', '-'], pod)).toBe(
      'Error from server (Forbidden): error when creating "STDIN": pods "big" is forbidden: ' +
        'maximum cpu usage per Container is 1, but limit is 2',
    );
  }, 60_000);

  test('quotas are charged and not exceeded', () => {
    ok(['create', 'namespace', 'frugal']);
    ok(['create', 'quota', 'few', '--hard=configmaps=2', '-n', 'frugal']);
    const status = '{"status":{"hard":{"configmaps":"2"},"used":{"configmaps":"0"}}}';
    ok([
      'patch',
      'quota',
      'few',
      '-n',
      'frugal',
      '--subresource=status',
      '--type=merge',
      '-p',
      status,
    ]);
    ok(['create', 'configmap', 'a', '-n', 'frugal']);
    ok(['create', 'configmap', 'b', '-n', 'frugal', '--dry-run=server']);
    expect(refused(['create', 'configmap', 'a', '-n', 'frugal'])).toContain('already exists');
    ok(['create', 'configmap', 'b', '-n', 'frugal']);
    expect(refused(['create', 'configmap', 'c', '-n', 'frugal'])).toContain(
      'configmaps "c" is forbidden: exceeded quota: few, requested: configmaps=1, ' +
        'used: configmaps=2, limited: configmaps=2',
    );
    expect(ok(['get', 'quota', 'few', '-n', 'frugal', '-o', 'jsonpath={.status.used}'])).toBe(
      '{"configmaps":"2"}',
    );
  }, 60_000);
});
