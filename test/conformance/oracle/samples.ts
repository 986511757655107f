/** Valid objects of every kind with many fields set, which mutations start from. */
import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';

const folder = 'test/conformance/testdata/samples';
const files = ['pod', 'core', 'apps', 'cluster', 'newer', 'groups'];
/** Those that are asked more: names too, and more values of each field. */
const richFiles = ['networking', 'rbac', 'webhooks', 'definitions'];

/** A sample, and the name that its recorded answers have. */
export interface Sample {
  readonly id: string;
  /** Its names and many more values are asked about too. */
  readonly rich: boolean;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name?: string; readonly namespace?: string };
  };
}

/** Reads all samples. */
export function readSamples(): Sample[] {
  return [...files, ...richFiles].flatMap((file) =>
    (loadAll(readFileSync(`${folder}/${file}.yaml`, 'utf8')) as Sample['object'][]).map(
      (object) => {
        const { name = 'generated' } = object.metadata;
        const id = `${object.kind}-${name}`.toLowerCase().replaceAll(/[: ]/g, '_');
        return { id, object, rich: richFiles.includes(file) };
      },
    ),
  );
}
