/** Once before the unit tests: the code that is made from .proto files is there, in a fresh clone too. */
export default async function setup(): Promise<void> {
  await import('../../src/driver/buildkit/proto/generate.mjs' as string)
}
