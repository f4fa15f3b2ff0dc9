import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/**
 * Where the examples keep what they make: base images, results, a store. Nothing but dist and node_modules goes to
 * the checkout.
 */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'xbuild-examples')
