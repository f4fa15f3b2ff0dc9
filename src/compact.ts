/** `T` without undefined as a value: fields that may be undefined are optional instead. */
export type Compact<T> = Flat<
  { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
    [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
  }
>

type Flat<T> = { [K in keyof T]: T[K] }

/** The same object without its undefined fields: absent is not undefined where objects are merged or compared. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Compact<T>
}
