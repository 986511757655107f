const int64Max = 2 ** 63;
/** From this exponent on, and below the other, a float is printed with its exponent. */
const plainExponentMax = 6;
const plainExponentMin = -4;

/** A number of JSON as Go's `%v` prints it: whole ones are int64, others float64 (`1e-05`, `1.2345675e+06`). */
export function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < int64Max) return BigInt(value).toString();
  return goFloat(value);
}

/** A float64 as Go's `%v` prints it. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const [digits = '', exponentText = ''] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent >= plainExponentMin && exponent < plainExponentMax) return String(value);
  return `${digits}e${exponentOf(exponent)}`;
}

/** An exponent has a sign and two digits at least. */
export function exponentOf(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
