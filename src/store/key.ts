import { createHash } from 'node:crypto'

/** A key for a record: hex SHA-256 over a JSON value. */
export function keyOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
