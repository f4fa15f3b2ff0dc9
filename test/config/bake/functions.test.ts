import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { valueOf } from './evaluate.ts'

type Golden = { readonly value: string | null } | { readonly error: true } | { readonly missing: true }

const golden: Readonly<Record<string, Golden>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'functions.golden.json'), 'utf8'),
)

const known = Object.entries(golden).filter(([, result]) => !('missing' in result))

test.each(known)('%s', (expression, result) => {
  if ('value' in result) expect(valueOf(expression)).toBe(result.value)
  else expect(() => valueOf(expression)).toThrow(/^Cannot read "docker-bake\.hcl:2:\d+": /)
})
