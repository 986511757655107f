// oxlint-disable-next-line import/no-unassigned-import -- the library's container needs it loaded first
import 'reflect-metadata';
import * as library from '@peculiar/x509';

/** The library as one value: the names of a CommonJS module are lost when it is imported dynamically in packed code. */
export { library };
