/** A scalar as Docker reads it, and as it prints it where text is expected. */
export interface Scalar {
  readonly value: string | number | boolean | null;
  readonly text: string;
  /** Whether it was read as a point in time, which Docker prints in a form of its own. */
  readonly time?: boolean;
}

const NULLS = ["", "~", "null", "Null", "NULL"];
const BOOLEANS = new Map([
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
]);
const INFINITE = /^([-+]?)\.(inf|Inf|INF)$/;
const NAN = /^\.(nan|NaN|NAN)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)$/;
const TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[+-]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?))?$/;
const SMALLEST_INT = -(2n ** 63n);
const LARGEST_UINT = 2n ** 64n - 1n;

/**
 * A plain scalar as gopkg.in/yaml.v3 resolves it, the YAML library of Docker's CLI. It is neither YAML 1.1 nor 1.2: yes, on and
 * 22:22 are text as in 1.2, 0444 is octal as in 1.1, 1_000 is a number, and a date is a point in time.
 */
export function plainScalar(source: string): Scalar {
  if (NULLS.includes(source)) return { value: null, text: "" };
  const boolean = BOOLEANS.get(source);
  if (boolean !== undefined) return { value: boolean, text: String(boolean) };
  if (NAN.test(source)) return { value: NaN, text: "NaN" };
  const [, infinite] = INFINITE.exec(source) ?? [];
  if (infinite !== undefined) {
    return infinite === "-" ? { value: -Infinity, text: "-Inf" } : { value: Infinity, text: "+Inf" };
  }
  const time = goTime(source);
  if (time !== undefined) return { value: time, text: time, time: true };
  return goNumber(source) ?? { value: source, text: source };
}

function goNumber(source: string): Scalar | undefined {
  if (!/^[-+.\d]/.test(source)) return undefined;
  // Underscores separate digits, but not in what starts with the decimal point.
  const digits = source.startsWith(".") ? source : source.replaceAll("_", "");
  const [, sign, unsigned = ""] = INTEGER.exec(digits) ?? [];
  if (unsigned !== "") {
    const magnitude = BigInt(/^0[0-7]+$/.test(unsigned) ? `0o${unsigned.slice(1)}` : unsigned.toLowerCase());
    const integer = sign === "-" ? -magnitude : magnitude;
    if (integer >= SMALLEST_INT && integer <= LARGEST_UINT) {
      return { value: Number(integer), text: String(integer) };
    }
  }
  const float = FLOAT.test(digits) ? Number(digits) : NaN;
  return Number.isFinite(float) ? { value: float, text: goFloat(float) } : undefined;
}

/** As Go's fmt prints a float64: with an exponent of two digits at least below 1e-4 and from 1e6. */
function goFloat(value: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  if (Object.is(value, -0)) return "-0";
  if (Number(exponent) >= -4 && Number(exponent) < 6) return String(value);
  return `${mantissa}e${exponent.replace(/^([+-])(\d)$/, "$10$2")}`;
}

/** As Go's time.Time prints itself; undefined when the text is no point in time. */
function goTime(source: string): string | undefined {
  const [, year, month, day, h1, m1, s1, f1, zone, h2, m2, s2, f2] = TIME.exec(source) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const [hour = "0", minute = "0", second = "0"] = [h1 ?? h2, m1 ?? m2, s1 ?? s2];
  const pad = (part: string) => part.padStart(2, "0");
  const date = `${year}-${pad(month)}-${pad(day)}`;
  const time = `${pad(hour)}:${pad(minute)}:${pad(second)}`;
  const parsed = new Date(`${date}T${time}Z`);
  // A day that does not exist would be another one.
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(date)) return undefined;
  const fraction = (f1 ?? f2 ?? "").replace(/\.?0+$/, "");
  const offset =
    zone === undefined || zone === "Z" ? "+0000 UTC" : `${zone.replace(":", "")} ${zone.replace(":", "")}`;
  return `${date} ${time}${fraction} ${offset}`;
}
