/** Does the work when it is first wanted, and gives everybody that same result, also when it failed. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
