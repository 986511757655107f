/** A flag that is on or off. */
export interface BoolFlag {
  readonly type: 'bool';
  readonly short?: string;
  readonly default?: boolean;
  readonly help: string;
}

/** A flag with a value. */
export interface TextFlag {
  readonly type: 'text';
  readonly short?: string;
  readonly default?: string;
  /** The value of the flag without one (`--dry-run` alone); then a value follows only after `=`. */
  readonly bare?: string;
  readonly required?: boolean;
  /** The only values it takes. */
  readonly values?: readonly string[];
  /** How help names the value. */
  readonly value?: string;
  readonly help: string;
}

/** A flag that may be given several times. */
export interface ListFlag {
  readonly type: 'list';
  readonly short?: string;
  /** True when a value may be several, separated by commas. */
  readonly commas?: boolean;
  readonly required?: boolean;
  readonly value?: string;
  readonly help: string;
}

/** A flag with a whole number. */
export interface IntFlag {
  readonly type: 'int';
  readonly short?: string;
  readonly default?: number;
  readonly required?: boolean;
  readonly value?: string;
  readonly help: string;
}

/** A flag of one of the types above. */
export type Flag = BoolFlag | TextFlag | ListFlag | IntFlag;
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F extends BoolFlag
  ? F extends { readonly default: boolean }
    ? boolean
    : boolean | undefined
  : F extends ListFlag
    ? readonly string[]
    : F extends IntFlag
      ? F extends { readonly default: number }
        ? number
        : number | undefined
      : F extends { readonly default: string }
        ? string
        : string | undefined;

/** The values of a command's flags, by their long names. */
export type Values<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]> };
