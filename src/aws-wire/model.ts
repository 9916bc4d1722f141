/** A value on the Query wire, with the constraints that the service model puts on it. */
export type Shape =
  | {
      readonly type: 'string'
      readonly min?: number
      readonly max?: number
      /** Java's syntax, not anchored. */
      readonly pattern?: string
      readonly enum?: readonly string[]
      readonly sensitive?: boolean
    }
  | { readonly type: 'integer'; readonly min?: number; readonly max?: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'timestamp' }
  | { readonly type: 'blob'; readonly sensitive?: boolean }
  | { readonly type: 'list'; readonly member: string; readonly min?: number; readonly max?: number }
  | { readonly type: 'map'; readonly key: string; readonly value: string; readonly max?: number }
  | {
      readonly type: 'structure'
      /** Member name → name of its shape. */
      readonly members: Readonly<Record<string, string>>
      readonly required?: readonly string[]
    }

/** One operation: names of its shapes, codes of the errors it declares. */
export type Operation = {
  readonly input?: string
  /** Absent together with `wrapper` where the answer has no result element. */
  readonly output?: string
  readonly wrapper?: string
  readonly errors: readonly string[]
  /** Needs no signature; one that comes along is ignored. */
  readonly unsigned?: boolean
}

/** A service as its model describes it; the tables of iam and sts are of this type. */
export type ServiceModel = {
  readonly service: string
  readonly version: string
  readonly namespace: string
  readonly operations: Readonly<Record<string, Operation>>
  /** Wire code → status and whose fault it is. */
  readonly errors: Readonly<
    Record<string, { readonly status: number; readonly fault: 'Sender' | 'Receiver' }>
  >
  readonly shapes: Readonly<Record<string, Shape>>
}

/** The shape of that name. A table that names a missing shape is a bug of the script that made it. */
export function shapeNamed(model: ServiceModel, name: string): Shape {
  const shape = model.shapes[name]
  if (shape === undefined) throw new TypeError(`The ${model.service} table has no shape ${name}`)
  return shape
}

type ValueOf<Shapes, Name> = Name extends keyof Shapes ? Value<Shapes, Shapes[Name]> : never

type Value<Shapes, S> = S extends { type: 'string'; enum: readonly (infer Word)[] }
  ? Word
  : S extends { type: 'string' }
    ? string
    : S extends { type: 'integer' }
      ? number
      : S extends { type: 'boolean' }
        ? boolean
        : S extends { type: 'timestamp' }
          ? Temporal.Instant
          : S extends { type: 'blob' }
            ? Uint8Array
            : S extends { type: 'list'; member: infer Member }
              ? readonly ValueOf<Shapes, Member>[]
              : S extends { type: 'map'; value: infer Element }
                ? ReadonlyMap<string, ValueOf<Shapes, Element>>
                : S extends { type: 'structure'; members: infer Members }
                  ? Structure<Shapes, Members, S extends { required: readonly (infer Name)[] } ? Name : never>
                  : never

type Structure<Shapes, Members, Required> = {
  readonly [Name in keyof Members as Name extends Required ? Name : never]: ValueOf<Shapes, Members[Name]>
} & {
  readonly [Name in keyof Members as Name extends Required ? never : Name]?:
    ValueOf<Shapes, Members[Name]> | undefined
}

/** The names of a service's operations. */
export type OperationName<Model extends ServiceModel> = keyof Model['operations'] & string

/** What an operation gets, once read and validated. */
export type InputOf<
  Model extends ServiceModel,
  Name extends OperationName<Model>,
> = Model['operations'][Name] extends { input: infer Input } ? ValueOf<Model['shapes'], Input> : Readonly<{}>

/** What an operation answers; undefined where its answer has no result element. */
export type OutputOf<
  Model extends ServiceModel,
  Name extends OperationName<Model>,
> = Model['operations'][Name] extends { output: infer Output } ? ValueOf<Model['shapes'], Output> : undefined
