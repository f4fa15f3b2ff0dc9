// Builds the folder that the process is in, with every default; prints the digest.
import { build } from 'xbuild'

const { digest } = await build({ context: '.' })
console.log(digest)
